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

func TestASessionOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	l := newLobby()
	g := l.guest(t, l.replica(t))
	page := g.login("/incidents/" + l.incident)
	g.at[site] = l.replica(t) // the process is gone, another one answers
	page = g.press(page, createButton)
	if page.status != http.StatusOK || page.link(t, "Join the call") == "" {
		t.Errorf("at another replica: %d\n%s", page.status, page.body)
	}
	g.press(page, "Log out")
	g.at[site] = l.replica(t)
	if again := g.press(page, "Log out"); again.title() != "Log in" || again.path != "/login?back=%2F" {
		t.Errorf("a second logout leads to %s", again.path)
	}
	if page := g.open("/incidents/" + l.incident); page.title() != "Log in" {
		t.Errorf("after the logout: %d %s", page.status, page.title())
	}
}

// Nobody is locked out by a cookie whose record cannot be opened any more.
func TestASessionOfALostKeyIsNone(t *testing.T) {
	t.Parallel()
	l := newLobby()
	plain := l.store
	l.store = sealedWith(t, plain, "a:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	g := l.guest(t, l.replica(t))
	g.login("/")
	l.store = sealedWith(t, plain, "b:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=")
	g.at[site] = l.replica(t)
	if page := g.open("/"); page.title() != "Log in" {
		t.Errorf("after the key is gone: %d %q", page.status, page.title())
	}
	if page := g.login("/"); page.title() != "Open bridges" {
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

func TestASessionLastsTwelveHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLobby()
		g := l.guest(t, l.replica(t))
		g.login("/")
		pass(12*time.Hour - time.Second)
		if page := g.open("/"); page.title() != "Open bridges" {
			t.Errorf("after nearly 12 hours: %q", page.title())
		}
		pass(time.Second)
		if page := g.open("/"); page.title() != "Log in" {
			t.Errorf("after 12 hours: %q", page.title())
		}
	})
}

// Whoever reads the store's keys, or its values, cannot take the place of somebody who is logged in.
func TestASessionIsKeptWithoutItsSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLobby()
		g := l.guest(t, l.replica(t))
		g.login("/")
		kept := map[string]tokenstore.Record{}
		for key, r := range l.kept {
			if strings.HasPrefix(key, "session/") {
				kept[key] = r
			}
			if secret := g.cookie(sessionCookie).Value; strings.Contains(key, secret) || strings.Contains(string(r.Value), secret) {
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

func TestCookiesAreForThisHostAlone(t *testing.T) {
	t.Parallel()
	l := newLobby()
	g := l.guest(t, l.replica(t))
	g.login("/")
	session := g.cookie(sessionCookie)
	if session == nil || len(session.Value) < 26 {
		t.Fatalf("the session's cookie is %v", session)
	}
	// A jar keeps a __Host- cookie's name, not its flags: look at the header.
	g = l.guest(t, l.replica(t))
	client := &http.Client{
		Jar: g.jar, Transport: g, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	at, set := site+"/login/pagerduty", []string{}
	for at != "" {
		r := g.request(http.MethodGet, "/", nil)
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

func TestALoginLeadsToNoOtherSite(t *testing.T) {
	t.Parallel()
	for _, back := range []string{
		"https://evil.example.com/", "//evil.example.com/", `/\evil.example.com/`, `\\evil.example.com`, "javascript:alert(1)",
		"/\t/evil.example.com", "evil", "",
	} {
		t.Run(back, func(t *testing.T) {
			t.Parallel()
			l := newLobby()
			g := l.guest(t, l.replica(t))
			for _, path := range []string{"/login", "/login/pagerduty", "/login"} { // not logged in, logging in, logged in
				page := g.open(path + "?back=" + url.QueryEscape(back))
				for _, address := range g.seen {
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

func TestALoginIsRefused(t *testing.T) {
	t.Parallel()
	const not = "You are not logged in"
	tests := []struct {
		name   string
		login  func(t *testing.T, l *lobby, g *guest) sheet
		status int
		title  string
	}{
		{"consent denied", func(_ *testing.T, l *lobby, g *guest) sheet {
			l.pagerDuty.SignIn("")
			return g.login("/")
		}, 403, not},
		{"callback without a state", func(_ *testing.T, _ *lobby, g *guest) sheet {
			return g.open("/oauth/pagerduty/callback?code=c")
		}, 400, not},
		{"state of nobody", func(_ *testing.T, _ *lobby, g *guest) sheet {
			return g.open("/oauth/pagerduty/callback?code=c&state=s")
		}, 400, not},
		{"callback of another browser", func(t *testing.T, l *lobby, g *guest) sheet {
			attacker, service := l.guest(t, nil), g.at[site]
			attacker.at[site] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, "/oauth/") { // the code is kept for somebody else
					service.ServeHTTP(w, r)
				}
			})
			attacker.login("/")
			return g.open(callbackOf(t, attacker))
		}, 400, not},
		{"callback opened twice", func(t *testing.T, _ *lobby, g *guest) sheet {
			g.login("/")
			again := callbackOf(t, g)
			g.press(g.open("/"), "Log out")
			return g.open(again)
		}, 400, not},
		{"PagerDuty's login is down", func(_ *testing.T, l *lobby, g *guest) sheet {
			l.pagerDuty.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(503, "").Always())
			return g.login("/")
		}, 502, not},
		{"PagerDuty is down", func(_ *testing.T, l *lobby, g *guest) sheet {
			l.pagerDuty.Fault(pagerdutytest.GetUser, pagerdutytest.Answer(503, "").Always())
			return g.login("/")
		}, 502, not},
		{"user of another account", func(t *testing.T, l *lobby, _ *guest) sheet {
			l.elsewhere = pagerdutytest.New()
			l.elsewhere.SignIn(l.elsewhere.AddUser("eve@example.com", func(u *pagerdutytest.User) { u.ID, u.Role = "PEVE", "owner" }))
			return l.guest(t, l.replica(t)).login("/")
		}, 403, "This is another PagerDuty account"},
		{"nothing is installed", func(t *testing.T, l *lobby, _ *guest) sheet {
			l.account = pagerduty.UserToken(noInstall{})
			return l.guest(t, l.replica(t)).login("/")
		}, 409, "Not installed"},
		{"an id of our account, at another account", func(_ *testing.T, l *lobby, g *guest) sheet {
			l.pagerDuty.Fault(pagerdutytest.GetUser, pagerdutytest.Answer(200,
				`{"user":{"id":"`+l.ada+`","html_url":"https://other.pagerduty.com/users/`+l.ada+`"}}`).Always())
			return g.login("/")
		}, 403, "This is another PagerDuty account"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLobby()
				g := l.guest(t, l.replica(t))
				got := tt.login(t, l, g)
				if got.status != tt.status || got.title() != tt.title {
					t.Errorf("got %d %q, want %d %q\n%s", got.status, got.title(), tt.status, tt.title, got.body)
				}
				if g.cookie(sessionCookie) != nil {
					t.Error("somebody is logged in")
				}
				if got := g.open("/"); got.title() != "Log in" {
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
func callbackOf(t *testing.T, g *guest) string {
	t.Helper()
	for _, address := range slices.Backward(g.seen) {
		if path, found := strings.CutPrefix(address, site); found && strings.HasPrefix(path, "/oauth/") {
			return path
		}
	}
	t.Fatal("the browser was sent to no callback")
	return ""
}

// A new login ends the one before in this browser: a cookie that was taken earlier is worth nothing.
func TestALoginEndsTheOneBefore(t *testing.T) {
	t.Parallel()
	l := newLobby()
	g := l.guest(t, l.replica(t))
	g.login("/")
	taken := *g.cookie(sessionCookie)
	g.open("/login/pagerduty?back=/")
	if now := g.cookie(sessionCookie); now == nil || now.Value == taken.Value {
		t.Fatalf("the second login kept the cookie: %v", now)
	}
	thief := l.guest(t, g.at[site])
	thief.setCookie(&taken)
	if got := thief.open("/"); got.title() != "Log in" {
		t.Errorf("the taken cookie shows %q", got.title())
	}
}

func TestWithoutALoginThereAreNoPages(t *testing.T) {
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
func TestALoginAsksForNoScope(t *testing.T) {
	t.Parallel()
	l := newLobby()
	g := l.guest(t, l.replica(t))
	g.login("/")
	for _, address := range g.seen {
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
