package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
	zoomAdmin = "zoom-admin@example.com"
)

var _ bridge.Installation = (*install.Installation)(nil)

// installedEnv is a world whose vendors' apps are installed by consent.
type installedEnv struct {
	*env
	pagerDutyAdmin string // user id
}

func newInstalledEnv(w *env) installedEnv {
	w.zoom.AddUser(zoomAdmin, func(u *zoomtest.User) { u.Role = "Owner" })
	w.zoom.SignIn(zoomAdmin)
	admin := w.pd.AddUser("pd-admin@example.com", func(u *pagerdutytest.User) { u.Role = "owner" })
	w.pd.SignIn(admin)
	return installedEnv{w, admin}
}

// installation is the installation as one process sees it.
func (e installedEnv) installation(t *testing.T, store tokenstore.Store) *install.Installation {
	t.Helper()
	id, secret := e.zoom.AppCredentials()
	atZoom, err := zoom.NewOAuth(id, secret, "https://bridge.example.com/oauth/zoom/callback",
		zoom.WithTransport(e.zoom.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ = e.pd.Credentials()
	scopes := append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)
	pagerDutyApp, err := pagerduty.NewOAuth(id, secret, "https://bridge.example.com/oauth/pagerduty/callback",
		pagerduty.WithTransport(e.pd.Transport()), pagerduty.WithScopes(scopes...))
	if err != nil {
		t.Fatal(err)
	}
	i, err := install.New(store,
		install.WithPagerDuty(pagerDutyApp, pagerduty.WithTransport(e.pd.Transport())),
		install.WithZoom(atZoom, zoom.WithTransport(e.zoom.Transport())))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// code is the one that the vendor's page sends the browser back with.
func (e installedEnv) code(t *testing.T, i *install.Installation, vendor install.Vendor) string {
	t.Helper()
	transport := e.zoom.Transport()
	if vendor == install.VendorPagerDuty {
		transport = e.pd.Transport()
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.AuthCodeURL(vendor, "a-state", verifier), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("%s gave no code: %d %s", vendor, response.StatusCode, back)
	}
	return back.Query().Get("code")
}

func (e installedEnv) authorize(t *testing.T, i *install.Installation, vendor install.Vendor) *install.Authorization {
	t.Helper()
	a, err := i.Authorize(t.Context(), vendor, e.code(t, i, vendor), verifier)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (e installedEnv) install(t *testing.T, i *install.Installation) *install.Info {
	t.Helper()
	info, err := i.Install(t.Context(), e.authorize(t, i, install.VendorZoom), e.authorize(t, i, install.VendorPagerDuty))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// serve returns a service of the installation that does due work only when it is told to.
func (e installedEnv) serve(t *testing.T, i *install.Installation, opts ...bridge.Option) *bridge.Service {
	t.Helper()
	svc, err := bridge.New(bridge.PagerDuty(i.PagerDuty()), bridge.InstalledZoom(i.Zoom(), zoom.Me), e.store,
		append(opts, bridge.WithInstallation(i))...)
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

func reconcile(t *testing.T, svc *bridge.Service) {
	t.Helper()
	if _, err := svc.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// uninstall reports to Zoom's webhook that the app is removed now.
func uninstall(t *testing.T, i *install.Installation) {
	t.Helper()
	removed := install.Deauthorization{ClientID: "APP-CLIENT", AccountID: "ACCOUNT", At: time.Now()}
	if _, ok, err := i.Uninstall(t.Context(), removed); err != nil || !ok {
		t.Fatalf("Uninstall = %v, %v", ok, err)
	}
}

func TestInstallationServesUntilItIsUninstalled(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		e := newInstalledEnv(w)
		i := e.installation(t, w.store)
		svc := e.serve(t, i)
		go func() { _ = svc.Run(t.Context()) }()
		incident := w.pd.AddIncident("Disk full")

		if _, err := svc.Open(t.Context(), bridge.Request{IncidentID: incident}); !errors.Is(err, bridge.ErrNotInstalled) {
			t.Fatalf("before the install: got %v", err)
		}
		if diff := cmp.Diff([]install.Vendor{install.VendorZoom, install.VendorPagerDuty}, i.Vendors()); diff != "" {
			t.Error(diff)
		}
		got := e.install(t, i)
		if got.Zoom.Email != zoomAdmin || got.PagerDuty.UserID != e.pagerDutyAdmin || got.PagerDuty.Subdomain != "example" {
			t.Errorf("installed by %+v and %+v", got.Zoom, got.PagerDuty)
		}
		b, err := svc.Open(t.Context(), bridge.Request{IncidentID: incident})
		if err != nil || b.State != bridge.StateAttached || b.Host != zoomAdmin {
			t.Fatalf("got %+v, %v", b, err)
		}

		pass(time.Second)
		uninstall(t, i)
		if _, err := svc.Open(t.Context(), bridge.Request{IncidentID: incident}); !errors.Is(err, bridge.ErrNotInstalled) {
			t.Errorf("after the uninstall: got %v", err)
		}
		pass(2 * time.Second)
		b, err = svc.Get(t.Context(), incident)
		if err != nil || b.State != bridge.StateAbandoned {
			t.Errorf("got %+v, %v; want it abandoned", b, err)
		}
		keys, _, err := w.store.Due(t.Context(), "bridge", time.Now().Add(1000*time.Hour), "", 10)
		if err != nil || len(keys) > 0 {
			t.Errorf("still due: %v, %v", keys, err)
		}
	})
}

// An installed grant whose every token Zoom refuses needs a new consent; nobody's trying
// again mends it.
func TestATokenThatZoomKeepsRefusingNeedsANewConsent(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		e := newInstalledEnv(w)
		i := e.installation(t, w.store)
		svc := e.serve(t, i)
		e.install(t, i)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(http.StatusUnauthorized, `{"code":124,"message":"Invalid access token."}`).Always())
		_, err := svc.Open(t.Context(), bridge.Request{IncidentID: w.pd.AddIncident("Disk full")})
		if !errors.Is(err, bridge.ErrReauthorize) || !errors.Is(err, zoom.ErrUnauthorized) {
			t.Errorf("got %v", err)
		}
		if n := len(w.zoom.Requests(zoomtest.GiveToken)); n > 3 {
			t.Errorf("%d token requests, want at most 3", n)
		}
	})
}

func TestAnOpeningInFlightFails(t *testing.T) {
	tests := []struct {
		name    string
		slow    func(*env)
		revoked bool // Zoom takes the token no more
	}{
		{"while PagerDuty is read", func(w *env) {
			w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(2*time.Second))
		}, true},
		{"while Zoom is asked, and refuses", func(w *env) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(2*time.Second))
		}, true},
		{"while Zoom makes the call", func(w *env) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(2*time.Second))
		}, false},
		{"while PagerDuty is written, and refuses", func(w *env) {
			w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(401, "").After(2*time.Second).Times(2))
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEnv(t, func(t *testing.T, w *env) {
				e := newInstalledEnv(w)
				i := e.installation(t, w.store)
				e.install(t, i)
				// Another process, which has its own tokens in memory and hears of
				// nothing.
				other := e.installation(t, w.store)
				svc, err := bridge.New(bridge.PagerDuty(other.PagerDuty()), bridge.InstalledZoom(other.Zoom(), zoom.Me), w.store,
					bridge.WithInstallation(other), bridge.WithFallback(bridge.StaticRoom("https://meet.example.com/room", "")))
				if err != nil {
					t.Fatal(err)
				}
				incident := w.pd.AddIncident("Disk full")
				tt.slow(w)
				done := make(chan error, 1)
				go func() {
					_, err := svc.Open(context.WithoutCancel(t.Context()), bridge.Request{IncidentID: incident})
					done <- err
				}()
				pass(time.Second)
				if tt.revoked {
					w.zoom.Uninstall(zoomAdmin)
				}
				uninstall(t, i)
				if err := <-done; !errors.Is(err, bridge.ErrNotInstalled) {
					t.Errorf("got %v", err)
				}
				if b, err := svc.Get(t.Context(), incident); err == nil && b.Provider == "static" {
					t.Errorf("the fallback served: %+v", b)
				}
				if shown := w.pd.Incident(incident).Bridge; shown != (pagerduty.ConferenceBridge{}) && tt.revoked {
					t.Errorf("the incident shows %+v", shown)
				}
			})
		})
	}
}

func TestARefreshIsObserved(t *testing.T) {
	dead := func(w *env) { w.zoom.Uninstall(zoomAdmin) }
	tests := []struct {
		name string
		meet func(*env)
		want []bridge.Event
	}{
		{"of both vendors", func(*env) {}, []bridge.Event{
			{Kind: bridge.EventTokenRefreshed, Vendor: "pagerduty"},
			{Kind: bridge.EventTokenRefreshed, Vendor: "zoom"},
		}},
		{"and one that Zoom refuses for good", dead, []bridge.Event{
			{Kind: bridge.EventRefreshFailed, Vendor: "zoom", Err: tokenstore.ErrReauthorize},
			{Kind: bridge.EventTokenRefreshed, Vendor: "pagerduty"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEnv(t, func(t *testing.T, w *env) {
				e := newInstalledEnv(w)
				i := e.installation(t, w.store)
				e.install(t, i)
				var (
					mu   sync.Mutex
					seen []bridge.Event
				)
				svc := e.serve(t, i, bridge.WithEventHandler(func(_ context.Context, e bridge.Event) {
					mu.Lock()
					defer mu.Unlock()
					seen = append(seen, e)
				}))
				pass(7 * 24 * time.Hour) // until the grants are due
				tt.meet(w)
				reconcile(t, svc)
				anyOrder := cmpopts.SortSlices(func(a, b bridge.Event) bool { return a.Vendor < b.Vendor })
				if diff := cmp.Diff(tt.want, seen, cmpopts.EquateErrors(), anyOrder); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// installation answers Check with err, and counts what a Service asks of it.
type installation struct {
	err        error
	maintained atomic.Int32
	handlers   atomic.Int32
}

func (i *installation) Check(context.Context) error    { return i.err }
func (i *installation) Maintain(context.Context) error { i.maintained.Add(1); return nil }
func (i *installation) Wait(context.Context) error     { return i.err }

func (i *installation) OnRefresh(func(context.Context, string, tokenstore.Refresh)) {
	i.handlers.Add(1)
}

func TestInstallationThatCannotBeChecked(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want error
	}{
		{"installed", nil, nil},
		{"not installed", fmt.Errorf("check: %w", tokenstore.ErrNotInstalled), bridge.ErrNotInstalled},
		{"not known", simtest.ErrKilled, bridge.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEnv(t, func(t *testing.T, w *env) {
				svc := w.start(t, bridge.WithInstallation(&installation{err: tt.err}))
				_, err := svc.Open(t.Context(), bridge.Request{IncidentID: w.pd.AddIncident("Disk full")})
				if !errors.Is(err, tt.want) {
					t.Errorf("Open = %v, want %v", err, tt.want)
				}
				if err := svc.Wait(t.Context()); !errors.Is(err, tt.err) {
					t.Errorf("Wait = %v, want %v", err, tt.err)
				}
			})
		})
	}
}

func TestRunMaintainsTheInstallation(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		i := &installation{}
		w.start(t, bridge.WithInstallation(i))
		pass(10 * time.Minute)
		if n := i.maintained.Load(); n < 10 || n > 11 {
			t.Errorf("maintained %d times in ten minutes, want once a minute", n)
		}
		if n := i.handlers.Load(); n != 1 {
			t.Errorf("%d handlers of refreshes, want 1", n)
		}
	})
}
