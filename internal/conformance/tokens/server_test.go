package tokens_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/conformance/need"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

const callback = "https://app.example.com/callback"

// app has the methods of either vendor's OAuth app.
type app interface {
	AuthCodeURL(state, verifier string) string
	Exchange(ctx context.Context, code, verifier string) (*oauth2.Token, error)
	Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error)
}

// newApp returns the app that the server of .ci/oidc.mjs has registered.
func newApp(vendor, server string) (app, error) {
	if vendor == "zoom" {
		return zoom.NewOAuth("zoom", "secret-of-zoom", callback, zoom.WithOAuthURL(server))
	}
	return pagerduty.NewOAuth("pagerduty", "secret-of-pagerduty", callback, pagerduty.WithOAuthURL(server))
}

// server is a proxy of the OAuth server that counts the refreshes of one test.
type server struct {
	url    string
	direct string // the OAuth server itself

	mu       sync.Mutex
	asked    int
	answered int // with new tokens
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{direct: need.Address(t, "oidc", "source .ci/services starts oidc-provider", "INCIDENTBRIDGE_OIDC")}
	target, err := url.Parse(s.direct)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if isRefresh(t, r.Out) {
				s.count(&s.asked)
			}
		},
		ModifyResponse: func(resp *http.Response) error {
			if resp.StatusCode == http.StatusOK && isRefresh(t, resp.Request) {
				s.count(&s.answered)
			}
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	s.url = proxy.URL
	return s
}

// isRefresh reads the form; the request keeps a copy.
func isRefresh(t *testing.T, r *http.Request) bool {
	t.Helper()
	if r.GetBody == nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody()
	}
	kept, _ := r.GetBody()
	body, _ := io.ReadAll(kept)
	form, err := url.ParseQuery(string(body))
	return err == nil && form.Get("grant_type") == "refresh_token"
}

func (s *server) count(what *int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*what++
}

func (s *server) counts() (asked, answered int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.answered
}

// consent logs in and agrees as a person would, and returns the token that the app gets.
func (s *server) consent(t *testing.T, vendor string) *oauth2.Token {
	t.Helper()
	app, err := newApp(vendor, s.direct)
	if err != nil {
		t.Fatal(err)
	}
	verifier := oauth2.GenerateVerifier()
	page := app.AuthCodeURL("state", verifier)
	if vendor == "zoom" {
		page += "&scope=openid" // Zoom wants no scope, and this server one
	}
	at := follow(t, newBrowser(t), page)
	token, err := app.Exchange(t.Context(), at.Query().Get("code"), verifier)
	if err != nil {
		t.Fatal(err)
	}
	if token.RefreshToken == "" {
		t.Fatal("the server issued no refresh token")
	}
	return token
}

// newBrowser stops where a redirect leads out of the server.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// follow goes from the authorize page through the forms for login and consent back to the
// app.
func follow(t *testing.T, browser *http.Client, page string) *url.URL {
	t.Helper()
	answer := visit(t, browser, page, nil)
	for _, form := range []url.Values{
		{"prompt": {"login"}, "login": {"ada"}, "password": {"any"}},
		{"prompt": {"consent"}},
	} {
		answer = visit(t, browser, answer.Request.URL.String(), form)
	}
	back, err := answer.Location()
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("the consent ends at %s with %s, want a code", answer.Request.URL, answer.Status)
	}
	return back
}

// visit gets the page, or posts the form to it.
func visit(t *testing.T, browser *http.Client, page string, form url.Values) *http.Response {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, page, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer
}
