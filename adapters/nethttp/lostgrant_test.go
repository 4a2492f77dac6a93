package nethttp_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// After a crash between a vendor's new token and the store, the grant is lost. Pages tell
// that an administrator has to install again, and link there; the vendor is not asked for
// tokens repeatedly.
func TestLostGrantLeadsToTheInstall(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		lose     func(srv *pagesServer)
		requests func(srv *pagesServer) int // for tokens
	}{
		{"at Zoom", func(srv *pagesServer) {
			srv.zoom.ExpireTokens()
			srv.zoom.Fault(zoomtest.GiveToken, zoomtest.ResetAfter())
		}, func(srv *pagesServer) int { return len(srv.zoom.Requests(zoomtest.GiveToken)) }},
		{"at PagerDuty", func(srv *pagesServer) {
			srv.pagerDuty.ExpireTokens()
			srv.pagerDuty.Fault(pagerdutytest.GiveToken, pagerdutytest.ResetAfter())
		}, func(srv *pagesServer) int { return len(srv.pagerDuty.Requests(pagerdutytest.GiveToken)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newPagesServer()
				user := srv.installedBrowser(t)
				before := tt.requests(srv)
				tt.lose(srv)

				var got webPage
				for range 10 {
					got = user.open("/incidents/" + srv.incident)
					for _, label := range []string{"Create Zoom Meeting", "Try again"} {
						if got.status == http.StatusOK && strings.Contains(got.body, label+"</button>") {
							got = user.press(got, label)
						}
					}
					pass(time.Minute) // a lease may be left
				}
				got.shows(t, http.StatusConflict, "An administrator is needed", "has to install it again")
				if got.link(t, "Install it again") != "/install" {
					t.Errorf("it does not lead to the install:\n%s", got.body)
				}
				if asked := tt.requests(srv) - before; asked > 3 {
					t.Errorf("the vendor was asked for a token %d times, want at most 3", asked)
				}
			})
		})
	}
}

func TestLoginWithoutAGrantLeadsToTheInstall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newPagesServer()
		user := srv.installedBrowser(t)
		srv.pagerDuty.RevokeTokens()
		stranger := srv.browser(t, user.at[site])
		got := stranger.login("/")
		got.shows(t, http.StatusConflict, "An administrator is needed")
		if got.link(t, "Install it again") != "/install" {
			t.Errorf("it does not lead to the install:\n%s", got.body)
		}
	})
}

// The authorizations of an expired install are revoked at Zoom, unless the same account
// was installed in the meantime.
func TestExpiredInstallIsRevokedAtZoom(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"nothing is installed": 1, "it was installed meanwhile": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newPagesServer()
				user := srv.adminBrowser(t)
				user.at[identity] = slow{user.at[identity], 11 * time.Minute}
				if want == 0 {
					quick, pagerDuty := srv.browser(t, user.at[site]), srv.pagerDuty.Handler()
					quick.at["https://zoom.us"] = srv.zoom.Handler()
					installQuickly := func() { quick.open("/install").shows(t, http.StatusOK, "Installed") }
					user.at[identity] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						pass(11 * time.Minute)
						installQuickly()
						pagerDuty.ServeHTTP(w, r)
					})
				}
				user.open("/install").shows(t, http.StatusBadRequest, "longer than ten minutes", "Begin again")
				if got := len(srv.zoom.Requests(zoomtest.RevokeToken)); got != want {
					t.Errorf("%d revokes, want %d", got, want)
				}
			})
		})
	}
}

// installedBrowser is the browser of an administrator who has installed the app and is
// logged in.
func (srv *pagesServer) installedBrowser(t *testing.T) *browser {
	t.Helper()
	user := srv.adminBrowser(t)
	user.open("/install").shows(t, http.StatusOK, "Installed")
	user.login("/")
	return user
}

// adminBrowser is the browser of an administrator of both vendors; nothing is installed
// yet.
func (srv *pagesServer) adminBrowser(t *testing.T) *browser {
	t.Helper()
	srv.zoom.AddUser(zoomAdmin, func(u *zoomtest.User) { u.Role = "Owner" })
	srv.zoom.SignIn(zoomAdmin)
	srv.pagerDuty.SignIn(srv.pagerDuty.AddUser("pd-admin@example.com", func(u *pagerdutytest.User) { u.Role = "owner" }))
	id, secret := srv.zoom.AppCredentials()
	zoomApp, err := zoom.NewOAuth(id, secret, site+"/oauth/zoom/callback", zoom.WithTransport(srv.zoom.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ = srv.pagerDuty.Credentials()
	scopes := append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)
	pagerDutyApp, err := pagerduty.NewOAuth(id, secret, site+"/oauth/pagerduty/callback",
		pagerduty.WithScopes(scopes...), pagerduty.WithTransport(srv.pagerDuty.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	i, err := install.New(srv.store,
		install.WithZoom(zoomApp, zoom.WithTransport(srv.zoom.Transport())),
		install.WithPagerDuty(pagerDutyApp, pagerduty.WithTransport(srv.pagerDuty.Transport())))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := bridge.New(bridge.PagerDuty(i.PagerDuty()), bridge.InstalledZoom(i.Zoom(), zoom.Me), srv.store, bridge.WithInstallation(i))
	if err != nil {
		t.Fatal(err)
	}
	user := srv.browser(t, newHandler(t, svc,
		nethttp.WithPages(site, srv.store), nethttp.WithLogin(pagerDutyApp, i.PagerDuty()), nethttp.WithInstallation(i)))
	user.at["https://zoom.us"] = srv.zoom.Handler()
	return user
}
