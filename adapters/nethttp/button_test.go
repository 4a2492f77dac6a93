package nethttp_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestLoginButtonAndCall(t *testing.T) {
	t.Parallel()
	srv, user := setup(t)

	page := user.login("/incidents/" + srv.incident)
	if page.status != http.StatusOK || page.path != "/incidents/"+srv.incident || page.title() != "Disk full" ||
		!page.says("Ada Lovelace") {
		t.Fatalf("after the login: %d %s\n%s", page.status, page.path, page.body)
	}
	page = user.press(page, createButton)
	shown := srv.pagerDuty.Incident(srv.incident).Bridge
	if page.path != "/incidents/"+srv.incident || shown.URL == "" || page.link(t, "Join the call") != shown.URL {
		t.Fatalf("after the click, with %q on the incident: %s\n%s", shown.URL, page.path, page.body)
	}
	if got := page.link(t, "Dial in"); !strings.HasPrefix(got, "tel:+") || strings.Contains(got, " ") ||
		strings.Count(got, "%23") != strings.Count(shown.DialIn, "#") {
		t.Errorf("dial-in %q leads to %q", shown.DialIn, got)
	}
	if !page.says("ada@example.com") {
		t.Errorf("the host is not who asked:\n%s", page.body)
	}
	if strings.Contains(page.body, createButton) {
		t.Error("what is there can be made again")
	}
	if n := len(srv.zoom.Meetings()); n != 1 {
		t.Errorf("%d meetings", n)
	}
}

func TestButtonIsRefused(t *testing.T) {
	t.Parallel()
	const press, noForm = "Nothing was done", "Log in"
	tests := []struct {
		name   string
		opts   []bridge.Option
		before func(srv *pagesServer)                                               // before the login
		change func(t *testing.T, srv *pagesServer, user *browser, r *http.Request) // after it, before the press
		status int
		title  string
	}{
		{name: "no session", change: func(t *testing.T, srv *pagesServer, user *browser, _ *http.Request) {
			user.jar = srv.browser(t, nil).jar
		}, status: 200, title: noForm},
		{name: "tampered cookie", change: func(_ *testing.T, _ *pagesServer, user *browser, _ *http.Request) {
			c := user.cookie(sessionCookie)
			user.setCookie(&http.Cookie{Name: c.Name, Value: c.Value[1:] + "A"})
		}, status: 200, title: noForm},
		{name: "invented session", change: func(_ *testing.T, _ *pagesServer, user *browser, _ *http.Request) {
			user.setCookie(&http.Cookie{Name: sessionCookie, Value: "AAAAAAAAAAAAAAAAAAAAAAAAAA"})
		}, status: 200, title: noForm},
		{name: "sibling host, by what the browser says", change: func(_ *testing.T, _ *pagesServer, _ *browser, r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "same-site")
		}, status: 403, title: press},
		{name: "another site, by what the browser says", change: func(_ *testing.T, _ *pagesServer, _ *browser, r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, status: 403, title: press},
		{name: "another site, by its origin alone", change: func(_ *testing.T, _ *pagesServer, _ *browser, r *http.Request) {
			r.Header.Set("Origin", "https://evil.example.com")
		}, status: 403, title: press},
		{name: "sibling host, older browser", change: func(_ *testing.T, _ *pagesServer, _ *browser, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "https://evil.example.com")
		}, status: 403, title: press},
		{name: "without TLS, older browser", change: func(_ *testing.T, _ *pagesServer, _ *browser, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "http://bridge.example.com")
		}, status: 403, title: press},
		{name: "frame without an origin, older browser", change: func(_ *testing.T, _ *pagesServer, _ *browser, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "null")
		}, status: 403, title: press},
		{name: "nothing said of the origin", change: func(_ *testing.T, _ *pagesServer, _ *browser, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Del("Origin")
		}, status: 403, title: press},
		{name: "no anti-forgery token", change: func(_ *testing.T, _ *pagesServer, _ *browser, r *http.Request) {
			setForm(r, url.Values{})
		}, status: 403, title: press},
		{name: "another one's anti-forgery token", change: func(t *testing.T, srv *pagesServer, user *browser, r *http.Request) {
			bob := srv.browser(t, user.at[site])
			srv.pagerDuty.SignIn(srv.pagerDuty.AddUser("bob@example.com"))
			setForm(r, url.Values{"token": {token(bob.login("/").body)}})
		}, status: 403, title: press},
		{name: "an earlier session's anti-forgery token", change: func(_ *testing.T, _ *pagesServer, user *browser, _ *http.Request) {
			user.press(user.open("/"), "Log out")
			user.login("/")
		}, status: 403, title: press},
		{name: "replay after the logout", change: func(_ *testing.T, _ *pagesServer, user *browser, _ *http.Request) {
			c := *user.cookie(sessionCookie)
			user.press(user.open("/"), "Log out")
			user.setCookie(&c)
		}, status: 200, title: noForm},
		{name: "stakeholder", before: func(srv *pagesServer) {
			srv.pagerDuty.SignIn(srv.pagerDuty.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "read_only_user" }))
		}, change: pressAnyway, status: 403, title: "You may not open this call"},
		{name: "observer of another user's incident", before: func(srv *pagesServer) {
			srv.pagerDuty.SignIn(srv.pagerDuty.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "observer" }))
		}, change: pressAnyway, status: 403, title: "You may not open this call"},
		{name: "resolved", change: func(_ *testing.T, srv *pagesServer, _ *browser, _ *http.Request) {
			srv.pagerDuty.Resolve(srv.incident)
		}, status: 409, title: "The incident is resolved"},
		{name: "PagerDuty down", change: func(_ *testing.T, srv *pagesServer, _ *browser, _ *http.Request) {
			srv.pagerDuty.Fault(pagerdutytest.Any, pagerdutytest.Answer(503, "").Always())
		}, status: 502, title: "PagerDuty request failed"},
		{name: "expired session", change: func(_ *testing.T, _ *pagesServer, user *browser, _ *http.Request) {
			c := *user.cookie(sessionCookie)
			pass(12 * time.Hour)
			user.setCookie(&c) // of a browser that does not look at Max-Age
		}, status: 200, title: noForm},
		{name: "user of another account", before: func(srv *pagesServer) {
			srv.elsewhere = pagerdutytest.New()
			srv.elsewhere.SignIn(srv.elsewhere.AddUser("eve@example.com", func(u *pagerdutytest.User) { u.ID, u.Role = "PEVE", "owner" }))
		}, change: pressAnyway, status: 200, title: noForm},
		{name: "user who left the account", change: func(_ *testing.T, srv *pagesServer, _ *browser, _ *http.Request) {
			pass(time.Minute)
			srv.pagerDuty.Fault(pagerdutytest.GetUser, pagerdutytest.Answer(404, `{"error":{"code":2100}}`).Always())
		}, status: 403, title: "You may not open this call"},
		{name: "user who lost their role", change: func(_ *testing.T, srv *pagesServer, _ *browser, _ *http.Request) {
			pass(time.Minute)
			srv.pagerDuty.Fault(pagerdutytest.GetUser,
				pagerdutytest.Answer(200, `{"user":{"id":"`+srv.ada+`","role":"read_only_user"}}`).Always())
		}, status: 403, title: "You may not open this call"},
		{name: "store down", change: func(_ *testing.T, srv *pagesServer, _ *browser, _ *http.Request) {
			srv.recorded.down.Store(true)
		}, status: 503, title: "Try again in a moment"},
		{name: "Zoom down at once, without a fallback", change: func(_ *testing.T, srv *pagesServer, _ *browser, _ *http.Request) {
			srv.zoom.Fault(zoomtest.Any, zoomtest.Answer(400, `{"code":4711,"message":"Invalid access token, does not contain scopes:[meeting:write:meeting:admin]."}`).Always())
		}, status: 502, title: "No meeting could be created"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newPagesServer(tt.opts...)
				if tt.before != nil {
					tt.before(srv)
				}
				user := srv.browser(t, srv.replica(t))
				page := user.login("/incidents/" + srv.incident)
				r := user.request(http.MethodPost, "/incidents/"+srv.incident, url.Values{"token": {token(page.body)}})
				tt.change(t, srv, user, r)

				got := user.ask(r)
				if got.status != tt.status || got.title() != tt.title {
					t.Errorf("got %d %q, want %d %q\n%s", got.status, got.title(), tt.status, tt.title, got.body)
				}
				if strings.Contains(got.body, "zoom.us/") {
					t.Errorf("a link is told:\n%s", got.body)
				}
				if n := len(srv.zoom.Meetings()); n != 0 {
					t.Errorf("%d meetings were made", n)
				}
				pass(time.Minute) // what outlives its caller ends by itself
			})
		})
	}
}

// pressAnyway presses a button that the page did not show.
func pressAnyway(*testing.T, *pagesServer, *browser, *http.Request) {}

func setForm(r *http.Request, form url.Values) {
	changed, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(form.Encode()))
	if err != nil {
		panic(err)
	}
	changed.Header = r.Header
	*r = *changed
}

func TestZoomDownFallsBackOnThePage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newPagesServer(bridge.WithFallback(bridge.StaticRoom("https://meet.example.com/warroom", "+1 202 555 0100")))
		srv.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		user := srv.browser(t, srv.replica(t))
		page := user.press(user.login("/incidents/"+srv.incident), createButton)
		for i := 0; i < 10 && strings.Contains(page.body, `http-equiv="refresh"`); i++ {
			pass(2 * time.Second)
			page = user.open("/incidents/" + srv.incident)
		}
		if page.link(t, "Join the call") != "https://meet.example.com/warroom" || page.link(t, "Dial in") != "tel:+12025550100" ||
			!page.says("Standby room") || !strings.Contains(page.body, `class="warning"`) {
			t.Errorf("the page:\n%s", page.body)
		}
		pass(time.Minute)
	})
}

func TestSlowOpeningIsExplained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newPagesServer()
		srv.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		user := srv.browser(t, srv.replica(t))
		page := user.press(user.login("/incidents/"+srv.incident), createButton)
		if page.status != http.StatusOK || !page.says("This page updates by itself") {
			t.Errorf("after the click: %d\n%s", page.status, page.body)
		}
		pass(30 * time.Second)
		if page := user.open("/incidents/" + srv.incident); !page.says("longer than usual") || len(srv.zoom.Meetings()) != 0 {
			t.Errorf("half a minute later:\n%s", page.body)
		}
	})
}

// An opening that continues in the background is shown by the incident's page.
func TestContinuingOpeningLeadsBackToThePage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  *bridge.Error
		path string
	}{
		{&bridge.Error{IncidentID: "PABC123", Kept: true, Err: bridge.ErrProvider}, "/incidents/PABC123"},
		{&bridge.Error{IncidentID: "PABC123", Err: bridge.ErrInProgress}, "/incidents/PABC123"},
		{&bridge.Error{IncidentID: "PABC123", Err: bridge.ErrProvider}, "/incidents/42"},
	} {
		svc := &stub{incident: &bridge.Incident{ID: "PABC123", Title: "Disk full"}}
		svc.open = func(context.Context, bridge.Request) (*bridge.Bridge, error) { return nil, tt.err }
		user := stubBrowser(t, svc)
		page := user.open("/incidents/42")
		page = user.ask(user.request(http.MethodPost, "/incidents/42", url.Values{"token": {token(page.body)}}))
		if page.path != tt.path {
			t.Errorf("%v leads to %s, %d %s", tt.err, page.path, page.status, page.title())
		}
	}
}
