package nethttp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// premises is where the app is installed: both vendors and any number of replicas behind one address, on sockets, and the
// store that the replicas share.
type premises struct {
	pagerDuty *pagerdutytest.Server
	zoom      *zoomtest.Server
	front     *httptest.Server
	store     *witness
	sealed    tokenstore.Store
	log       safeBuffer
	incident  string
	pdBoss    string // user id
	extra     []nethttp.Option

	mu       sync.Mutex
	replicas []http.Handler
	turn     int
}

const zoomBoss = "boss@example.com"

// newPremises opens them with one replica.
func newPremises(t *testing.T, opts ...pagerdutytest.Option) *premises {
	t.Helper()
	p := &premises{
		pagerDuty: pagerdutytest.New(opts...), zoom: zoomtest.New(zoomtest.WithAdminApp()), store: &witness{Store: tokenstore.NewMemory()},
	}
	t.Cleanup(p.pagerDuty.Close)
	t.Cleanup(p.zoom.Close)
	p.zoom.AddUser(zoomBoss, func(u *zoomtest.User) { u.Role = "Owner" })
	p.pdBoss = p.pagerDuty.AddUser("pd-boss@example.com", func(u *pagerdutytest.User) { u.Role = "owner" })
	p.pagerDuty.SignIn(p.pdBoss)
	p.incident = p.pagerDuty.AddIncident("Disk full")
	keys, err := tokenstore.ParseKeyring("k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		t.Fatal(err)
	}
	if p.sealed, err = tokenstore.Sealed(p.store, keys); err != nil {
		t.Fatal(err)
	}
	p.front = httptest.NewServer(p)
	t.Cleanup(p.front.Close)
	p.replicas = []http.Handler{p.replica(t)}
	return p
}

// ServeHTTP gives the requests to the replicas in turn. By the time that somebody reads the confirmation, PagerDuty has
// sent what it has to send.
func (p *premises) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/install/done" {
		p.pagerDuty.Deliver(r.Context(), nil)
	}
	p.mu.Lock()
	replica := p.replicas[p.turn%len(p.replicas)]
	p.turn++
	p.mu.Unlock()
	replica.ServeHTTP(w, r)
}

func (p *premises) serve(replicas ...http.Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replicas = replicas
}

// replica is one process.
func (p *premises) replica(t *testing.T) http.Handler {
	t.Helper()
	i := p.installation(t)
	svc, err := bridge.New(bridge.PagerDuty(i.PagerDuty()), bridge.InstalledZoom(i.Zoom(), zoom.Me), p.sealed, bridge.WithInstallation(i))
	if err != nil {
		t.Fatal(err)
	}
	return newHandler(t, svc, append([]nethttp.Option{
		nethttp.WithPages(p.front.URL, p.sealed), nethttp.WithInstallation(i, "incident.triggered"),
		nethttp.ZoomSecrets(p.zoom.WebhookSecret()), nethttp.ActionTokens(actionToken),
		nethttp.WithLogger(slog.New(slog.NewJSONHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	}, p.extra...)...)
}

func (p *premises) installation(t *testing.T) *install.Installation {
	t.Helper()
	id, secret := p.zoom.AppCredentials()
	zoomApp, err := zoom.NewOAuth(id, secret, p.front.URL+"/oauth/zoom/callback", zoom.WithOAuthURL(p.zoom.URL()+"/oauth"))
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ = p.pagerDuty.Credentials()
	pagerDutyApp, err := pagerduty.NewOAuth(id, secret, p.front.URL+"/oauth/pagerduty/callback",
		pagerduty.WithOAuthURL(p.pagerDuty.URL()+"/oauth"),
		pagerduty.WithScopes(append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)...))
	if err != nil {
		t.Fatal(err)
	}
	i, err := install.New(p.sealed,
		install.WithZoom(zoomApp, zoom.WithBaseURL(p.zoom.URL()+"/v2")),
		install.WithPagerDuty(pagerDutyApp, pagerduty.WithBaseURL(p.pagerDuty.URL())))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// installed is what stands, nil for nothing.
func (p *premises) installed(t *testing.T) *install.Info {
	t.Helper()
	now, err := p.installation(t).Current(t.Context())
	if err != nil && !errors.Is(err, install.ErrNotInstalled) {
		t.Fatal(err)
	}
	return now
}

// witness is a store that remembers every byte it was given, and may be down.
type witness struct {
	tokenstore.Store

	down  atomic.Bool
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (w *witness) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if w.down.Load() {
		return tokenstore.Record{}, errors.New("dial tcp 10.0.0.5:5432: refused")
	}
	return w.Store.Get(ctx, key)
}

func (w *witness) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	w.mu.Lock()
	w.bytes.WriteString(key + "\n")
	w.bytes.Write(r.Value)
	w.mu.Unlock()
	return w.Store.Put(ctx, key, r)
}

// safeBuffer is a buffer that several goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// admin is somebody with a browser, who installs.
type admin struct {
	t       *testing.T
	p       *premises
	client  *http.Client
	answers bytes.Buffer // what came from us, headers and all
}

func (p *premises) admin(t *testing.T) *admin {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &admin{t: t, p: p}
	a.client = &http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return a
}

// step opens an address and says where it leads; "" when it is a page.
func (a *admin) step(address string) (next string, seen sheet) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	response, err := a.client.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if strings.HasPrefix(address, a.p.front.URL) {
		if err := response.Header.Write(&a.answers); err != nil {
			a.t.Fatal(err)
		}
		a.answers.Write(body)
	}
	seen = sheet{response.StatusCode, r.URL.RequestURI(), response.Header, string(body)}
	to, err := response.Location()
	if err != nil {
		return "", seen
	}
	return to.String(), seen
}

// follow goes where an address leads, up to a page or to an address that stop is part of.
func (a *admin) follow(address, stop string) (at string, seen sheet) {
	a.t.Helper()
	for range 20 {
		next, seen := a.step(address)
		if next == "" {
			return address, seen
		}
		if stop != "" && strings.Contains(next, stop) {
			return next, seen
		}
		address = next
	}
	a.t.Fatalf("it leads nowhere: %s", address)
	return "", sheet{}
}

// install goes through both consents.
func (a *admin) install(query string) sheet {
	a.t.Helper()
	_, seen := a.follow(a.p.front.URL+"/install"+query, "")
	return seen
}

func (s sheet) shows(t *testing.T, status int, texts ...string) {
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

// exchanged counts the codes that were brought to the vendors.
func (p *premises) exchanged() int {
	codes := 0
	for _, r := range p.zoom.Requests(zoomtest.GiveToken) {
		codes += strings.Count(string(r.Body), "authorization_code")
	}
	for _, r := range p.pagerDuty.Requests(pagerdutytest.GiveToken) {
		codes += strings.Count(string(r.Body), "authorization_code")
	}
	return codes
}

func TestAnInstallEndsOnAConfirmation(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	seen := p.admin(t).install("")
	seen.shows(t, http.StatusOK, "PagerDuty reaches us ✓", zoomBoss, "pd-boss@example.com")

	if now := p.installed(t); now == nil || now.Setup.ReachableAt.IsZero() || len(now.Setup.Problems) > 0 {
		t.Errorf("got %+v", now)
	}
	subscriptions := p.pagerDuty.Subscriptions()
	if len(subscriptions) != 1 {
		t.Fatalf("subscriptions: %+v", subscriptions)
	}
	want := []string{"incident.conference_bridge.updated", "incident.reopened", "incident.resolved", "incident.triggered"}
	if diff := cmp.Diff(want, subscriptions[0].Events); diff != "" {
		t.Error(diff)
	}
	if got := subscriptions[0].URL; got != p.front.URL+"/webhooks/pagerduty" {
		t.Errorf("events go to %s", got)
	}
}

func TestTheInstalledButtonOpensABridge(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	a := p.admin(t)
	at, chosen := a.step(p.front.URL + "/install?services=PSHOP01,PSHOP02,PSHOP01")
	chosen.shows(t, http.StatusOK, "PSHOP01, PSHOP02")
	if at != "" {
		t.Fatalf("it leads to %s at once", at)
	}
	_, seen := a.follow(chosen.link(t, "Begin"), "")
	seen.shows(t, http.StatusOK, "PagerDuty reaches us ✓", "PSHOP01, PSHOP02")

	buttons := p.pagerDuty.Extensions()
	if len(buttons) != 2 {
		t.Fatalf("buttons: %+v", buttons)
	}
	p.pagerDuty.Press(buttons[0].ID, p.incident, p.pdBoss)
	p.pagerDuty.Deliver(t.Context(), nil)
	if p.pagerDuty.Incident(p.incident).Bridge.URL == "" {
		t.Errorf("the button opened nothing: %s", p.log.String())
	}

	token := strings.TrimPrefix(buttons[0].Headers.Get("Authorization"), "Bearer ")
	if got := p.ask(t, http.MethodGet, "/api/v1/incidents/"+p.incident+"/bridge", token); got != "401 unauthorized" {
		t.Errorf("the button's token opens the API: %s", got)
	}
	if got := p.ask(t, http.MethodPost, "/actions/pagerduty", token+"x"); got != "401 unauthorized" {
		t.Errorf("a wrong token: %s", got)
	}
}

// open opens the incident's bridge by the API.
func (p *premises) open(t *testing.T) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.front.URL+"/api/v1/incidents/"+p.incident+"/bridge", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+actionToken)
	return p.do(t, r)
}

// ask sends a request of a program, with a bearer token.
func (p *premises) ask(t *testing.T, method, path, token string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.front.URL+path, strings.NewReader(workflowBody))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return p.do(t, r)
}

func (p *premises) do(t *testing.T, r *http.Request) string {
	t.Helper()
	response, err := p.front.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, response).String()
}

func TestAnInstallIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		scopes    []string // of the app at PagerDuty; none: all
		do        func(p *premises, a *admin) sheet
		status    int
		says      []string
		exchanged int
		revoked   int // consents at Zoom
	}{
		{
			name: "a consent that was denied at Zoom",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				return a.at(changed(back, "code", "", "error", "access_denied"))
			},
			status: http.StatusForbidden, says: []string{"not allowed at Zoom", "Begin again"},
		},
		{
			name: "a refusal beside a code",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				return a.at(changed(back, "error", "access_denied"))
			},
			status: http.StatusForbidden, says: []string{"not allowed at Zoom"},
		},
		{
			name: "a consent that was denied at PagerDuty",
			do: func(p *premises, a *admin) sheet {
				p.pagerDuty.SignIn("")
				return a.install("")
			},
			status: http.StatusForbidden, says: []string{"not allowed at PagerDuty"}, exchanged: 1, revoked: 1,
		},
		{
			name: "a callback of Zoom's marketplace, without a state",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				_, seen := a.follow(changed(back, "state", ""), "")
				return seen
			},
			status: http.StatusOK, says: []string{"Begin the install here", "Nothing was installed", `href="/install"`},
		},
		{
			name: "a callback of PagerDuty without a state",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/pagerduty/callback")
				_, seen := a.follow(changed(back, "state", ""), "")
				return seen
			},
			status: http.StatusOK, says: []string{"Begin the install here"}, exchanged: 1,
		},
		{
			name: "a state that was tampered with",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				return a.at(changed(back, "state", "A"+query(back, "state")))
			},
			status: http.StatusBadRequest, says: []string{"somebody changed it"},
		},
		{
			name: "a state of Zoom's at PagerDuty's callback",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				return a.at(strings.Replace(back, "/oauth/zoom/", "/oauth/pagerduty/", 1))
			},
			status: http.StatusBadRequest, says: []string{"belongs to no install"},
		},
		{
			name: "a state of another browser",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				other := p.admin(a.t)
				other.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				return other.at(back)
			},
			status: http.StatusBadRequest, says: []string{"another browser"},
		},
		{
			name: "a callback that is replayed",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				a.at(back)
				return a.at(back)
			},
			status: http.StatusBadRequest, says: []string{"opened before"}, exchanged: 1,
		},
		{
			name: "a code that Zoom does not take",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				return a.at(changed(back, "code", "stolen"))
			},
			status: http.StatusBadRequest, says: []string{"Zoom did not accept the authorization code"}, exchanged: 1,
		},
		{
			name: "somebody who is no admin at Zoom",
			do: func(p *premises, a *admin) sheet {
				p.zoom.Fault(zoomtest.GetUser, zoomtest.Answer(200, `{"id":"u","account_id":"ACCOUNT","role_id":"2","role_name":"Member"}`))
				return a.install("")
			},
			status: http.StatusForbidden, says: []string{"Only an administrator may install", "not an administrator at Zoom"}, exchanged: 1, revoked: 1,
		},
		{
			name: "somebody who is no admin at PagerDuty",
			do: func(p *premises, a *admin) sheet {
				p.pagerDuty.SignIn(p.pagerDuty.AddUser("manager@example.com"))
				return a.install("")
			},
			status: http.StatusForbidden, says: []string{"Only an administrator may install", "not an administrator at PagerDuty"}, exchanged: 2, revoked: 1,
		},
		{
			name:   "an app at PagerDuty that lacks scopes",
			scopes: []string{"abilities.read", "incidents.read", "teams.read", "users.read"},
			do:     func(_ *premises, a *admin) sheet { return a.install("") },
			status: http.StatusForbidden, says: []string{"PagerDuty did not grant the scopes incidents.write"}, exchanged: 2, revoked: 1,
		},
		{
			name: "a Zoom that does not answer",
			do: func(p *premises, a *admin) sheet {
				p.zoom.Fault(zoomtest.GetUser, zoomtest.Answer(403, `{}`).Always())
				return a.install("")
			},
			status: http.StatusBadGateway, says: []string{"Zoom rejected a request of the app (403 forbidden)", "upstream_zoom"}, exchanged: 1,
		},
		{
			name: "an app that is removed at Zoom while PagerDuty is asked",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/pagerduty/callback")
				if got := p.zoomSays(a.t, p.zoom.Uninstall(zoomBoss)); got != "200 ignored" {
					a.t.Errorf("the removal: %s", got)
				}
				return a.at(back)
			},
			status: http.StatusConflict, says: []string{"The app was removed", "Begin again"}, exchanged: 2, revoked: 1,
		},
		{
			name: "a store that is down",
			do: func(p *premises, a *admin) sheet {
				back, _ := a.follow(p.front.URL+"/install", "/oauth/zoom/callback")
				p.store.down.Store(true)
				defer p.store.down.Store(false)
				return a.at(back)
			},
			status: http.StatusServiceUnavailable, says: []string{"Try again in a moment"},
		},
		{
			name:   "something that is no service",
			do:     func(_ *premises, a *admin) sheet { return a.install("?services=https://evil.example") },
			status: http.StatusBadRequest, says: []string{"That is not a service"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var opts []pagerdutytest.Option
			if tt.scopes != nil {
				opts = append(opts, pagerdutytest.WithAppScopes(tt.scopes...))
			}
			p := newPremises(t, opts...)
			tt.do(p, p.admin(t)).shows(t, tt.status, tt.says...)
			if now := p.installed(t); now != nil {
				t.Errorf("it was installed: %+v", now)
			}
			if got := p.exchanged(); got != tt.exchanged {
				t.Errorf("%d codes were brought to a vendor, want %d", got, tt.exchanged)
			}
			if got := len(p.zoom.Requests(zoomtest.RevokeToken)); got != tt.revoked {
				t.Errorf("%d consents were revoked at Zoom, want %d", got, tt.revoked)
			}
		})
	}
}

// at opens an address and follows nothing.
func (a *admin) at(address string) sheet {
	a.t.Helper()
	_, seen := a.step(address)
	return seen
}

// changed is an address with other parameters; an empty one is taken away.
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

func TestAnInstallGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	a := p.admin(t)
	address := p.front.URL + "/install"
	for address != "" {
		p.serve(p.replica(t)) // a new process for every request
		next, seen := a.step(address)
		if address = next; next == "" {
			seen.shows(t, http.StatusOK, "PagerDuty reaches us ✓")
		}
	}
}

func TestAnInstallGoesOnInAnotherReplica(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	p.serve(p.replica(t), p.replica(t))
	p.admin(t).install("").shows(t, http.StatusOK, "PagerDuty reaches us ✓")
}

func TestInstallsSideBySide(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	first, second := p.admin(t), p.admin(t)
	one, _ := first.follow(p.front.URL+"/install", "/oauth/pagerduty/callback")
	two, _ := second.follow(p.front.URL+"/install", "/oauth/pagerduty/callback")
	three, _ := first.follow(p.front.URL+"/install", "/oauth/zoom/callback") // in a second tab

	for _, half := range []struct {
		who *admin
		at  string
	}{{second, two}, {first, one}, {first, three}} {
		_, seen := half.who.follow(half.at, "")
		seen.shows(t, http.StatusOK, "PagerDuty reaches us ✓")
	}
	if n := len(p.pagerDuty.Subscriptions()); n != 1 {
		t.Errorf("there are %d subscriptions", n)
	}
	if got := p.open(t); got != "201 attached" {
		t.Errorf("open: %s", got)
	}
}

func TestTheConfirmationIsForWhoeverInstalled(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	p.admin(t).install("")
	seen := p.admin(t).at(p.front.URL + "/install/done")
	seen.shows(t, http.StatusNotFound, "Nothing was installed here")
	if strings.Contains(seen.body, "example.com") {
		t.Errorf("it tells who installed: %s", seen.body)
	}
}

func TestTheConfirmationTellsWhatToDoByHand(t *testing.T) {
	t.Parallel()
	p := newPremises(t, pagerdutytest.WithAppScopes(pagerduty.RunScopes()...))
	p.admin(t).install("").shows(t, http.StatusOK, "Generic Webhooks (v3)", p.front.URL+"/webhooks/pagerduty",
		"incident.resolved", "PAGERDUTY_WEBHOOK_SECRETS", "webhook_subscriptions.write")
	a := p.admin(t)
	_, seen := a.follow(a.install("?services=PSHOP01,PSHOP02").link(t, "Begin"), "")
	seen.shows(t, http.StatusOK, "PSHOP01", "PSHOP02", "Custom Incident Action",
		p.front.URL+"/actions/pagerduty", "ACTION_TOKENS", `href="/install?services=PSHOP01%2CPSHOP02"`)
}

func TestWebhooksAreVerifiedWithTheInstalledSecret(t *testing.T) {
	t.Parallel()
	const resolved = `{"event":{"id":"1","event_type":"incident.resolved","data":{"type":"incident","id":"PX","status":"resolved"}}}`
	tests := []struct {
		name      string
		installed bool
		given     bool // a secret by option
		secret    func(p *premises) string
		want      string
	}{
		{"without any", false, false, func(p *premises) string { return p.pagerDuty.Secret() }, "404 not_found"},
		{"the installed one", true, false, func(p *premises) string { return p.pagerDuty.Secret() }, "200 ignored"},
		{"the installed one beside a given one", true, true, func(p *premises) string { return p.pagerDuty.Secret() }, "200 ignored"},
		{"the given one beside the installed one", true, true, func(*premises) string { return pagerDutySecret }, "200 ignored"},
		{"the given one alone", false, true, func(*premises) string { return pagerDutySecret }, "200 ignored"},
		{"another one", true, true, func(*premises) string { return "other" }, "401 unauthorized"},
		{"another one beside the given one", false, true, func(*premises) string { return "other" }, "401 unauthorized"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPremises(t)
			if tt.given {
				p.extra = append(p.extra, nethttp.PagerDutySecrets(pagerDutySecret))
				p.serve(p.replica(t))
			}
			if tt.installed {
				p.admin(t).install("")
			}
			if got := p.event(t, tt.secret(p), resolved); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func (p *premises) event(t *testing.T, secret, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.front.URL+"/webhooks/pagerduty", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-PagerDuty-Signature", pagerduty.Sign(secret, []byte(body)).Get("X-PagerDuty-Signature"))
	return p.do(t, r)
}

func TestAStoreThatIsDownLosesNoEvent(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	p.admin(t).install("")
	p.store.down.Store(true)
	if got := p.event(t, p.pagerDuty.Secret(), `{"event":{"event_type":"pagey.ping"}}`); got != "503 unavailable" {
		t.Errorf("webhook: %s", got)
	}
	if got := p.ask(t, http.MethodPost, "/actions/pagerduty", "the-buttons-own"); got != "503 unavailable" {
		t.Errorf("button: %s", got)
	}
}

// zoomSays delivers what Zoom sends.
func (p *premises) zoomSays(t *testing.T, d zoomtest.Delivery) string {
	t.Helper()
	r, err := d.Request(t.Context(), p.front.URL+"/webhooks/zoom")
	if err != nil {
		t.Fatal(err)
	}
	return p.do(t, r)
}

func TestAnUninstallAtZoom(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	old := p.zoom.Webhook(zoomtest.Event{Type: zoom.EventAppDeauthorized, Time: time.Now().Add(-time.Minute)})
	p.admin(t).install("?services=").shows(t, http.StatusOK, "PagerDuty reaches us ✓")

	if got := p.zoomSays(t, old); got != "200 ignored" {
		t.Errorf("an older removal: %s", got)
	}
	stranger := p.zoom.Webhook(zoomtest.Event{Type: zoom.EventAppDeauthorized, ClientID: "another-app"})
	if got := p.zoomSays(t, stranger); got != "200 ignored" {
		t.Errorf("another app's removal: %s", got)
	}
	if p.installed(t) == nil {
		t.Fatal("it is not installed any more")
	}

	now := p.zoom.Uninstall(zoomBoss)
	if got := p.zoomSays(t, now); got != "200 uninstalled" {
		t.Errorf("the removal: %s", got)
	}
	if p.installed(t) != nil || len(p.pagerDuty.Subscriptions()) > 0 {
		t.Errorf("left: %+v, %+v", p.installed(t), p.pagerDuty.Subscriptions())
	}
	if got := p.open(t); got != "409 not_installed" {
		t.Errorf("open: %s", got)
	}
	if got := p.event(t, p.pagerDuty.Secret(), "{}"); got != "404 not_found" {
		t.Errorf("webhook: %s", got)
	}
	if got := p.zoomSays(t, p.zoom.Redeliver(now)); got != "200 ignored" {
		t.Errorf("told again: %s", got)
	}

	p.admin(t).install("").shows(t, http.StatusOK, "PagerDuty reaches us ✓")
	if got := p.zoomSays(t, p.zoom.Redeliver(now)); got != "200 ignored" || p.installed(t) == nil {
		t.Errorf("told again after a new install: %s", got)
	}
}

// logIn gives the replicas that come the pages behind a login.
func (p *premises) logIn(t *testing.T) {
	t.Helper()
	id, secret, _ := p.pagerDuty.Credentials()
	app, err := pagerduty.NewOAuth(id, secret, p.front.URL+"/oauth/pagerduty/callback",
		pagerduty.WithOAuthURL(p.pagerDuty.URL()+"/oauth"), pagerduty.WithScopes("openid"))
	if err != nil {
		t.Fatal(err)
	}
	p.extra = append(p.extra, nethttp.WithLogin(app, p.installation(t).PagerDuty()))
}

// Another replica has PagerDuty's token in memory when the app is removed.
func TestAnUninstallClosesThePagesOfEveryReplica(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	p.logIn(t)
	other := p.replica(t)
	a := p.admin(t)
	a.install("").shows(t, http.StatusOK, "PagerDuty reaches us ✓")
	p.serve(other)
	_, login := a.follow(p.front.URL+"/incidents/"+p.incident, "")
	_, page := a.follow(p.front.URL+login.link(t, "Log in with PagerDuty"), "")
	page.shows(t, http.StatusOK, "Create Zoom Meeting")
	p.serve(p.replica(t))
	if got := p.zoomSays(t, p.zoom.Uninstall(zoomBoss)); got != "200 uninstalled" {
		t.Fatalf("the removal: %s", got)
	}
	p.serve(other)
	asked := len(p.pagerDuty.Requests(pagerdutytest.GetUser, pagerdutytest.GetIncident))
	for _, path := range []string{"/", "/incidents/" + p.incident} {
		a.at(p.front.URL+path).shows(t, http.StatusConflict, "Not installed", "not_installed")
	}
	_, page = p.admin(t).follow(p.front.URL+"/login/pagerduty?back=/", "")
	page.shows(t, http.StatusConflict, "Not installed", "not_installed")
	if n := len(p.pagerDuty.Requests(pagerdutytest.GetUser, pagerdutytest.GetIncident)); n > asked {
		t.Errorf("PagerDuty was asked %d times with a token that is deleted", n-asked)
	}
}

func TestAnInstallThatTakesTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLobby()
		id, secret, _ := l.pagerDuty.Credentials()
		app, err := pagerduty.NewOAuth(id, secret, site+"/oauth/pagerduty/callback", pagerduty.WithTransport(l.pagerDuty.Transport()))
		if err != nil {
			t.Fatal(err)
		}
		i, err := install.New(l.store, install.WithPagerDuty(app, pagerduty.WithTransport(l.pagerDuty.Transport())))
		if err != nil {
			t.Fatal(err)
		}
		g := l.guest(t, l.replica(t, nethttp.WithInstallation(i)))
		g.at[identity] = slow{g.at[identity], 11 * time.Minute}
		g.open("/install").shows(t, http.StatusBadRequest, "longer than ten minutes", "Begin again")
	})
}

// slow is a vendor whose page somebody leaves open.
type slow struct {
	http.Handler
	by time.Duration
}

func (s slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(s.by)
	s.Handler.ServeHTTP(w, r)
}

func TestNothingTellsASecret(t *testing.T) {
	t.Parallel()
	p := newPremises(t)
	a := p.admin(t)
	_, chosen := a.step(p.front.URL + "/install?services=PSHOP01")
	a.follow(chosen.link(t, "Begin"), "")
	a.install("") // and once more
	p.zoom.Fault(zoomtest.GiveToken, zoomtest.Answer(500, "zoomtest-access-token-leak"))
	a.install("")
	if got := p.open(t); got != "201 attached" {
		t.Errorf("open: %s", got)
	}
	button := p.pagerDuty.Extensions()[0].Headers.Get("Authorization")
	if strings.Contains(p.log.String(), p.installed(t).ID) {
		t.Error("the log tells what opens the confirmation")
	}
	p.zoomSays(t, p.zoom.Uninstall(zoomBoss))

	_, zoomSecret := p.zoom.AppCredentials()
	_, pdSecret, _ := p.pagerDuty.Credentials()
	secrets := []string{
		"zoomtest-access-token", "zoomtest-refresh-token", "zoomtest-code", "pdus+_", "pdus%2B_", "code+0",
		p.pagerDuty.Secret(), strings.TrimPrefix(button, "Bearer "), zoomSecret, pdSecret, p.zoom.WebhookSecret(), actionToken,
	}
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	for place, text := range map[string]string{"store": p.store.bytes.String(), "answers": a.answers.String(), "log": p.log.String()} {
		if len(text) < 1000 {
			t.Errorf("the %s has nothing in it", place)
		}
		for _, secret := range secrets {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("the %s tells %q: …%s…", place, secret, text[max(0, at-60):min(len(text), at+60)])
			}
		}
	}
}
