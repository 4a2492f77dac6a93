package nethttp_test

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const (
	site     = "https://bridge.example.com"
	identity = "https://identity.pagerduty.com"
)

// pagesServer is a service with pages: both vendors, a store, and any number of replicas.
type pagesServer struct {
	pagerDuty *pagerdutytest.Server
	elsewhere *pagerdutytest.Server // where people log in; the same unless a test says otherwise
	zoom      *zoomtest.Server
	recorded  *recordingStore
	store     tokenstore.Store // recorded, unless a test seals it
	log       safeBuffer
	incident  string
	ada       string // a responder
	opts      []bridge.Option
	account   pagerduty.Auth // the service's own
}

// setup returns a service with one replica and the browser of a responder, who is not
// logged in.
func setup(t *testing.T) (*pagesServer, *browser) {
	t.Helper()
	srv := newPagesServer()
	return srv, srv.browser(t, srv.replica(t))
}

func newPagesServer(opts ...bridge.Option) *pagesServer {
	pd := pagerdutytest.New()
	srv := &pagesServer{
		pagerDuty: pd, elsewhere: pd,
		zoom:    zoomtest.New(zoomtest.WithUsers("host@example.com", "ada@example.com")),
		account: pagerduty.APIKey(pd.Key(), pd.From()),
		opts:    opts, recorded: newRecordingStore(),
	}
	srv.store = srv.recorded
	srv.incident = pd.AddIncident("Disk full")
	srv.ada = pd.AddUser("ada@example.com", func(u *pagerdutytest.User) { u.Role, u.Name = "limited_user", "Ada Lovelace" })
	pd.SignIn(srv.ada)
	return srv
}

// replica is one process.
func (srv *pagesServer) replica(t *testing.T, more ...nethttp.Option) *nethttp.Handler {
	t.Helper()
	account, err := pagerduty.NewClient(srv.account, pagerduty.WithTransport(srv.pagerDuty.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	zoomClient, err := zoom.NewClient(zoom.ServerToServer(srv.zoom.AccountCredentials()), zoom.WithTransport(srv.zoom.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := bridge.New(bridge.PagerDuty(account), bridge.Zoom(zoomClient, "host@example.com"), srv.store, srv.opts...)
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ := srv.elsewhere.Credentials()
	app, err := pagerduty.NewOAuth(id, secret, site+"/oauth/pagerduty/callback",
		pagerduty.WithScopes("openid"), pagerduty.WithTransport(srv.elsewhere.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	return newHandler(t, svc, append([]nethttp.Option{
		nethttp.WithLogin(app, account), nethttp.WithPages(site, srv.store), nethttp.ActionTokens(actionToken),
		nethttp.WithLogger(slog.New(slog.NewJSONHandler(&srv.log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	}, more...)...)
}

// browser is a person with a browser.
type browser struct {
	t    *testing.T
	jar  http.CookieJar
	at   map[string]http.Handler // by origin
	seen []string                // every address, as a proxy's log would have it
}

// browser opens a new browser, without cookies, in front of a replica.
func (srv *pagesServer) browser(t *testing.T, replica http.Handler) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, jar: jar, at: map[string]http.Handler{site: replica, identity: srv.elsewhere.Handler()}}
}

// webPage is a page as a browser received it.
type webPage struct {
	status int
	path   string // with the query
	header http.Header
	body   string
}

// ask sends a request and follows redirects.
func (b *browser) ask(r *http.Request) webPage {
	b.t.Helper()
	client := &http.Client{Jar: b.jar, Transport: b}
	response, err := client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return webPage{response.StatusCode, response.Request.URL.RequestURI(), response.Header, string(body)}
}

// RoundTrip passes a request to the server of its origin.
func (b *browser) RoundTrip(r *http.Request) (*http.Response, error) {
	b.seen = append(b.seen, r.URL.String(), r.Referer())
	r.RequestURI = r.URL.RequestURI()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	b.at[r.URL.Scheme+"://"+r.URL.Host].ServeHTTP(recorder, r)
	response := recorder.Result()
	response.Request = r
	return response, nil
}

func (b *browser) request(method, path string, form url.Values) *http.Request {
	r, err := http.NewRequestWithContext(b.t.Context(), method, site+path, strings.NewReader(form.Encode()))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", site)
	}
	return r
}

func (b *browser) open(path string) webPage {
	b.t.Helper()
	return b.ask(b.request(http.MethodGet, path, nil))
}

// login opens a page that needs a login, and logs in.
func (b *browser) login(path string) webPage {
	b.t.Helper()
	return b.open(b.open(path).link(b.t, "Log in with PagerDuty"))
}

// press sends the form whose button has this label.
func (b *browser) press(on webPage, label string) webPage {
	b.t.Helper()
	return b.ask(b.pressing(on, label))
}

func (b *browser) pressing(on webPage, label string) *http.Request {
	b.t.Helper()
	for _, form := range regexp.MustCompile(`(?s)<form [^>]*action="([^"]+)".*?</form>`).FindAllStringSubmatch(on.body, -1) {
		if strings.Contains(form[0], ">"+label+"</button>") {
			return b.request(http.MethodPost, html.UnescapeString(form[1]), url.Values{"token": {token(form[0])}})
		}
	}
	b.t.Fatalf("no button %q on %s:\n%s", label, on.path, on.body)
	return nil
}

// token is the token of the page's first form.
func token(page string) string {
	found := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		return ""
	}
	return found[1]
}

// link is where the link with this text leads.
func (s webPage) link(t *testing.T, text string) string {
	t.Helper()
	for _, a := range regexp.MustCompile(`(?s)<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>`).FindAllStringSubmatch(s.body, -1) {
		if strings.Contains(a[2], text) {
			return html.UnescapeString(a[1])
		}
	}
	t.Fatalf("no link %q on %s, %d:\n%s", text, s.path, s.status, s.body)
	return ""
}

func (s webPage) shows(t *testing.T, status int, texts ...string) {
	t.Helper()
	if s.status != status {
		t.Errorf("%s: status %d, want %d", s.path, s.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(s.body, text) {
			t.Errorf("%s does not say %q:\n%s", s.path, text, s.body)
		}
	}
}

func (s webPage) title() string {
	_, title, _ := strings.Cut(s.body, `<h1 id="title">`)
	title, _, _ = strings.Cut(title, "</h1>")
	return html.UnescapeString(title)
}

func (s webPage) says(text string) bool { return strings.Contains(html.UnescapeString(s.body), text) }

// cookie returns the cookie with this name, or nil.
func (b *browser) cookie(name string) *http.Cookie {
	for _, c := range b.cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// cookies returns what the browser sends to the service.
func (b *browser) cookies() []*http.Cookie {
	u, err := url.Parse(site)
	if err != nil {
		panic(err)
	}
	return b.jar.Cookies(u)
}

func (b *browser) setCookie(c *http.Cookie) {
	u, err := url.Parse(site)
	if err != nil {
		panic(err)
	}
	c.Path, c.Secure, c.Expires = "/", true, time.Now().Add(24*time.Hour)
	b.jar.SetCookies(u, []*http.Cookie{c})
}
