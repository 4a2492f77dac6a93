package nethttp_test

import (
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
)

const (
	sessionCookie = "__Host-incidentbridge-session"
	createButton  = "Create Zoom Meeting"
)

// pass lets time go by, inside a bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestIncidentPageShowsTheState(t *testing.T) {
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
			page := openStub(t, svc, "/incidents/PABC123")
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
func TestOnlyWebLinksCanBeJoined(t *testing.T) {
	t.Parallel()
	for link, followed := range map[string]bool{
		"https://meet.example.com/room": true, "http://meet.example.com/room": true,
		"javascript:alert(1)": false, "data:text/html,x": false, "zoommtg://zoom.us/join": false, "ask Ada": false, "": false,
	} {
		b := attached()
		b.State, b.Provider, b.JoinURL = bridge.StateExternal, "external", link
		page := openStub(t, &stub{incident: &bridge.Incident{ID: "PABC123"}, bridge: b}, "/incidents/PABC123")
		if got := strings.Contains(page.body, "Join the call"); got != followed || strings.Contains(page.body, "javascript:") {
			t.Errorf("%s: followed %t, want %t\n%s", link, got, followed, page.body)
		}
		if page.link(t, "Dial in") != "tel:+14155551212,,98765432101%23" {
			t.Errorf("%s: the number is lost", link)
		}
	}
}

func TestListShowsOpenBridges(t *testing.T) {
	t.Parallel()
	srv, user := setup(t)
	if page := user.login("/"); !page.says("No call is open") {
		t.Errorf("with nothing open:\n%s", page.body)
	}
	user.press(user.open("/incidents/"+srv.incident), createButton)
	page := user.open("/")
	if got := page.link(t, "Disk full"); got != "/incidents/"+srv.incident || !page.says("on the incident") {
		t.Errorf("the row leads to %s\n%s", got, page.body)
	}
	if strings.Contains(page.body, "zoom.us") {
		t.Errorf("the list tells a link:\n%s", page.body)
	}
	srv.pagerDuty.SignIn(srv.pagerDuty.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "read_only_user" }))
	if page := srv.browser(t, user.at[site]).login("/"); !page.says("No call is open that you may join") || page.says("Disk full") {
		t.Errorf("a stakeholder sees\n%s", page.body)
	}
	srv.pagerDuty.Fault(pagerdutytest.Any, pagerdutytest.Answer(503, "").Always())
	if page := user.open("/"); page.says("No call is open") {
		t.Errorf("PagerDuty's silence is taken for an empty list\n%s", page.body)
	}
}

// With PagerDuty down the call is what counts, and who may see it was asked less than a
// minute ago.
func TestCallIsShownWhilePagerDutyIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, user := setup(t)
		user.press(user.login("/incidents/"+srv.incident), createButton)
		srv.pagerDuty.Fault(pagerdutytest.Any, pagerdutytest.Hang().Always())
		began := time.Now()
		page := user.open("/incidents/" + srv.incident)
		if page.link(t, "Join the call") == "" || !page.says("Incident "+srv.incident) || !page.says("PagerDuty does not answer") {
			t.Errorf("the page:\n%s", page.body)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		pass(time.Minute)
		if page := user.open("/incidents/" + srv.incident); page.status != http.StatusBadGateway && page.status != http.StatusServiceUnavailable ||
			strings.Contains(page.body, "zoom.us") {
			t.Errorf("a minute later: %d\n%s", page.status, page.body)
		}
		pass(time.Minute)
	})
}

// No link, number or passcode of a call is in an address, a line of the log, or a page
// without a login.
func TestLinksAndNumbersDoNotLeak(t *testing.T) {
	t.Parallel()
	srv, user := setup(t)
	user.press(user.login("/incidents/"+srv.incident), createButton)
	user.open("/")
	meeting := srv.zoom.Meetings()[0]
	secrets := []string{
		strings.TrimPrefix(meeting.JoinURL, "https://"), meeting.Password, meeting.PhonePassword,
		srv.pagerDuty.Incident(srv.incident).Bridge.DialIn, strconv.FormatInt(meeting.ID, 10) + "#",
		user.cookie(sessionCookie).Value,
	}
	for _, secret := range secrets {
		if len(secret) < 4 {
			t.Fatalf("the secret %q is none", secret)
		}
		for _, address := range user.seen {
			if strings.Contains(address, secret) {
				t.Errorf("%s holds %s", address, secret)
			}
		}
		if strings.Contains(srv.log.String(), secret) {
			t.Errorf("the log holds %s:\n%s", secret, srv.log.String())
		}
		stranger := srv.browser(t, user.at[site])
		for _, path := range []string{"/", "/incidents/" + srv.incident, "/login", "/nowhere", "/install"} {
			if page := stranger.open(path); strings.Contains(page.body, secret) {
				t.Errorf("%s shows %s without a login", path, secret)
			}
		}
	}
	if srv.log.String() == "" {
		t.Error("nothing was logged")
	}
}

// Every page is whole, closed to others, and readable by whatever reads it to people.
func TestEveryPageIsSafeAndReadable(t *testing.T) {
	t.Parallel()
	srv, user := setup(t)
	stranger := srv.browser(t, user.at[site])
	page := user.login("/incidents/" + srv.incident)
	refused := user.pressing(page, createButton)
	setForm(refused, url.Values{})
	pages := []webPage{
		page, user.press(page, createButton), user.open("/"), user.ask(refused), user.open("/incidents/PNONE"), user.open("/incidents/x%20y"),
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

func TestAssetsAreServed(t *testing.T) {
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

func TestPagesNeedAnAddressAndAStore(t *testing.T) {
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

// openStub opens a page of a stub service, logged in.
func openStub(t *testing.T, svc *stub, path string) webPage {
	t.Helper()
	return stubBrowser(t, svc).open(path)
}

// stubBrowser is a browser that is logged in at a stub service.
func stubBrowser(t *testing.T, svc *stub) *browser {
	t.Helper()
	srv, user := setup(t)
	user.login("/")
	account, err := pagerduty.NewClient(pagerduty.APIKey("key", "a@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	user.at[site] = newHandler(t, svc, nethttp.WithPages(site, srv.store), nethttp.WithLogin(&pagerduty.OAuth{}, account))
	return user
}
