package nethttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func TestSessionOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	srv, user := setup(t)
	page := user.login("/incidents/" + srv.incident)
	user.at[site] = srv.replica(t) // the process is gone, another one answers
	page = user.press(page, createButton)
	if page.status != http.StatusOK || page.link(t, "Join the call") == "" {
		t.Errorf("at another replica: %d\n%s", page.status, page.body)
	}
	user.press(page, "Log out")
	user.at[site] = srv.replica(t)
	if again := user.press(page, "Log out"); again.title() != "Log in" || again.path != "/login?back=%2F" {
		t.Errorf("a second logout leads to %s", again.path)
	}
	if page := user.open("/incidents/" + srv.incident); page.title() != "Log in" {
		t.Errorf("after the logout: %d %s", page.status, page.title())
	}
}

// Nobody is locked out by a cookie whose record cannot be opened any more.
func TestSessionOfALostKeyIsIgnored(t *testing.T) {
	t.Parallel()
	srv := newPagesServer()
	plain := srv.store
	srv.store = sealedWith(t, plain, "a:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	user := srv.browser(t, srv.replica(t))
	user.login("/")
	srv.store = sealedWith(t, plain, "b:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=")
	user.at[site] = srv.replica(t)
	if page := user.open("/"); page.title() != "Log in" {
		t.Errorf("after the key is gone: %d %q", page.status, page.title())
	}
	if page := user.login("/"); page.title() != "Open bridges" {
		t.Errorf("after another login: %d %q", page.status, page.title())
	}
}

func sealedWith(t *testing.T, store tokenstore.Store, keys string) tokenstore.Store {
	t.Helper()
	ring, err := tokenstore.ParseKeyring(keys)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := tokenstore.Sealed(store, ring)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSessionLastsTwelveHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, user := setup(t)
		user.login("/")
		pass(12*time.Hour - time.Second)
		if page := user.open("/"); page.title() != "Open bridges" {
			t.Errorf("after nearly 12 hours: %q", page.title())
		}
		pass(time.Second)
		if page := user.open("/"); page.title() != "Log in" {
			t.Errorf("after 12 hours: %q", page.title())
		}
	})
}

// Neither the keys nor the values of the store are enough to take over a session.
func TestSessionIsStoredWithoutItsSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, user := setup(t)
		user.login("/")
		kept := map[string]tokenstore.Record{}
		for key, r := range srv.recorded.records() {
			if strings.HasPrefix(key, "session/") {
				kept[key] = r
			}
			if secret := user.cookie(sessionCookie).Value; strings.Contains(key, secret) || strings.Contains(string(r.Value), secret) {
				t.Errorf("the record %q holds the secret", key)
			}
		}
		if len(kept) != 1 {
			t.Fatalf("%d sessions are kept", len(kept))
		}
		for key, r := range kept {
			if got := time.Until(r.ExpiresAt); got != 12*time.Hour {
				t.Errorf("the record %q is garbage in %v", key, got)
			}
		}
	})
}

// Keys are stored unsealed: neither a session's secret nor a flow's state or cookie may
// be in one.
func TestStoreKeysHoldNoSecret(t *testing.T) {
	t.Parallel()
	srv, user := setup(t)
	user.login("/")
	secrets := []string{user.cookie(sessionCookie).Value}
	for _, address := range user.seen {
		if state := query(address, "state"); state != "" {
			secrets = append(secrets, state)
		}
	}
	for _, c := range user.cookies() {
		secrets = append(secrets, c.Value)
	}
	if len(secrets) < 4 { // the session, a state, and the cookies of both
		t.Fatalf("only %d secrets to look for", len(secrets))
	}
	for key := range srv.recorded.records() {
		for _, secret := range secrets {
			if len(secret) < 26 || strings.Contains(key, secret) {
				t.Errorf("the key %s holds the secret %q", key, secret)
			}
		}
	}
}

func TestCookiesAreForThisHostOnly(t *testing.T) {
	t.Parallel()
	srv, user := setup(t)
	user.login("/")
	session := user.cookie(sessionCookie)
	if session == nil || len(session.Value) < 26 {
		t.Fatalf("the session's cookie is %v", session)
	}
	// A jar keeps a __Host- cookie's name, not its flags: look at the header.
	user = srv.browser(t, srv.replica(t))
	client := &http.Client{
		Jar: user.jar, Transport: user, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	at, set := site+"/login/pagerduty", []string{}
	for at != "" {
		r := user.request(http.MethodGet, "/", nil)
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		r.URL, r.Host = u, u.Host
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		set = append(set, response.Header.Values("Set-Cookie")...)
		next, err := u.Parse(response.Header.Get("Location"))
		if at = ""; err == nil && response.StatusCode/100 == 3 {
			at = next.String()
		}
	}
	if len(set) != 2 { // the flow's, the session's
		t.Fatalf("cookies set: %q", set)
	}
	for _, c := range set {
		for _, want := range []string{"__Host-", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"} {
			if !strings.Contains(c, want) || strings.Contains(c, "Domain") {
				t.Errorf("cookie %q lacks %q", c, want)
			}
		}
	}
}

func TestLoginLeadsToNoOtherSite(t *testing.T) {
	t.Parallel()
	for _, back := range []string{
		"https://evil.example.com/", "//evil.example.com/", `/\evil.example.com/`, `\\evil.example.com`, "javascript:alert(1)",
		"/\t/evil.example.com", "evil", "",
	} {
		t.Run(back, func(t *testing.T) {
			t.Parallel()
			_, user := setup(t)
			for _, path := range []string{"/login", "/login/pagerduty", "/login"} { // not logged in, logging in, logged in
				page := user.open(path + "?back=" + url.QueryEscape(back))
				for _, address := range user.seen {
					if strings.Contains(strings.SplitN(address, "?", 2)[0], "evil") {
						t.Fatalf("%s leads to %s", path, address)
					}
				}
				if path != "/login" && page.path != "/" {
					t.Errorf("%s leads to %s", path, page.path)
				}
			}
		})
	}
}

func TestLoginIsRefused(t *testing.T) {
	t.Parallel()
	const not = "You are not logged in"
	tests := []struct {
		name   string
		login  func(t *testing.T, srv *pagesServer, user *browser) webPage
		status int
		title  string
	}{
		{"consent denied", func(_ *testing.T, srv *pagesServer, user *browser) webPage {
			srv.pagerDuty.SignIn("")
			return user.login("/")
		}, 403, not},
		{"callback without a state", func(_ *testing.T, _ *pagesServer, user *browser) webPage {
			return user.open("/oauth/pagerduty/callback?code=c")
		}, 400, not},
		{"state of nobody", func(_ *testing.T, _ *pagesServer, user *browser) webPage {
			return user.open("/oauth/pagerduty/callback?code=c&state=s")
		}, 400, not},
		{"callback of another browser", func(t *testing.T, srv *pagesServer, user *browser) webPage {
			attacker, service := srv.browser(t, nil), user.at[site]
			attacker.at[site] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, "/oauth/") { // the attacker keeps the code
					service.ServeHTTP(w, r)
				}
			})
			attacker.login("/")
			return user.open(callbackOf(t, attacker))
		}, 400, not},
		{"callback opened twice", func(t *testing.T, _ *pagesServer, user *browser) webPage {
			user.login("/")
			again := callbackOf(t, user)
			user.press(user.open("/"), "Log out")
			return user.open(again)
		}, 400, not},
		{"PagerDuty's login is down", func(_ *testing.T, srv *pagesServer, user *browser) webPage {
			srv.pagerDuty.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(503, "").Always())
			return user.login("/")
		}, 502, not},
		{"PagerDuty is down", func(_ *testing.T, srv *pagesServer, user *browser) webPage {
			srv.pagerDuty.Fault(pagerdutytest.GetUser, pagerdutytest.Answer(503, "").Always())
			return user.login("/")
		}, 502, not},
		{"user of another account", func(t *testing.T, srv *pagesServer, _ *browser) webPage {
			srv.elsewhere = pagerdutytest.New()
			srv.elsewhere.SignIn(srv.elsewhere.AddUser("eve@example.com", func(u *pagerdutytest.User) { u.ID, u.Role = "PEVE", "owner" }))
			return srv.browser(t, srv.replica(t)).login("/")
		}, 403, "This is another PagerDuty account"},
		{"nothing is installed", func(t *testing.T, srv *pagesServer, _ *browser) webPage {
			srv.account = pagerduty.UserToken(noInstall{})
			return srv.browser(t, srv.replica(t)).login("/")
		}, 409, "Not installed"},
		{"an id of our account, at another account", func(_ *testing.T, srv *pagesServer, user *browser) webPage {
			srv.pagerDuty.Fault(pagerdutytest.GetUser, pagerdutytest.Answer(200,
				`{"user":{"id":"`+srv.ada+`","html_url":"https://other.pagerduty.com/users/`+srv.ada+`"}}`).Always())
			return user.login("/")
		}, 403, "This is another PagerDuty account"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, user := setup(t)
				got := tt.login(t, srv, user)
				if got.status != tt.status || got.title() != tt.title {
					t.Errorf("got %d %q, want %d %q\n%s", got.status, got.title(), tt.status, tt.title, got.body)
				}
				if user.cookie(sessionCookie) != nil {
					t.Error("a session was made")
				}
				if got := user.open("/"); got.title() != "Log in" {
					t.Errorf("the front page shows %q", got.title())
				}
			})
		})
	}
}

// noInstall is the token of an installation that nobody made.
type noInstall struct{}

func (noInstall) Token(context.Context) (*oauth2.Token, error) {
	return nil, tokenstore.ErrNotInstalled
}

// callbackOf is the last callback that a browser was sent to.
func callbackOf(t *testing.T, user *browser) string {
	t.Helper()
	for _, address := range slices.Backward(user.seen) {
		if path, found := strings.CutPrefix(address, site); found && strings.HasPrefix(path, "/oauth/") {
			return path
		}
	}
	t.Fatal("the browser was sent to no callback")
	return ""
}

// A new login ends the one before in this browser: a cookie that was taken earlier is
// worth nothing.
func TestLoginEndsTheOneBefore(t *testing.T) {
	t.Parallel()
	srv, user := setup(t)
	user.login("/")
	taken := *user.cookie(sessionCookie)
	user.open("/login/pagerduty?back=/")
	if now := user.cookie(sessionCookie); now == nil || now.Value == taken.Value {
		t.Fatalf("the second login kept the cookie: %v", now)
	}
	thief := srv.browser(t, user.at[site])
	thief.setCookie(&taken)
	if got := thief.open("/"); got.title() != "Log in" {
		t.Errorf("the taken cookie shows %q", got.title())
	}
}

func TestNoPagesWithoutALogin(t *testing.T) {
	t.Parallel()
	svc := &stub{bridge: attached()}
	h := handler(t, svc)
	for _, r := range []request{
		plain(http.MethodGet, "/", ""), plain(http.MethodGet, "/incidents/PABC123", ""),
		plain(http.MethodPost, "/incidents/PABC123", ""), plain(http.MethodGet, "/login", ""),
		plain(http.MethodGet, "/login/pagerduty", ""), plain(http.MethodPost, "/logout", ""),
		plain(http.MethodGet, "/oauth/pagerduty/callback?code=c&state=s", ""),
	} {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r())
		if body := recorder.Body.String(); recorder.Code != http.StatusNotFound || !strings.Contains(body, "PAGERDUTY_CLIENT_ID") {
			t.Errorf("%s: %d\n%s", r().URL, recorder.Code, body)
		}
	}
	if diff := cmp.Diff([]string(nil), svc.calls); diff != "" {
		t.Errorf("the service was asked (-want +got):\n%s", diff)
	}
}

// The login asks PagerDuty for nothing but who it is.
func TestLoginAsksForNoScope(t *testing.T) {
	t.Parallel()
	_, user := setup(t)
	user.login("/")
	for _, address := range user.seen {
		u, err := url.Parse(address)
		if err != nil || !strings.HasPrefix(address, identity) {
			continue
		}
		if got := u.Query().Get("scope"); got != "openid" {
			t.Errorf("scope %q", got)
		}
		return
	}
	t.Error("PagerDuty was not asked")
}
