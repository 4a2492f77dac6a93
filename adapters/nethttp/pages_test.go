package nethttp_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const (
	sessionCookie = "__Host-incidentbridge-session"
	createButton  = "Create Zoom Meeting"
)

func TestALoginAClickAndTheCall(t *testing.T) {
	t.Parallel()
	l := newLobby()
	g := l.guest(t, l.replica(t))

	page := g.login("/incidents/" + l.incident)
	if page.status != http.StatusOK || page.path != "/incidents/"+l.incident || page.title() != "Disk full" ||
		!page.says("Ada Lovelace") {
		t.Fatalf("after the login: %d %s\n%s", page.status, page.path, page.body)
	}
	page = g.press(page, createButton)
	shown := l.pagerDuty.Incident(l.incident).Bridge
	if page.path != "/incidents/"+l.incident || shown.URL == "" || page.link(t, "Join the call") != shown.URL {
		t.Fatalf("after the click, with %q on the incident: %s\n%s", shown.URL, page.path, page.body)
	}
	if got := page.link(t, "Dial in"); !strings.HasPrefix(got, "tel:+") || strings.Contains(got, " ") ||
		strings.Count(got, "%23") != strings.Count(shown.Number, "#") {
		t.Errorf("dial-in %q leads to %q", shown.Number, got)
	}
	if !page.says("ada@example.com") {
		t.Errorf("the host is not who asked:\n%s", page.body)
	}
	if strings.Contains(page.body, createButton) {
		t.Error("what is there can be made again")
	}
	if n := len(l.zoom.Meetings()); n != 1 {
		t.Errorf("%d meetings", n)
	}
}

func TestAPressIsRefused(t *testing.T) {
	t.Parallel()
	const press, noForm = "Nothing was done", "Log in"
	tests := []struct {
		name   string
		opts   []bridge.Option
		before func(l *lobby)                                          // before the login
		change func(t *testing.T, l *lobby, g *guest, r *http.Request) // after it, before the press
		status int
		title  string
	}{
		{name: "no session", change: func(t *testing.T, l *lobby, g *guest, _ *http.Request) {
			g.jar = l.guest(t, nil).jar
		}, status: 200, title: noForm},
		{name: "tampered cookie", change: func(_ *testing.T, _ *lobby, g *guest, _ *http.Request) {
			c := g.cookie(sessionCookie)
			g.setCookie(&http.Cookie{Name: c.Name, Value: c.Value[1:] + "A"})
		}, status: 200, title: noForm},
		{name: "session of somebody else's making", change: func(_ *testing.T, _ *lobby, g *guest, _ *http.Request) {
			g.setCookie(&http.Cookie{Name: sessionCookie, Value: "AAAAAAAAAAAAAAAAAAAAAAAAAA"})
		}, status: 200, title: noForm},
		{name: "sibling host, by what the browser says", change: func(_ *testing.T, _ *lobby, _ *guest, r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "same-site")
		}, status: 403, title: press},
		{name: "another site, by what the browser says", change: func(_ *testing.T, _ *lobby, _ *guest, r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, status: 403, title: press},
		{name: "another site, by its origin alone", change: func(_ *testing.T, _ *lobby, _ *guest, r *http.Request) {
			r.Header.Set("Origin", "https://evil.example.com")
		}, status: 403, title: press},
		{name: "sibling host, older browser", change: func(_ *testing.T, _ *lobby, _ *guest, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "https://evil.example.com")
		}, status: 403, title: press},
		{name: "without TLS, older browser", change: func(_ *testing.T, _ *lobby, _ *guest, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "http://bridge.example.com")
		}, status: 403, title: press},
		{name: "frame without an origin, older browser", change: func(_ *testing.T, _ *lobby, _ *guest, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "null")
		}, status: 403, title: press},
		{name: "nothing said of the origin", change: func(_ *testing.T, _ *lobby, _ *guest, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Del("Origin")
		}, status: 403, title: press},
		{name: "no anti-forgery token", change: func(_ *testing.T, _ *lobby, _ *guest, r *http.Request) {
			setForm(r, url.Values{})
		}, status: 403, title: press},
		{name: "another one's anti-forgery token", change: func(t *testing.T, l *lobby, g *guest, r *http.Request) {
			bob := l.guest(t, g.at[site])
			l.pagerDuty.SignIn(l.pagerDuty.AddUser("bob@example.com"))
			setForm(r, url.Values{"token": {token(bob.login("/").body)}})
		}, status: 403, title: press},
		{name: "an earlier session's anti-forgery token", change: func(_ *testing.T, _ *lobby, g *guest, _ *http.Request) {
			g.press(g.open("/"), "Log out")
			g.login("/")
		}, status: 403, title: press},
		{name: "replay after the logout", change: func(_ *testing.T, _ *lobby, g *guest, _ *http.Request) {
			c := *g.cookie(sessionCookie)
			g.press(g.open("/"), "Log out")
			g.setCookie(&c)
		}, status: 200, title: noForm},
		{name: "stakeholder", before: func(l *lobby) {
			l.pagerDuty.SignIn(l.pagerDuty.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "read_only_user" }))
		}, change: pressAnyway, status: 403, title: "You may not open this call"},
		{name: "observer of somebody else's incident", before: func(l *lobby) {
			l.pagerDuty.SignIn(l.pagerDuty.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "observer" }))
		}, change: pressAnyway, status: 403, title: "You may not open this call"},
		{name: "resolved", change: func(_ *testing.T, l *lobby, _ *guest, _ *http.Request) {
			l.pagerDuty.Resolve(l.incident)
		}, status: 409, title: "The incident is resolved"},
		{name: "PagerDuty down", change: func(_ *testing.T, l *lobby, _ *guest, _ *http.Request) {
			l.pagerDuty.Fault(pagerdutytest.Any, pagerdutytest.Answer(503, "").Always())
		}, status: 502, title: "PagerDuty request failed"},
		{name: "expired session", change: func(_ *testing.T, _ *lobby, g *guest, _ *http.Request) {
			c := *g.cookie(sessionCookie)
			pass(12 * time.Hour)
			g.setCookie(&c) // of a browser that does not look at Max-Age
		}, status: 200, title: noForm},
		{name: "user of another account", before: func(l *lobby) {
			l.elsewhere = pagerdutytest.New()
			l.elsewhere.SignIn(l.elsewhere.AddUser("eve@example.com", func(u *pagerdutytest.User) { u.ID, u.Role = "PEVE", "owner" }))
		}, change: pressAnyway, status: 200, title: noForm},
		{name: "user who left the account", change: func(_ *testing.T, l *lobby, _ *guest, _ *http.Request) {
			pass(time.Minute)
			l.pagerDuty.Fault(pagerdutytest.GetUser, pagerdutytest.Answer(404, `{"error":{"code":2100}}`).Always())
		}, status: 403, title: "You may not open this call"},
		{name: "user who lost their role", change: func(_ *testing.T, l *lobby, _ *guest, _ *http.Request) {
			pass(time.Minute)
			l.pagerDuty.Fault(pagerdutytest.GetUser,
				pagerdutytest.Answer(200, `{"user":{"id":"`+l.ada+`","role":"read_only_user"}}`).Always())
		}, status: 403, title: "You may not open this call"},
		{name: "store down", change: func(_ *testing.T, l *lobby, _ *guest, _ *http.Request) {
			l.down.Store(true)
		}, status: 503, title: "Try again in a moment"},
		{name: "Zoom down at once, without a fallback", change: func(_ *testing.T, l *lobby, _ *guest, _ *http.Request) {
			l.zoom.Fault(zoomtest.Any, zoomtest.Answer(400, `{"code":4711,"message":"Invalid access token, does not contain scopes:[meeting:write:meeting:admin]."}`).Always())
		}, status: 502, title: "No meeting could be created"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLobby(tt.opts...)
				if tt.before != nil {
					tt.before(l)
				}
				g := l.guest(t, l.replica(t))
				page := g.login("/incidents/" + l.incident)
				r := g.request(http.MethodPost, "/incidents/"+l.incident, url.Values{"token": {token(page.body)}})
				tt.change(t, l, g, r)

				got := g.ask(r)
				if got.status != tt.status || got.title() != tt.title {
					t.Errorf("got %d %q, want %d %q\n%s", got.status, got.title(), tt.status, tt.title, got.body)
				}
				if strings.Contains(got.body, "zoom.us/") {
					t.Errorf("a link is told:\n%s", got.body)
				}
				if n := len(l.zoom.Meetings()); n != 0 {
					t.Errorf("%d meetings were made", n)
				}
				pass(time.Minute) // what outlives its caller ends by itself
			})
		})
	}
}

// pressAnyway presses a button that the page did not show.
func pressAnyway(*testing.T, *lobby, *guest, *http.Request) {}

// pass lets time go by, inside a bubble.
func pass(d time.Duration) { <-time.After(d) }

func setForm(r *http.Request, form url.Values) {
	changed, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(form.Encode()))
	if err != nil {
		panic(err)
	}
	changed.Header = r.Header
	*r = *changed
}

func TestAnIncidentIsShownAsItStands(t *testing.T) {
	t.Parallel()
	const joinable = "Join the call"
	tests := []struct {
		state    bridge.State
		resolved bool
		chip     string
		join     bool
		button   string
		refresh  bool
	}{
		{"", false, "none", false, createButton, false},
		{"", true, "none", false, "", false},
		{bridge.StateCreating, false, "opening…", false, "", true},
		{bridge.StateCreated, false, "not on the incident yet", true, "", true},
		{bridge.StateAttached, false, "on the incident", true, "", false},
		{bridge.StateAttached, true, "on the incident", true, "", false},
		{bridge.StateClosing, false, "ends soon", true, "Keep it open", true},
		{bridge.StateClosing, true, "ends soon", true, "", true},
		{bridge.StateEnding, false, "ending…", false, "", true},
		{bridge.StateClosed, false, "over", false, createButton, false},
		{bridge.StateClosed, true, "over", false, "", false},
		{bridge.StateFailed, false, "failed", false, "Try again", false},
		{bridge.StateExternal, false, "another call", true, "", false},
		{bridge.StateAbandoned, false, "abandoned", false, createButton, false},
	}
	for _, tt := range tests {
		name := string(tt.state)
		if tt.resolved {
			name += ", resolved"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svc := &stub{incident: &bridge.Incident{ID: "PABC123", Number: 42, Title: "Disk full", Status: "triggered"}}
			if tt.resolved {
				svc.incident.Status = bridge.StatusResolved
			}
			if tt.state != "" {
				svc.bridge = attached()
				svc.bridge.State = tt.state
				svc.bridge.Warnings = []string{"host <full>"}
				if tt.state == bridge.StateCreating {
					svc.bridge.JoinURL, svc.bridge.DialIn = "", "" // not decided yet
				}
			}
			page := visitStub(t, svc, "/incidents/PABC123")
			if !strings.Contains(page.body, ">"+html.EscapeString(tt.chip)+"</span>") {
				t.Errorf("it does not say %q", tt.chip)
			}
			if got := strings.Contains(page.body, joinable); got != tt.join {
				t.Errorf("can be joined: %t, want %t", got, tt.join)
			}
			if got := strings.Contains(page.body, `<button`) && strings.Contains(page.body, `id="open"`); got != (tt.button != "") {
				t.Errorf("has a button: %t, want %q", got, tt.button)
			}
			if tt.button != "" && !strings.Contains(page.body, ">"+tt.button+"</button>") {
				t.Errorf("there is no button %q", tt.button)
			}
			if got := strings.Contains(page.body, `http-equiv="refresh"`); got != tt.refresh {
				t.Errorf("is read again: %t, want %t", got, tt.refresh)
			}
			if told := tt.join || tt.state == bridge.StateFailed || tt.state == bridge.StateCreating; strings.Contains(page.body, "host &lt;full&gt;") != told {
				t.Errorf("tells the warning: %t, want %t", !told, told)
			}
			if t.Failed() {
				t.Log(page.body)
			}
		})
	}
}

// What a human wrote to an incident may be anything.
func TestALinkThatIsNoneIsNotFollowed(t *testing.T) {
	t.Parallel()
	for link, followed := range map[string]bool{
		"https://meet.example.com/room": true, "http://meet.example.com/room": true,
		"javascript:alert(1)": false, "data:text/html,x": false, "zoommtg://zoom.us/join": false, "ask Ada": false, "": false,
	} {
		b := attached()
		b.State, b.Provider, b.JoinURL = bridge.StateExternal, "external", link
		page := visitStub(t, &stub{incident: &bridge.Incident{ID: "PABC123"}, bridge: b}, "/incidents/PABC123")
		if got := strings.Contains(page.body, "Join the call"); got != followed || strings.Contains(page.body, "javascript:") {
			t.Errorf("%s: followed %t, want %t\n%s", link, got, followed, page.body)
		}
		if page.link(t, "Dial in") != "tel:+14155551212,,98765432101%23" {
			t.Errorf("%s: the number is lost", link)
		}
	}
}

func TestTheListShowsWhatIsOpen(t *testing.T) {
	t.Parallel()
	l := newLobby()
	g := l.guest(t, l.replica(t))
	if page := g.login("/"); !page.says("No call is open") {
		t.Errorf("with nothing open:\n%s", page.body)
	}
	g.press(g.open("/incidents/"+l.incident), createButton)
	page := g.open("/")
	if got := page.link(t, "Disk full"); got != "/incidents/"+l.incident || !page.says("on the incident") {
		t.Errorf("the row leads to %s\n%s", got, page.body)
	}
	if strings.Contains(page.body, "zoom.us") {
		t.Errorf("the list tells a link:\n%s", page.body)
	}
	l.pagerDuty.SignIn(l.pagerDuty.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "read_only_user" }))
	if page := l.guest(t, g.at[site]).login("/"); !page.says("No call is open that you may join") || page.says("Disk full") {
		t.Errorf("a stakeholder sees\n%s", page.body)
	}
	l.pagerDuty.Fault(pagerdutytest.Any, pagerdutytest.Answer(503, "").Always())
	if page := g.open("/"); page.says("No call is open") {
		t.Errorf("PagerDuty's silence is taken for an empty list\n%s", page.body)
	}
}

// With PagerDuty down the call is what counts, and who may see it was asked less than a minute ago.
func TestACallIsShownWhilePagerDutyIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLobby()
		g := l.guest(t, l.replica(t))
		g.press(g.login("/incidents/"+l.incident), createButton)
		l.pagerDuty.Fault(pagerdutytest.Any, pagerdutytest.Hang().Always())
		began := time.Now()
		page := g.open("/incidents/" + l.incident)
		if page.link(t, "Join the call") == "" || !page.says("Incident "+l.incident) || !page.says("PagerDuty does not answer") {
			t.Errorf("the page:\n%s", page.body)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		pass(time.Minute)
		if page := g.open("/incidents/" + l.incident); page.status != http.StatusBadGateway && page.status != http.StatusServiceUnavailable ||
			strings.Contains(page.body, "zoom.us") {
			t.Errorf("a minute later: %d\n%s", page.status, page.body)
		}
		pass(time.Minute)
	})
}

func TestZoomDownFallsBackOnThePage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLobby(bridge.WithFallback(bridge.StaticRoom("https://meet.example.com/warroom", "+1 202 555 0100")))
		l.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		g := l.guest(t, l.replica(t))
		page := g.press(g.login("/incidents/"+l.incident), createButton)
		for i := 0; i < 10 && strings.Contains(page.body, `http-equiv="refresh"`); i++ {
			pass(2 * time.Second)
			page = g.open("/incidents/" + l.incident)
		}
		if page.link(t, "Join the call") != "https://meet.example.com/warroom" || page.link(t, "Dial in") != "tel:+12025550100" ||
			!page.says("Standby room") || !strings.Contains(page.body, `class="warning"`) {
			t.Errorf("the page:\n%s", page.body)
		}
		pass(time.Minute)
	})
}

func TestWhatTakesLongSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLobby()
		l.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		g := l.guest(t, l.replica(t))
		page := g.press(g.login("/incidents/"+l.incident), createButton)
		if page.status != http.StatusOK || !page.says("This page updates by itself") {
			t.Errorf("after the click: %d\n%s", page.status, page.body)
		}
		pass(30 * time.Second)
		if page := g.open("/incidents/" + l.incident); !page.says("longer than usual") || len(l.zoom.Meetings()) != 0 {
			t.Errorf("half a minute later:\n%s", page.body)
		}
	})
}

// What the ledger goes on with is shown by the incident's page, as it comes.
func TestAPressThatIsKeptLeadsBackToThePage(t *testing.T) {
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
		g := guestOf(t, svc)
		page := g.open("/incidents/42")
		page = g.ask(g.request(http.MethodPost, "/incidents/42", url.Values{"token": {token(page.body)}}))
		if page.path != tt.path {
			t.Errorf("%v leads to %s, %d %s", tt.err, page.path, page.status, page.title())
		}
	}
}

// No link, number or passcode of a call is in an address, a line of the log, or a page without a login.
func TestALinkIsNowhereElse(t *testing.T) {
	t.Parallel()
	l := newLobby()
	g := l.guest(t, l.replica(t))
	g.press(g.login("/incidents/"+l.incident), createButton)
	g.open("/")
	meeting := l.zoom.Meetings()[0]
	secrets := []string{
		strings.TrimPrefix(meeting.JoinURL, "https://"), meeting.Password, meeting.PhonePassword,
		l.pagerDuty.Incident(l.incident).Bridge.Number, strconv.FormatInt(meeting.ID, 10) + "#",
		g.cookie(sessionCookie).Value,
	}
	for _, secret := range secrets {
		if len(secret) < 4 {
			t.Fatalf("the secret %q is none", secret)
		}
		for _, address := range g.seen {
			if strings.Contains(address, secret) {
				t.Errorf("%s holds %s", address, secret)
			}
		}
		if strings.Contains(l.log.String(), secret) {
			t.Errorf("the log holds %s:\n%s", secret, l.log.String())
		}
		stranger := l.guest(t, g.at[site])
		for _, path := range []string{"/", "/incidents/" + l.incident, "/login", "/nowhere", "/install"} {
			if page := stranger.open(path); strings.Contains(page.body, secret) {
				t.Errorf("%s shows %s without a login", path, secret)
			}
		}
	}
	if l.log.Len() == 0 {
		t.Error("nothing was logged")
	}
}

// Every page is whole, closed to others, and readable by whatever reads it to people.
func TestEveryPageIsSafeAndReadable(t *testing.T) {
	t.Parallel()
	l := newLobby()
	g := l.guest(t, l.replica(t))
	stranger := l.guest(t, g.at[site])
	page := g.login("/incidents/" + l.incident)
	refused := g.pressing(page, createButton)
	setForm(refused, url.Values{})
	pages := []sheet{
		page, g.press(page, createButton), g.open("/"), g.ask(refused), g.open("/incidents/PNONE"), g.open("/incidents/x%20y"),
		stranger.open("/"), stranger.open("/nowhere"), stranger.open("/oauth/pagerduty/callback"),
	}
	script := regexp.MustCompile(`(?i)<script|<style|\son[a-z]+=|\sstyle=|javascript:`)
	input := regexp.MustCompile(`<(?:input|select|textarea)[^>]*>`)
	address := regexp.MustCompile(`(?:src|href|action)="([^"]*)"`)
	for _, page := range pages {
		name := page.path + " " + page.title()
		if found := script.FindString(page.body); found != "" {
			t.Errorf("%s has %q", name, found)
		}
		for _, tag := range input.FindAllString(page.body, -1) {
			if !strings.Contains(tag, `type="hidden"`) && !strings.Contains(tag, "aria-label") {
				t.Errorf("%s: nothing says what %s is for", name, tag)
			}
		}
		for _, want := range []string{
			"<!DOCTYPE html>", `<html lang="en">`, "<main", "</html>", "· incidentbridge</title>", `name="viewport"`, `<h1 id="title">`,
		} {
			if strings.Count(page.body, want) != 1 {
				t.Errorf("%s has %d of %s", name, strings.Count(page.body, want), want)
			}
		}
		for _, found := range address.FindAllStringSubmatch(page.body, -1) {
			own := strings.HasPrefix(found[1], "/") || strings.HasPrefix(found[1], "tel:")
			if !own && !strings.Contains(page.body, found[0]+` rel="noreferrer"`) {
				t.Errorf("%s leads elsewhere and says where from: %s", name, found[0])
			}
		}
		want := http.Header{
			"Content-Type": {"text/html; charset=utf-8"},
			"Content-Security-Policy": {"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; " +
				"base-uri 'none'; frame-ancestors 'none'"},
			"Referrer-Policy": {"same-origin"}, "X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"no-store"},
			"Cross-Origin-Opener-Policy": {"same-origin"},
		}
		if diff := cmp.Diff(want, page.header); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", name, diff)
		}
	}
}

func TestThePagesHaveTheirLook(t *testing.T) {
	t.Parallel()
	h := handler(t, &stub{})
	for path, kind := range map[string]string{"/assets/style.css": "text/css; charset=utf-8", "/assets/icon.svg": "image/svg+xml"} {
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code != http.StatusOK || recorder.Header().Get("Content-Type") != kind || recorder.Body.Len() < 100 {
			t.Errorf("%s: %d %s", path, recorder.Code, recorder.Header().Get("Content-Type"))
		}
	}
}

func TestPagesWantAnAddressAndAStore(t *testing.T) {
	t.Parallel()
	store := tokenstore.NewMemory()
	for publicURL, want := range map[string]bool{
		site: true, site + "/": true, "http://127.0.0.1:8080": true, "http://localhost:8080": true, "http://[::1]:8080": true,
		"http://bridge.example.com": false, site + "/bridge": false, site + "?a=b": false, "https://u:p@bridge.example.com": false,
		"bridge.example.com": false, "ftp://bridge.example.com": false, "": false, "https://": false,
	} {
		_, err := nethttp.NewHandler(&stub{}, nethttp.WithPages(publicURL, store))
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "WithPages") {
			t.Errorf("%q: %v", publicURL, err)
		}
	}
	for name, opt := range map[string]nethttp.Option{
		"WithPages: nil store": nethttp.WithPages(site, nil),
		"WithLogin: ":          nethttp.WithLogin(nil, nil),
		"WithLogin needs":      nethttp.WithLogin(&pagerduty.OAuth{}, &pagerduty.Client{}),
	} {
		if _, err := nethttp.NewHandler(&stub{}, opt); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want an error about %s", err, name)
		}
	}
}

// visitStub shows a page over a service that is not real, to somebody who is logged in.
func visitStub(t *testing.T, svc *stub, path string) sheet {
	t.Helper()
	return guestOf(t, svc).open(path)
}

// guestOf is somebody who is logged in at a service that is not real.
func guestOf(t *testing.T, svc *stub) *guest {
	t.Helper()
	l := newLobby()
	g := l.guest(t, l.replica(t))
	g.login("/")
	account, err := pagerduty.NewClient(pagerduty.APIKey("key", "a@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	g.at[site] = newHandler(t, svc, nethttp.WithPages(site, l.store), nethttp.WithLogin(&pagerduty.OAuth{}, account))
	return g
}
