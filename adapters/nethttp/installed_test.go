package nethttp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestInstalledButtonOpensABridge(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	admin := srv.browser(t)
	at, chosen := admin.step(srv.front.URL + "/install?services=PSHOP01,PSHOP02,PSHOP01")
	chosen.shows(t, http.StatusOK, "PSHOP01, PSHOP02")
	if at != "" {
		t.Fatalf("it leads to %s at once", at)
	}
	_, seen := admin.follow(chosen.link(t, "Begin"), "")
	seen.shows(t, http.StatusOK, "PagerDuty reaches us ✓", "PSHOP01, PSHOP02")

	buttons := srv.pagerDuty.Extensions()
	if len(buttons) != 2 {
		t.Fatalf("buttons: %+v", buttons)
	}
	srv.pagerDuty.Press(buttons[0].ID, srv.incident, srv.pdAdmin)
	srv.pagerDuty.Deliver(t.Context(), nil)
	if srv.pagerDuty.Incident(srv.incident).Bridge.URL == "" {
		t.Errorf("the button opened nothing: %s", srv.log.String())
	}

	token := strings.TrimPrefix(buttons[0].Headers.Get("Authorization"), "Bearer ")
	if got := srv.ask(t, http.MethodGet, "/api/v1/incidents/"+srv.incident+"/bridge", token); got != "401 unauthorized" {
		t.Errorf("the button's token opens the API: %s", got)
	}
	if got := srv.ask(t, http.MethodPost, "/actions/pagerduty", token+"x"); got != "401 unauthorized" {
		t.Errorf("a wrong token: %s", got)
	}
}

func TestWebhooksAreVerifiedWithTheInstalledSecret(t *testing.T) {
	t.Parallel()
	const resolved = `{"event":{"id":"1","event_type":"incident.resolved","data":{"type":"incident","id":"PX","status":"resolved"}}}`
	tests := []struct {
		name      string
		installed bool
		given     bool // a secret by option
		secret    func(srv *installServer) string
		want      string
	}{
		{"without any", false, false, func(srv *installServer) string { return srv.pagerDuty.Secret() }, "404 not_found"},
		{"the installed one", true, false, func(srv *installServer) string { return srv.pagerDuty.Secret() }, "200 ignored"},
		{"the installed one beside a given one", true, true, func(srv *installServer) string { return srv.pagerDuty.Secret() }, "200 ignored"},
		{"the given one beside the installed one", true, true, func(*installServer) string { return pagerDutySecret }, "200 ignored"},
		{"the given one alone", false, true, func(*installServer) string { return pagerDutySecret }, "200 ignored"},
		{"another one", true, true, func(*installServer) string { return "other" }, "401 unauthorized"},
		{"another one beside the given one", false, true, func(*installServer) string { return "other" }, "401 unauthorized"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newInstallServer(t)
			if tt.given {
				srv.extra = append(srv.extra, nethttp.PagerDutySecrets(pagerDutySecret))
				srv.serve(srv.replica(t))
			}
			if tt.installed {
				srv.browser(t).install("")
			}
			if got := srv.event(t, tt.secret(srv), resolved); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNoEventIsLostWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	srv.browser(t).install("")
	srv.store.down.Store(true)
	if got := srv.event(t, srv.pagerDuty.Secret(), `{"event":{"event_type":"pagey.ping"}}`); got != "503 unavailable" {
		t.Errorf("webhook: %s", got)
	}
	if got := srv.ask(t, http.MethodPost, "/actions/pagerduty", "the-buttons-own"); got != "503 unavailable" {
		t.Errorf("button: %s", got)
	}
}

func TestUninstallAtZoom(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	old := srv.zoom.Webhook(zoomtest.Event{Type: zoom.EventAppDeauthorized, Time: time.Now().Add(-time.Minute)})
	srv.browser(t).install("?services=").shows(t, http.StatusOK, "PagerDuty reaches us ✓")

	if got := srv.zoomSends(t, old); got != "200 ignored" {
		t.Errorf("an older removal: %s", got)
	}
	stranger := srv.zoom.Webhook(zoomtest.Event{Type: zoom.EventAppDeauthorized, ClientID: "another-app"})
	if got := srv.zoomSends(t, stranger); got != "200 ignored" {
		t.Errorf("another app's removal: %s", got)
	}
	if srv.installed(t) == nil {
		t.Fatal("it is not installed any more")
	}

	now := srv.zoom.Uninstall(zoomAdmin)
	if got := srv.zoomSends(t, now); got != "200 uninstalled" {
		t.Errorf("the removal: %s", got)
	}
	if srv.installed(t) != nil || len(srv.pagerDuty.Subscriptions()) > 0 {
		t.Errorf("left: %+v, %+v", srv.installed(t), srv.pagerDuty.Subscriptions())
	}
	if got := srv.open(t); got != "409 not_installed" {
		t.Errorf("open: %s", got)
	}
	if got := srv.event(t, srv.pagerDuty.Secret(), "{}"); got != "404 not_found" {
		t.Errorf("webhook: %s", got)
	}
	if got := srv.zoomSends(t, srv.zoom.Redeliver(now)); got != "200 ignored" {
		t.Errorf("told again: %s", got)
	}

	// Zoom gives the time of a removal in milliseconds, and an install in the same one
	// counts as older.
	<-time.After(2 * time.Millisecond)
	srv.browser(t).install("").shows(t, http.StatusOK, "PagerDuty reaches us ✓")
	if got := srv.zoomSends(t, srv.zoom.Redeliver(now)); got != "200 ignored" || srv.installed(t) == nil {
		t.Errorf("told again after a new install: %s", got)
	}
}

// Another replica has PagerDuty's token in memory when the app is removed.
func TestUninstallClosesThePagesOfEveryReplica(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	srv.enableLogin(t)
	other := srv.replica(t)
	admin := srv.browser(t)
	admin.install("").shows(t, http.StatusOK, "PagerDuty reaches us ✓")
	srv.serve(other)
	_, login := admin.follow(srv.front.URL+"/incidents/"+srv.incident, "")
	_, page := admin.follow(srv.front.URL+login.link(t, "Log in with PagerDuty"), "")
	page.shows(t, http.StatusOK, "Create Zoom Meeting")
	srv.serve(srv.replica(t))
	if got := srv.zoomSends(t, srv.zoom.Uninstall(zoomAdmin)); got != "200 uninstalled" {
		t.Fatalf("the removal: %s", got)
	}
	srv.serve(other)
	asked := len(srv.pagerDuty.Requests(pagerdutytest.GetUser, pagerdutytest.GetIncident))
	for _, path := range []string{"/", "/incidents/" + srv.incident} {
		admin.at(srv.front.URL+path).shows(t, http.StatusConflict, "Not installed", "not_installed")
	}
	_, page = srv.browser(t).follow(srv.front.URL+"/login/pagerduty?back=/", "")
	page.shows(t, http.StatusConflict, "Not installed", "not_installed")
	if n := len(srv.pagerDuty.Requests(pagerdutytest.GetUser, pagerdutytest.GetIncident)); n > asked {
		t.Errorf("PagerDuty was asked %d times with a token that is deleted", n-asked)
	}
}
