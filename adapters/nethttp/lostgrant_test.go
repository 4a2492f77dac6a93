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

// A vendor gave a new token and nobody stored it, as after a kill -9 in that moment. Whoever comes next is told that an
// administrator has to install again, with the way there, and the vendor is not asked for a token over and over.
func TestALostGrantIsToldWithTheWayToMendIt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		lose     func(l *lobby)
		requests func(l *lobby) int // for tokens
	}{
		{"at Zoom", func(l *lobby) {
			l.zoom.ExpireTokens()
			l.zoom.Fault(zoomtest.GiveToken, zoomtest.ResetAfter())
		}, func(l *lobby) int { return len(l.zoom.Requests(zoomtest.GiveToken)) }},
		{"at PagerDuty", func(l *lobby) {
			l.pagerDuty.ExpireTokens()
			l.pagerDuty.Fault(pagerdutytest.GiveToken, pagerdutytest.ResetAfter())
		}, func(l *lobby) int { return len(l.pagerDuty.Requests(pagerdutytest.GiveToken)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLobby()
				g := l.installedGuest(t)
				before := tt.requests(l)
				tt.lose(l)

				var got sheet
				for range 10 {
					got = g.open("/incidents/" + l.incident)
					for _, label := range []string{"Create Zoom Meeting", "Try again"} {
						if got.status == http.StatusOK && strings.Contains(got.body, label+"</button>") {
							got = g.press(got, label)
						}
					}
					pass(time.Minute) // a lease may be left
				}
				got.shows(t, http.StatusConflict, "An administrator is needed", "has to install it again")
				if got.link(t, "Install it again") != "/install" {
					t.Errorf("it does not lead to the install:\n%s", got.body)
				}
				if asked := tt.requests(l) - before; asked > 3 {
					t.Errorf("the vendor was asked for a token %d times, want at most 3", asked)
				}
			})
		})
	}
}

func TestALoginWhileTheGrantIsLostLeadsToTheInstall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLobby()
		g := l.installedGuest(t)
		l.pagerDuty.RevokeTokens()
		stranger := l.guest(t, g.at[site])
		got := stranger.login("/")
		got.shows(t, http.StatusConflict, "An administrator is needed")
		if got.link(t, "Install it again") != "/install" {
			t.Errorf("it does not lead to the install:\n%s", got.body)
		}
	})
}

// What an install has carried for too long is ended at Zoom, unless the same account has been installed meanwhile.
func TestAnInstallThatTakesTooLongIsRevokedAtZoom(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"nothing is installed": 1, "it was installed meanwhile": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLobby()
				g := l.installingGuest(t)
				g.at[identity] = slow{g.at[identity], 11 * time.Minute}
				if want == 0 {
					quick, pagerDuty := l.guest(t, g.at[site]), l.pagerDuty.Handler()
					quick.at["https://zoom.us"] = l.zoom.Handler()
					g.at[identity] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						pass(11 * time.Minute)
						quick.open("/install").shows(t, http.StatusOK, "Installed")
						pagerDuty.ServeHTTP(w, r)
					})
				}
				g.open("/install").shows(t, http.StatusBadRequest, "longer than ten minutes", "Begin again")
				if got := len(l.zoom.Requests(zoomtest.RevokeToken)); got != want {
					t.Errorf("%d revokes, want %d", got, want)
				}
			})
		})
	}
}

// installedGuest is somebody who has just installed the app, and is logged in.
func (l *lobby) installedGuest(t *testing.T) *guest {
	t.Helper()
	g := l.installingGuest(t)
	g.open("/install").shows(t, http.StatusOK, "Installed")
	g.login("/")
	return g
}

// installingGuest is an administrator of both vendors at a service that nobody has installed.
func (l *lobby) installingGuest(t *testing.T) *guest {
	t.Helper()
	l.zoom.AddUser(zoomBoss, func(u *zoomtest.User) { u.Role = "Owner" })
	l.zoom.SignIn(zoomBoss)
	l.pagerDuty.SignIn(l.pagerDuty.AddUser("pd-boss@example.com", func(u *pagerdutytest.User) { u.Role = "owner" }))
	id, secret := l.zoom.AppCredentials()
	zoomApp, err := zoom.NewOAuth(id, secret, site+"/oauth/zoom/callback", zoom.WithTransport(l.zoom.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ = l.pagerDuty.Credentials()
	scopes := append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)
	pagerDutyApp, err := pagerduty.NewOAuth(id, secret, site+"/oauth/pagerduty/callback",
		pagerduty.WithScopes(scopes...), pagerduty.WithTransport(l.pagerDuty.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	i, err := install.New(l.store,
		install.WithZoom(zoomApp, zoom.WithTransport(l.zoom.Transport())),
		install.WithPagerDuty(pagerDutyApp, pagerduty.WithTransport(l.pagerDuty.Transport())))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := bridge.New(bridge.PagerDuty(i.PagerDuty()), bridge.InstalledZoom(i.Zoom(), zoom.Me), l.store, bridge.WithInstallation(i))
	if err != nil {
		t.Fatal(err)
	}
	g := l.guest(t, newHandler(t, svc,
		nethttp.WithPages(site, l.store), nethttp.WithLogin(pagerDutyApp, i.PagerDuty()), nethttp.WithInstallation(i)))
	g.at["https://zoom.us"] = l.zoom.Handler()
	return g
}
