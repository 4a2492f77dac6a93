package nethttp_test

import (
	"bytes"
	"context"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
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

// lobby is a service with pages: both vendors, a store, and any number of replicas.
type lobby struct {
	pagerDuty *pagerdutytest.Server
	elsewhere *pagerdutytest.Server // where people log in; the same unless a test says otherwise
	zoom      *zoomtest.Server
	store     tokenstore.Store
	down      atomic.Bool                  // the store
	kept      map[string]tokenstore.Record // as it was last written
	log       bytes.Buffer
	incident  string
	ada       string // a responder
	opts      []bridge.Option
	account   pagerduty.Auth // the service's own
}

func newLobby(opts ...bridge.Option) *lobby {
	pd := pagerdutytest.New()
	l := &lobby{
		pagerDuty: pd, elsewhere: pd,
		zoom:    zoomtest.New(zoomtest.WithUsers("host@example.com", "ada@example.com")),
		account: pagerduty.APIKey(pd.Key(), pd.From()),
		opts:    opts, kept: map[string]tokenstore.Record{},
	}
	l.store = &fragile{Store: tokenstore.NewMemory(), lobby: l}
	l.incident = pd.AddIncident("Disk full")
	l.ada = pd.AddUser("ada@example.com", func(u *pagerdutytest.User) { u.Role, u.Name = "limited_user", "Ada Lovelace" })
	pd.SignIn(l.ada)
	return l
}

// replica is one process.
func (l *lobby) replica(t *testing.T, more ...nethttp.Option) *nethttp.Handler {
	t.Helper()
	account, err := pagerduty.NewClient(l.account, pagerduty.WithTransport(l.pagerDuty.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	zoomClient, err := zoom.NewClient(zoom.ServerToServer(l.zoom.AccountCredentials()), zoom.WithTransport(l.zoom.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := bridge.New(bridge.PagerDuty(account), bridge.Zoom(zoomClient, "host@example.com"), l.store, l.opts...)
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ := l.elsewhere.Credentials()
	app, err := pagerduty.NewOAuth(id, secret, site+"/oauth/pagerduty/callback",
		pagerduty.WithScopes("openid"), pagerduty.WithTransport(l.elsewhere.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	return newHandler(t, svc, append([]nethttp.Option{
		nethttp.WithLogin(app, account), nethttp.WithPages(site, l.store), nethttp.ActionTokens(actionToken),
		nethttp.WithLogger(slog.New(slog.NewJSONHandler(&l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	}, more...)...)
}

// fragile is a store that can be down, and is looked into.
type fragile struct {
	tokenstore.Store
	lobby *lobby
	mu    sync.Mutex
}

func (f *fragile) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	f.mu.Lock()
	f.lobby.kept[key] = r
	f.mu.Unlock()
	return f.Store.Put(ctx, key, r)
}

func (f *fragile) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if f.lobby.down.Load() {
		return tokenstore.Record{}, errors.New("dial tcp 10.0.0.5:5432: refused")
	}
	return f.Store.Get(ctx, key)
}

// guest is somebody with a browser.
type guest struct {
	t    *testing.T
	jar  http.CookieJar
	at   map[string]http.Handler // by origin
	seen []string                // every address, as a proxy's log would have it
}

// guest opens a browser in front of a replica.
func (l *lobby) guest(t *testing.T, replica http.Handler) *guest {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &guest{t: t, jar: jar, at: map[string]http.Handler{site: replica, identity: l.elsewhere.Handler()}}
}

// sheet is a page as it came.
type sheet struct {
	status int
	path   string // with the query
	header http.Header
	body   string
}

// ask sends a request as a browser does, and follows where it leads.
func (g *guest) ask(r *http.Request) sheet {
	g.t.Helper()
	client := &http.Client{Jar: g.jar, Transport: g}
	response, err := client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return sheet{response.StatusCode, response.Request.URL.RequestURI(), response.Header, string(body)}
}

// RoundTrip brings a request to the server of its origin.
func (g *guest) RoundTrip(r *http.Request) (*http.Response, error) {
	g.seen = append(g.seen, r.URL.String(), r.Referer())
	r.RequestURI = r.URL.RequestURI()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	g.at[r.URL.Scheme+"://"+r.URL.Host].ServeHTTP(recorder, r)
	response := recorder.Result()
	response.Request = r
	return response, nil
}

func (g *guest) request(method, path string, form url.Values) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), method, site+path, strings.NewReader(form.Encode()))
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

func (g *guest) open(path string) sheet {
	g.t.Helper()
	return g.ask(g.request(http.MethodGet, path, nil))
}

// login opens a page, and takes the login's one button when it is asked for.
func (g *guest) login(path string) sheet {
	g.t.Helper()
	return g.open(g.open(path).link(g.t, "Log in with PagerDuty"))
}

// press sends the form whose button has this label.
func (g *guest) press(on sheet, label string) sheet {
	g.t.Helper()
	return g.ask(g.pressing(on, label))
}

func (g *guest) pressing(on sheet, label string) *http.Request {
	g.t.Helper()
	for _, form := range regexp.MustCompile(`(?s)<form [^>]*action="([^"]+)".*?</form>`).FindAllStringSubmatch(on.body, -1) {
		if strings.Contains(form[0], ">"+label+"</button>") {
			return g.request(http.MethodPost, html.UnescapeString(form[1]), url.Values{"token": {token(form[0])}})
		}
	}
	g.t.Fatalf("no button %q on %s:\n%s", label, on.path, on.body)
	return nil
}

// token is the first form's.
func token(page string) string {
	found := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		return ""
	}
	return found[1]
}

// link is where the link with this text leads.
func (s sheet) link(t *testing.T, text string) string {
	t.Helper()
	for _, a := range regexp.MustCompile(`(?s)<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>`).FindAllStringSubmatch(s.body, -1) {
		if strings.Contains(a[2], text) {
			return html.UnescapeString(a[1])
		}
	}
	t.Fatalf("no link %q on %s, %d:\n%s", text, s.path, s.status, s.body)
	return ""
}

func (s sheet) title() string {
	_, title, _ := strings.Cut(s.body, `<h1 id="title">`)
	title, _, _ = strings.Cut(title, "</h1>")
	return html.UnescapeString(title)
}

func (s sheet) says(text string) bool { return strings.Contains(html.UnescapeString(s.body), text) }

// cookie is one that the browser has.
func (g *guest) cookie(name string) *http.Cookie {
	u, err := url.Parse(site)
	if err != nil {
		panic(err)
	}
	for _, c := range g.jar.Cookies(u) {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func (g *guest) setCookie(c *http.Cookie) {
	u, err := url.Parse(site)
	if err != nil {
		panic(err)
	}
	c.Path, c.Secure, c.Expires = "/", true, time.Now().Add(24*time.Hour)
	g.jar.SetCookies(u, []*http.Cookie{c})
}
