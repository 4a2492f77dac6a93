package nethttp_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestInstallEndsOnTheConfirmation(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	seen := srv.browser(t).install("")
	seen.shows(t, http.StatusOK, "PagerDuty reaches us ✓", zoomAdmin, "pd-admin@example.com")

	if now := srv.installed(t); now == nil || now.Setup.ReachableAt.IsZero() || len(now.Setup.Problems) > 0 {
		t.Errorf("got %+v", now)
	}
	subscriptions := srv.pagerDuty.Subscriptions()
	if len(subscriptions) != 1 {
		t.Fatalf("subscriptions: %+v", subscriptions)
	}
	want := []string{"incident.conference_bridge.updated", "incident.reopened", "incident.resolved", "incident.triggered"}
	if diff := cmp.Diff(want, subscriptions[0].Events); diff != "" {
		t.Error(diff)
	}
	if got := subscriptions[0].URL; got != srv.front.URL+"/webhooks/pagerduty" {
		t.Errorf("events go to %s", got)
	}
}

func TestInstallIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		scopes    []string // of the app at PagerDuty; none: all
		do        func(srv *installServer, admin *installingBrowser) webPage
		status    int
		says      []string
		exchanged int
		revoked   int // consents at Zoom
	}{
		{
			name: "a consent that was denied at Zoom",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				return admin.at(changed(back, "code", "", "error", "access_denied"))
			},
			status: http.StatusForbidden, says: []string{"not allowed at Zoom", "Begin again"},
		},
		{
			name: "a refusal beside a code",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				return admin.at(changed(back, "error", "access_denied"))
			},
			status: http.StatusForbidden, says: []string{"not allowed at Zoom"},
		},
		{
			name: "a consent that was denied at PagerDuty",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				srv.pagerDuty.SignIn("")
				return admin.install("")
			},
			status: http.StatusForbidden, says: []string{"not allowed at PagerDuty"}, exchanged: 1, revoked: 1,
		},
		{
			name: "a callback of Zoom's marketplace, without a state",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				_, seen := admin.follow(changed(back, "state", ""), "")
				return seen
			},
			status: http.StatusOK, says: []string{"Begin the install here", "Nothing was installed", `href="/install"`},
		},
		{
			name: "a callback of PagerDuty without a state",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/pagerduty/callback")
				_, seen := admin.follow(changed(back, "state", ""), "")
				return seen
			},
			status: http.StatusOK, says: []string{"Begin the install here"}, exchanged: 1,
		},
		{
			name: "a state that was tampered with",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				return admin.at(changed(back, "state", "A"+query(back, "state")))
			},
			status: http.StatusBadRequest, says: []string{"somebody changed it"},
		},
		{
			name: "a state of Zoom's at PagerDuty's callback",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				return admin.at(strings.Replace(back, "/oauth/zoom/", "/oauth/pagerduty/", 1))
			},
			status: http.StatusBadRequest, says: []string{"belongs to no install"},
		},
		{
			name: "a state of another browser",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				other := srv.browser(admin.t)
				other.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				return other.at(back)
			},
			status: http.StatusBadRequest, says: []string{"another browser"},
		},
		{
			name: "a callback that is replayed",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				admin.at(back)
				return admin.at(back)
			},
			status: http.StatusBadRequest, says: []string{"opened before"}, exchanged: 1,
		},
		{
			name: "a code that Zoom does not take",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				return admin.at(changed(back, "code", "stolen"))
			},
			status: http.StatusBadRequest, says: []string{"Zoom did not accept the authorization code"}, exchanged: 1,
		},
		{
			name: "a user who is no admin at Zoom",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				srv.zoom.Fault(zoomtest.GetUser, zoomtest.Answer(200, `{"id":"u","account_id":"ACCOUNT","role_id":"2","role_name":"Member"}`))
				return admin.install("")
			},
			status: http.StatusForbidden, says: []string{"Only an administrator may install", "not an administrator at Zoom"}, exchanged: 1, revoked: 1,
		},
		{
			name: "a user who is no admin at PagerDuty",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				srv.pagerDuty.SignIn(srv.pagerDuty.AddUser("manager@example.com"))
				return admin.install("")
			},
			status: http.StatusForbidden, says: []string{"Only an administrator may install", "not an administrator at PagerDuty"}, exchanged: 2, revoked: 1,
		},
		{
			name:   "an app at PagerDuty that lacks scopes",
			scopes: []string{"abilities.read", "incidents.read", "teams.read", "users.read"},
			do:     func(_ *installServer, admin *installingBrowser) webPage { return admin.install("") },
			status: http.StatusForbidden, says: []string{"PagerDuty did not grant the scopes incidents.write"}, exchanged: 2, revoked: 1,
		},
		{
			name: "a Zoom that rejects a request",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				srv.zoom.Fault(zoomtest.GetUser, zoomtest.Answer(403, `{}`).Always())
				return admin.install("")
			},
			status: http.StatusBadGateway, says: []string{"Zoom rejected a request of the app (403 forbidden)", "upstream_zoom"}, exchanged: 1,
		},
		{
			name: "an app that is removed at Zoom while PagerDuty is asked",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/pagerduty/callback")
				if got := srv.zoomSends(admin.t, srv.zoom.Uninstall(zoomAdmin)); got != "200 ignored" {
					admin.t.Errorf("the removal: %s", got)
				}
				return admin.at(back)
			},
			status: http.StatusConflict, says: []string{"The app was removed", "Begin again"}, exchanged: 2, revoked: 1,
		},
		{
			name: "a store that is down",
			do: func(srv *installServer, admin *installingBrowser) webPage {
				back, _ := admin.follow(srv.front.URL+"/install", "/oauth/zoom/callback")
				srv.store.down.Store(true)
				defer srv.store.down.Store(false)
				return admin.at(back)
			},
			status: http.StatusServiceUnavailable, says: []string{"Try again in a moment"},
		},
		{
			name: "something that is no service",
			do: func(_ *installServer, admin *installingBrowser) webPage {
				return admin.install("?services=https://evil.example")
			},
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
			srv := newInstallServer(t, opts...)
			tt.do(srv, srv.browser(t)).shows(t, tt.status, tt.says...)
			if now := srv.installed(t); now != nil {
				t.Errorf("it was installed: %+v", now)
			}
			if got := srv.exchanged(); got != tt.exchanged {
				t.Errorf("%d codes were brought to a vendor, want %d", got, tt.exchanged)
			}
			if got := len(srv.zoom.Requests(zoomtest.RevokeToken)); got != tt.revoked {
				t.Errorf("%d consents were revoked at Zoom, want %d", got, tt.revoked)
			}
		})
	}
}

func TestInstallContinuesAfterARestart(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	admin := srv.browser(t)
	address := srv.front.URL + "/install"
	for address != "" {
		srv.serve(srv.replica(t)) // a new process for every request
		next, seen := admin.step(address)
		if address = next; next == "" {
			seen.shows(t, http.StatusOK, "PagerDuty reaches us ✓")
		}
	}
}

func TestInstallContinuesInAnotherReplica(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	srv.serve(srv.replica(t), srv.replica(t))
	srv.browser(t).install("").shows(t, http.StatusOK, "PagerDuty reaches us ✓")
}

func TestConcurrentInstalls(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	first, second := srv.browser(t), srv.browser(t)
	one, _ := first.follow(srv.front.URL+"/install", "/oauth/pagerduty/callback")
	two, _ := second.follow(srv.front.URL+"/install", "/oauth/pagerduty/callback")
	three, _ := first.follow(srv.front.URL+"/install", "/oauth/zoom/callback") // in a second tab

	for _, half := range []struct {
		who *installingBrowser
		at  string
	}{{second, two}, {first, one}, {first, three}} {
		_, seen := half.who.follow(half.at, "")
		seen.shows(t, http.StatusOK, "PagerDuty reaches us ✓")
	}
	if n := len(srv.pagerDuty.Subscriptions()); n != 1 {
		t.Errorf("there are %d subscriptions", n)
	}
	if got := srv.open(t); got != "201 attached" {
		t.Errorf("open: %s", got)
	}
}

func TestConfirmationIsForTheInstallersBrowser(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	srv.browser(t).install("")
	seen := srv.browser(t).at(srv.front.URL + "/install/done")
	seen.shows(t, http.StatusNotFound, "Nothing was installed here")
	if strings.Contains(seen.body, "example.com") {
		t.Errorf("it tells who installed: %s", seen.body)
	}
}

func TestConfirmationTellsWhatToDoByHand(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t, pagerdutytest.WithAppScopes(pagerduty.RunScopes()...))
	srv.browser(t).install("").shows(t, http.StatusOK, "Generic Webhooks (v3)", srv.front.URL+"/webhooks/pagerduty",
		"incident.resolved", "PAGERDUTY_WEBHOOK_SECRETS", "webhook_subscriptions.write")
	admin := srv.browser(t)
	_, seen := admin.follow(admin.install("?services=PSHOP01,PSHOP02").link(t, "Begin"), "")
	seen.shows(t, http.StatusOK, "PSHOP01", "PSHOP02", "Custom Incident Action",
		srv.front.URL+"/actions/pagerduty", "ACTION_TOKENS", `href="/install?services=PSHOP01%2CPSHOP02"`)
}

func TestInstallExpiresAfterTenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newPagesServer()
		id, secret, _ := srv.pagerDuty.Credentials()
		app, err := pagerduty.NewOAuth(id, secret, site+"/oauth/pagerduty/callback", pagerduty.WithTransport(srv.pagerDuty.Transport()))
		if err != nil {
			t.Fatal(err)
		}
		i, err := install.New(srv.store, install.WithPagerDuty(app, pagerduty.WithTransport(srv.pagerDuty.Transport())))
		if err != nil {
			t.Fatal(err)
		}
		user := srv.browser(t, srv.replica(t, nethttp.WithInstallation(i)))
		user.at[identity] = slow{user.at[identity], 11 * time.Minute}
		user.open("/install").shows(t, http.StatusBadRequest, "longer than ten minutes", "Begin again")
	})
}

func TestInstallLeaksNoSecret(t *testing.T) {
	t.Parallel()
	srv := newInstallServer(t)
	admin := srv.browser(t)
	_, chosen := admin.step(srv.front.URL + "/install?services=PSHOP01")
	admin.follow(chosen.link(t, "Begin"), "")
	admin.install("") // and once more
	srv.zoom.Fault(zoomtest.GiveToken, zoomtest.Answer(500, "zoomtest-access-token-leak"))
	admin.install("")
	if got := srv.open(t); got != "201 attached" {
		t.Errorf("open: %s", got)
	}
	button := srv.pagerDuty.Extensions()[0].Headers.Get("Authorization")
	if strings.Contains(srv.log.String(), srv.installed(t).ID) {
		t.Error("the log tells what opens the confirmation")
	}
	srv.zoomSends(t, srv.zoom.Uninstall(zoomAdmin))

	_, zoomSecret := srv.zoom.AppCredentials()
	_, pdSecret, _ := srv.pagerDuty.Credentials()
	secrets := []string{
		"zoomtest-access-token", "zoomtest-refresh-token", "zoomtest-code", "pdus+_", "pdus%2B_", "code+0",
		srv.pagerDuty.Secret(), strings.TrimPrefix(button, "Bearer "), zoomSecret, pdSecret, srv.zoom.WebhookSecret(), actionToken,
	}
	for place, text := range map[string]string{"store": srv.store.written(), "answers": admin.answers.String(), "log": srv.log.String()} {
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
