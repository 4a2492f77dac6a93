package nethttp_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// installServer is a service that the app is installed in: both vendors, any number of
// replicas behind one address, and the store that they share. All of it listens on
// sockets.
type installServer struct {
	pagerDuty *pagerdutytest.Server
	zoom      *zoomtest.Server
	front     *httptest.Server
	store     *recordingStore
	sealed    tokenstore.Store
	log       safeBuffer
	incident  string
	pdAdmin   string // user id
	extra     []nethttp.Option

	mu       sync.Mutex
	replicas []http.Handler
	turn     int
}

const zoomAdmin = "zoom-admin@example.com"

// newInstallServer starts with one replica.
func newInstallServer(t *testing.T, opts ...pagerdutytest.Option) *installServer {
	t.Helper()
	srv := &installServer{
		pagerDuty: pagerdutytest.New(opts...), zoom: zoomtest.New(zoomtest.WithAdminApp()), store: newRecordingStore(),
	}
	t.Cleanup(srv.pagerDuty.Close)
	t.Cleanup(srv.zoom.Close)
	srv.zoom.AddUser(zoomAdmin, func(u *zoomtest.User) { u.Role = "Owner" })
	srv.pdAdmin = srv.pagerDuty.AddUser("pd-admin@example.com", func(u *pagerdutytest.User) { u.Role = "owner" })
	srv.pagerDuty.SignIn(srv.pdAdmin)
	srv.incident = srv.pagerDuty.AddIncident("Disk full")
	keys, err := tokenstore.ParseKeyring("k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		t.Fatal(err)
	}
	if srv.sealed, err = tokenstore.Sealed(srv.store, keys); err != nil {
		t.Fatal(err)
	}
	srv.front = httptest.NewServer(srv)
	t.Cleanup(srv.front.Close)
	srv.replicas = []http.Handler{srv.replica(t)}
	return srv
}

// ServeHTTP gives the requests to the replicas in turn. PagerDuty sends its ping before
// anybody reads the confirmation.
func (srv *installServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/install/done" {
		srv.pagerDuty.Deliver(r.Context(), nil)
	}
	srv.mu.Lock()
	replica := srv.replicas[srv.turn%len(srv.replicas)]
	srv.turn++
	srv.mu.Unlock()
	replica.ServeHTTP(w, r)
}

func (srv *installServer) serve(replicas ...http.Handler) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.replicas = replicas
}

// replica is one process.
func (srv *installServer) replica(t *testing.T) http.Handler {
	t.Helper()
	i := srv.installation(t)
	svc, err := bridge.New(bridge.PagerDuty(i.PagerDuty()), bridge.InstalledZoom(i.Zoom(), zoom.Me), srv.sealed, bridge.WithInstallation(i))
	if err != nil {
		t.Fatal(err)
	}
	return newHandler(t, svc, append([]nethttp.Option{
		nethttp.WithPages(srv.front.URL, srv.sealed), nethttp.WithInstallation(i, "incident.triggered"),
		nethttp.ZoomSecrets(srv.zoom.WebhookSecret()), nethttp.ActionTokens(actionToken),
		nethttp.WithLogger(slog.New(slog.NewJSONHandler(&srv.log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	}, srv.extra...)...)
}

func (srv *installServer) installation(t *testing.T) *install.Installation {
	t.Helper()
	id, secret := srv.zoom.AppCredentials()
	zoomApp, err := zoom.NewOAuth(id, secret, srv.front.URL+"/oauth/zoom/callback", zoom.WithOAuthURL(srv.zoom.URL()+"/oauth"))
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ = srv.pagerDuty.Credentials()
	pagerDutyApp, err := pagerduty.NewOAuth(id, secret, srv.front.URL+"/oauth/pagerduty/callback",
		pagerduty.WithOAuthURL(srv.pagerDuty.URL()+"/oauth"),
		pagerduty.WithScopes(append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)...))
	if err != nil {
		t.Fatal(err)
	}
	i, err := install.New(srv.sealed,
		install.WithZoom(zoomApp, zoom.WithBaseURL(srv.zoom.URL()+"/v2")),
		install.WithPagerDuty(pagerDutyApp, pagerduty.WithBaseURL(srv.pagerDuty.URL())))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// installed is the current installation, or nil.
func (srv *installServer) installed(t *testing.T) *install.Info {
	t.Helper()
	now, err := srv.installation(t).Current(t.Context())
	if err != nil && !errors.Is(err, install.ErrNotInstalled) {
		t.Fatal(err)
	}
	return now
}

// installingBrowser is the browser of a person who installs the app.
type installingBrowser struct {
	t       *testing.T
	srv     *installServer
	client  *http.Client
	answers bytes.Buffer // of our service, with headers
}

func (srv *installServer) browser(t *testing.T) *installingBrowser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &installingBrowser{t: t, srv: srv}
	b.client = &http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return b
}

// step opens an address and returns where it redirects to; "" if it is a page.
func (b *installingBrowser) step(address string) (next string, seen webPage) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if strings.HasPrefix(address, b.srv.front.URL) {
		if err := response.Header.Write(&b.answers); err != nil {
			b.t.Fatal(err)
		}
		b.answers.Write(body)
	}
	seen = webPage{response.StatusCode, r.URL.RequestURI(), response.Header, string(body)}
	to, err := response.Location()
	if err != nil {
		return "", seen
	}
	return to.String(), seen
}

// follow follows redirects up to a page, or to an address that contains stop.
func (b *installingBrowser) follow(address, stop string) (at string, seen webPage) {
	b.t.Helper()
	for range 20 {
		next, seen := b.step(address)
		if next == "" {
			return address, seen
		}
		if stop != "" && strings.Contains(next, stop) {
			return next, seen
		}
		address = next
	}
	b.t.Fatalf("too many redirects: %s", address)
	return "", webPage{}
}

// install goes through both consents.
func (b *installingBrowser) install(query string) webPage {
	b.t.Helper()
	_, seen := b.follow(b.srv.front.URL+"/install"+query, "")
	return seen
}

// exchanged counts the codes that the vendors were asked to exchange.
func (srv *installServer) exchanged() int {
	codes := 0
	for _, r := range srv.zoom.Requests(zoomtest.GiveToken) {
		codes += strings.Count(string(r.Body), "authorization_code")
	}
	for _, r := range srv.pagerDuty.Requests(pagerdutytest.GiveToken) {
		codes += strings.Count(string(r.Body), "authorization_code")
	}
	return codes
}

// open opens the incident's bridge by the API.
func (srv *installServer) open(t *testing.T) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.front.URL+"/api/v1/incidents/"+srv.incident+"/bridge", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+actionToken)
	return srv.do(t, r)
}

// ask sends a request with a bearer token.
func (srv *installServer) ask(t *testing.T, method, path, token string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, srv.front.URL+path, strings.NewReader(workflowBody))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return srv.do(t, r)
}

func (srv *installServer) do(t *testing.T, r *http.Request) string {
	t.Helper()
	response, err := srv.front.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, response).String()
}

// at opens an address without following redirects.
func (b *installingBrowser) at(address string) webPage {
	b.t.Helper()
	_, seen := b.step(address)
	return seen
}

// changed is the address with other query parameters; an empty value removes one.
func changed(address string, pairs ...string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	values := u.Query()
	for i := 0; i < len(pairs); i += 2 {
		values.Del(pairs[i])
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	u.RawQuery = values.Encode()
	return u.String()
}

func query(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return u.Query().Get(name)
}

// event sends a V3 webhook, signed with the secret.
func (srv *installServer) event(t *testing.T, secret, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.front.URL+"/webhooks/pagerduty", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-PagerDuty-Signature", pagerduty.Sign(secret, []byte(body)).Get("X-PagerDuty-Signature"))
	return srv.do(t, r)
}

// zoomSends delivers an event of Zoom.
func (srv *installServer) zoomSends(t *testing.T, d zoomtest.Delivery) string {
	t.Helper()
	r, err := d.Request(t.Context(), srv.front.URL+"/webhooks/zoom")
	if err != nil {
		t.Fatal(err)
	}
	return srv.do(t, r)
}

// enableLogin gives the replicas made later a login.
func (srv *installServer) enableLogin(t *testing.T) {
	t.Helper()
	id, secret, _ := srv.pagerDuty.Credentials()
	app, err := pagerduty.NewOAuth(id, secret, srv.front.URL+"/oauth/pagerduty/callback",
		pagerduty.WithOAuthURL(srv.pagerDuty.URL()+"/oauth"), pagerduty.WithScopes("openid"))
	if err != nil {
		t.Fatal(err)
	}
	srv.extra = append(srv.extra, nethttp.WithLogin(app, srv.installation(t).PagerDuty()))
}

// slow is a vendor whose page a person leaves open for a while.
type slow struct {
	http.Handler

	delay time.Duration
}

func (s slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(s.delay)
	s.Handler.ServeHTTP(w, r)
}
