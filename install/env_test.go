package install_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const (
	verifier   = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
	webhookURL = "https://bridge.example.com/webhooks/pagerduty"
	actionURL  = "https://bridge.example.com/actions/pagerduty"
	zoomAdmin  = "zoom-admin@example.com"
	zoomMember = "host@example.com"
	zoomApp    = "APP-CLIENT" // its client id at zoomtest
)

var errStoreDown = errors.New("the store is down")

// env is an account at each vendor and a store, for processes to share.
type env struct {
	zoom           *zoomtest.Server
	pd             *pagerdutytest.Server
	store          tokenstore.Store
	pagerDutyAdmin string // user id
}

// run runs a test with vendors, a store and a clock of its own.
func run(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	runWith(t, zoomtest.New(zoomtest.WithUsers(zoomMember)), pagerdutytest.New(), test)
}

func runWith(t *testing.T, atZoom *zoomtest.Server, pd *pagerdutytest.Server, test func(t *testing.T, e *env)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { pass(time.Minute) }) // work that outlives its caller ends by itself
		atZoom.AddUser(zoomAdmin, func(u *zoomtest.User) { u.Role = "Owner" })
		atZoom.SignIn(zoomAdmin)
		admin := pd.AddUser("pd-admin@example.com", func(u *pagerdutytest.User) { u.Role = "owner" })
		pd.SignIn(admin)
		test(t, &env{zoom: atZoom, pd: pd, store: tokenstore.NewMemory(), pagerDutyAdmin: admin})
	})
}

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// process is the installation as one process sees it.
func (e *env) process(t *testing.T, store tokenstore.Store) *install.Installation {
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
func (e *env) code(t *testing.T, i *install.Installation, vendor install.Vendor) string {
	t.Helper()
	transport := e.zoom.Transport()
	if vendor == install.VendorPagerDuty {
		transport = e.pd.Transport()
	}
	response, err := transport.RoundTrip(get(t, i.AuthCodeURL(vendor, "a-state", verifier)))
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

func (e *env) authorize(t *testing.T, i *install.Installation, vendor install.Vendor) *install.Authorization {
	t.Helper()
	a, err := i.Authorize(t.Context(), vendor, e.code(t, i, vendor), verifier)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// authorizeError is why the vendor's code is refused; nil: it is not.
func (e *env) authorizeError(t *testing.T, i *install.Installation, vendor install.Vendor) error {
	t.Helper()
	_, err := i.Authorize(t.Context(), vendor, e.code(t, i, vendor), verifier)
	return err
}

func (e *env) authorizeBoth(t *testing.T, i *install.Installation) []*install.Authorization {
	t.Helper()
	return []*install.Authorization{
		e.authorize(t, i, install.VendorZoom), e.authorize(t, i, install.VendorPagerDuty),
	}
}

func (e *env) install(t *testing.T, i *install.Installation) *install.Info {
	t.Helper()
	info, err := i.Install(t.Context(), e.authorizeBoth(t, i)...)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func setup(t *testing.T, i *install.Installation, services ...string) *install.Info {
	t.Helper()
	info, err := i.Setup(t.Context(), install.SetupRequest{
		WebhookURL: webhookURL, Events: []string{"incident.resolved"}, ActionURL: actionURL, Services: services,
	})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// removed is what Zoom reports of a removal of the app now.
func removed() install.Deauthorization {
	return install.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: time.Now()}
}

// uninstall returns what the uninstall left behind; nil: the app was not uninstalled.
func uninstall(t *testing.T, i *install.Installation, d install.Deauthorization) *install.UninstallReport {
	t.Helper()
	report, ok, err := i.Uninstall(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return nil
	}
	return &report
}

// beforePut is the store with a function that is called before every Put.
func beforePut(store tokenstore.Store, hook func(key string) error) tokenstore.Store {
	return storetest.NewHook(store, storetest.Hooks{
		BeforePut: func(_ context.Context, key string, _ tokenstore.Record) error { return hook(key) },
	})
}

func (e *env) wantNoGrants(t *testing.T) {
	t.Helper()
	for _, vendor := range []string{"zoom", "pagerduty"} {
		stored, err := e.store.Get(t.Context(), "grant/default/"+vendor)
		if err != nil || strings.Contains(string(stored.Value), "access_token") {
			t.Errorf("a grant is left: %s, %v", stored.Value, err)
		}
	}
}
