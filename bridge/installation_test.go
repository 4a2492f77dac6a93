package bridge_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const (
	verifier   = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
	webhookURL = "https://bridge.example.com/webhooks/pagerduty"
	actionURL  = "https://bridge.example.com/actions/pagerduty"
	zoomBoss   = "zoom-boss@example.com"
	zoomApp    = "APP-CLIENT" // its client id at zoomtest
)

// office is a world whose vendors' apps are installed by consent.
type office struct {
	*world
	pagerDutyBoss string // user id
}

func newOffice(w *world) office {
	w.zoom.AddUser(zoomBoss, func(u *zoomtest.User) { u.Role = "Owner" })
	w.zoom.SignIn(zoomBoss)
	boss := w.pd.AddUser("pd-boss@example.com", func(u *pagerdutytest.User) { u.Role = "owner" })
	w.pd.SignIn(boss)
	return office{w, boss}
}

// installation is one process's view of it.
func (o office) installation(t *testing.T, store tokenstore.Store) *bridge.Installation {
	t.Helper()
	id, secret := o.zoom.AppCredentials()
	atZoom, err := zoom.NewOAuth(id, secret, "https://bridge.example.com/oauth/zoom/callback",
		zoom.WithTransport(o.zoom.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ = o.pd.Credentials()
	scopes := append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)
	pagerDutyApp, err := pagerduty.NewOAuth(id, secret, "https://bridge.example.com/oauth/pagerduty/callback",
		pagerduty.WithTransport(o.pd.Transport()), pagerduty.WithScopes(scopes...))
	if err != nil {
		t.Fatal(err)
	}
	i, err := bridge.NewInstallation(store,
		bridge.InstallPagerDuty(pagerDutyApp, pagerduty.WithTransport(o.pd.Transport())),
		bridge.InstallZoom(atZoom, zoom.WithTransport(o.zoom.Transport())))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// code is what the vendor's page sends the browser back with.
func (o office) code(t *testing.T, i *bridge.Installation, vendor bridge.Vendor) string {
	t.Helper()
	transport := o.zoom.Transport()
	if vendor == bridge.VendorPagerDuty {
		transport = o.pd.Transport()
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.AuthCodeURL(vendor, "a-state", verifier), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("%s gave no code: %d %s", vendor, answer.StatusCode, back)
	}
	return back.Query().Get("code")
}

func (o office) consent(t *testing.T, i *bridge.Installation, vendor bridge.Vendor) *bridge.Consent {
	t.Helper()
	c, err := i.Consent(t.Context(), vendor, o.code(t, i, vendor), verifier)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (o office) install(t *testing.T, i *bridge.Installation) *bridge.Installed {
	t.Helper()
	now, err := i.Install(t.Context(), o.consent(t, i, bridge.VendorZoom), o.consent(t, i, bridge.VendorPagerDuty))
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// startInstalled starts a process that serves while the app is installed.
func (o office) startInstalled(t *testing.T, i *bridge.Installation, opts ...bridge.Option) *bridge.Service {
	t.Helper()
	svc, err := bridge.New(bridge.PagerDuty(i.PagerDuty()), bridge.Zoom(i.Zoom(), zoom.Me), o.store,
		append(opts, bridge.WithInstallation(i))...)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = svc.Run(t.Context()) }()
	return svc
}

// removed is what Zoom says of a removal of the app now.
func removed() bridge.Deauthorization {
	return bridge.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: time.Now()}
}

func uninstall(t *testing.T, i *bridge.Installation, d bridge.Deauthorization) *bridge.Uninstalled {
	t.Helper()
	u, err := i.Uninstall(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestInstallationServesUntilItIsUninstalled(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		svc := o.startInstalled(t, i)
		incident := w.pd.AddIncident("Disk full")

		if _, err := svc.Open(t.Context(), bridge.Request{IncidentID: incident}); !errors.Is(err, bridge.ErrNotInstalled) {
			t.Fatalf("before the install: got %v", err)
		}
		if diff := cmp.Diff([]bridge.Vendor{bridge.VendorZoom, bridge.VendorPagerDuty}, i.Vendors()); diff != "" {
			t.Error(diff)
		}
		got := o.install(t, i)
		if got.Zoom.Email != zoomBoss || got.PagerDuty.UserID != o.pagerDutyBoss || got.PagerDuty.Subdomain != "example" {
			t.Errorf("installed by %+v and %+v", got.Zoom, got.PagerDuty)
		}
		b, err := svc.Open(t.Context(), bridge.Request{IncidentID: incident})
		if err != nil || b.State != bridge.StateAttached || b.Host != zoomBoss {
			t.Fatalf("got %+v, %v", b, err)
		}

		pass(time.Second)
		uninstall(t, i, removed())
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

// An installed grant whose every token Zoom refuses needs a new consent; nobody's trying again mends it.
func TestATokenThatZoomKeepsRefusingNeedsANewConsent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		svc := o.startInstalled(t, i)
		o.install(t, i)
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

// A call to PagerDuty that hangs does not cost the others the time there is.
func TestAnUninstallRemovesWhatItCan(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		o.install(t, i)
		setUp(t, i, "PSHOP01", "PSHOP02")
		pass(time.Second)
		w.pd.Fault(pagerdutytest.DeleteSubscription, pagerdutytest.Hang())
		u := uninstall(t, i, removed())
		if u == nil || len(u.Left) != 1 || !strings.HasPrefix(u.Left[0], "webhook subscription ") {
			t.Errorf("left %+v, want the subscription", u)
		}
		if n := len(w.pd.Extensions()); n > 0 {
			t.Errorf("%d buttons stay at PagerDuty", n)
		}
	})
}

func TestAnUninstallLeavesNoSecret(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		o.install(t, i)
		setUp(t, i, "PSHOP01")
		pass(time.Second)

		if u := uninstall(t, i, removed()); u == nil || len(u.Left) > 0 {
			t.Errorf("left %+v", u)
		}
		for _, key := range []string{"installation/default", "grant/default/zoom", "grant/default/pagerduty"} {
			stored, err := w.store.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"token-", "pdus+", w.pd.Secret(), "secret", "example.com"} {
				if strings.Contains(string(stored.Value), secret) {
					t.Errorf("%s holds %q: %s", key, secret, stored.Value)
				}
			}
			if left := time.Until(stored.ExpiresAt); left < 89*24*time.Hour {
				t.Errorf("the tombstone at %s goes in %v", key, left)
			}
		}
		if n := len(w.pd.Subscriptions()) + len(w.pd.Extensions()); n > 0 {
			t.Errorf("%d things stay at PagerDuty", n)
		}
	})
}

func TestAnUninstallCounts(t *testing.T) {
	tests := []struct {
		name string
		told func(installedAt time.Time) bridge.Deauthorization
		want bool
	}{
		{"after the install", func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Add(time.Millisecond)}
		}, true},
		{"in the very moment of the install", func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at}
		}, true},
		{"in the second of the install, told in whole seconds", func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Truncate(time.Second)}
		}, true},
		{"not before the install", func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Add(-time.Millisecond)}
		}, false},
		{"not of another account", func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, AccountID: "OTHER", At: at.Add(time.Minute)}
		}, false},
		{"not of an app that is not named", func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{AccountID: "ACCOUNT", At: at.Add(time.Minute)}
		}, false},
		{"not of an account that is not named", func(at time.Time) bridge.Deauthorization {
			return bridge.Deauthorization{ClientID: zoomApp, At: at.Add(time.Minute)}
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				pass(123 * time.Millisecond) // not on a whole second
				o := newOffice(w)
				i := o.installation(t, w.store)
				got := o.install(t, i)
				u := uninstall(t, i, tt.told(got.At))
				_, err := i.Current(t.Context())
				if (u != nil) != tt.want || errors.Is(err, bridge.ErrNotInstalled) != tt.want {
					t.Errorf("uninstalled: %v, then %v", u != nil, err)
				}
			})
		})
	}
}

func TestARedeliveryAfterAReinstallIsIgnored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		o.install(t, i)
		pass(time.Minute)
		first := removed()
		uninstall(t, i, first)
		pass(time.Minute)
		o.install(t, i)

		if u := uninstall(t, i, first); u != nil {
			t.Errorf("it was uninstalled again: %+v", u)
		}
		if _, err := i.Zoom().User(t.Context(), zoom.Me); err != nil {
			t.Errorf("the new grant is gone: %v", err)
		}
	})
}

func TestWhoMayInstall(t *testing.T) {
	tests := []struct {
		name string
		set  func(*testing.T, office)
		want error
	}{
		{"an owner", func(*testing.T, office) {}, nil},
		{"an admin at Zoom", func(_ *testing.T, o office) {
			o.zoom.AddUser("admin@example.com", func(u *zoomtest.User) { u.Role = "Admin" })
			o.zoom.SignIn("admin@example.com")
		}, nil},
		{"not a member at Zoom", func(_ *testing.T, o office) { o.zoom.SignIn(host) }, bridge.ErrNotAdmin},
		{"not a role that the account made", func(_ *testing.T, o office) {
			o.zoom.AddUser("dev@example.com", func(u *zoomtest.User) { u.Role = "Developer" })
			o.zoom.SignIn("dev@example.com")
		}, bridge.ErrNotAdmin},
		{"an admin at PagerDuty", func(_ *testing.T, o office) {
			o.pd.SignIn(o.pd.AddUser("admin@example.com", func(u *pagerdutytest.User) { u.Role = "admin" }))
		}, nil},
		{"not a manager at PagerDuty", func(_ *testing.T, o office) {
			o.pd.SignIn(o.pd.AddUser("manager@example.com"))
		}, bridge.ErrNotAdmin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				o := newOffice(w)
				tt.set(t, o)
				i := o.installation(t, w.store)
				_, zoomErr := i.Consent(t.Context(), bridge.VendorZoom, o.code(t, i, bridge.VendorZoom), verifier)
				_, pdErr := i.Consent(t.Context(), bridge.VendorPagerDuty, o.code(t, i, bridge.VendorPagerDuty), verifier)
				if err := errors.Join(zoomErr, pdErr); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestOnlyTheSameAccountReplaces(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		o.install(t, i)

		w.zoom.Fault(zoomtest.GetUser, zoomtest.Answer(200, `{"id":"u","account_id":"ELSEWHERE","role_id":"0"}`))
		_, err := i.Consent(t.Context(), bridge.VendorZoom, o.code(t, i, bridge.VendorZoom), verifier)
		if !errors.Is(err, bridge.ErrOtherAccount) {
			t.Errorf("Zoom: got %v", err)
		}

		elsewhere := o
		elsewhere.world = &world{zoom: w.zoom, pd: pagerdutytest.New(pagerdutytest.WithAccountID("PELSEWHERE")), store: w.store}
		elsewhere.pd.SignIn(elsewhere.pd.AddUser("boss@elsewhere.example", func(u *pagerdutytest.User) { u.Role = "owner" }))
		other := elsewhere.installation(t, w.store)
		_, err = other.Consent(t.Context(), bridge.VendorPagerDuty, elsewhere.code(t, other, bridge.VendorPagerDuty), verifier)
		if !errors.Is(err, bridge.ErrOtherAccount) {
			t.Errorf("PagerDuty: got %v", err)
		}

		// Once it is uninstalled, it is free for any account.
		pass(time.Second)
		uninstall(t, i, removed())
		if _, err := other.Consent(t.Context(), bridge.VendorPagerDuty,
			elsewhere.code(t, other, bridge.VendorPagerDuty), verifier); err != nil {
			t.Errorf("after the uninstall: %v", err)
		}
	})
}

func TestMissingScopesAreNamed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.pd = pagerdutytest.New(pagerdutytest.WithAppScopes("abilities.read", "incidents.read", "teams.read", "users.read"))
		o := newOffice(w)
		i := o.installation(t, w.store)
		_, err := i.Consent(t.Context(), bridge.VendorPagerDuty, o.code(t, i, bridge.VendorPagerDuty), verifier)
		refused, ok := errors.AsType[*pagerduty.Error](err)
		if !errors.Is(err, pagerduty.ErrMissingScopes) || !ok {
			t.Fatalf("got %v", err)
		}
		if diff := cmp.Diff([]string{"incidents.write"}, refused.Scopes); diff != "" {
			t.Error(diff)
		}
	})
}

func setUp(t *testing.T, i *bridge.Installation, services ...string) *bridge.Installed {
	t.Helper()
	now, err := i.SetUp(t.Context(), bridge.SetUpRequest{
		WebhookURL: webhookURL, Events: []string{"incident.resolved"}, ActionURL: actionURL, Services: services,
	})
	if err != nil {
		t.Fatal(err)
	}
	return now
}

func TestSetUpIsUsedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		o.install(t, i)
		setUp(t, i, "PSHOP01")
		subscriptions, extensions := w.pd.Subscriptions(), w.pd.Extensions()

		o.install(t, i)
		now := setUp(t, i)
		if diff := cmp.Diff(subscriptions, w.pd.Subscriptions()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(extensions, w.pd.Extensions()); diff != "" {
			t.Error(diff)
		}
		want := bridge.SetUp{Subscription: subscriptions[0].ID, PingedAt: time.Now().UTC(), Services: []string{"PSHOP01"}}
		if diff := cmp.Diff(want, now.SetUp); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSetUpWhoseSecretIsLostIsMadeAnew(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		o.install(t, i)
		setUp(t, i, "PSHOP01")
		old := append(w.pd.Subscriptions(), w.pd.Extensions()...)

		fresh := tokenstore.NewMemory()
		o.store = fresh
		i = o.installation(t, fresh)
		o.install(t, i)
		setUp(t, i, "PSHOP01")
		now := append(w.pd.Subscriptions(), w.pd.Extensions()...)
		if len(now) != 2 || now[0].ID == old[0].ID || now[1].ID == old[1].ID {
			t.Errorf("before %+v, now %+v", old, now)
		}
		secret, err := i.WebhookSecret(t.Context())
		if err != nil || string(secret) != now[0].Secret {
			t.Errorf("the secret is not that of the subscription: %v", err)
		}
		token, err := i.ActionToken(t.Context())
		if err != nil || now[1].Headers.Get("Authorization") != "Bearer "+string(token) {
			t.Errorf("the token is not that of the button: %v", err)
		}
	})
}

func TestWhatPagerDutyRefusesToSetUpIsTold(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.pd = pagerdutytest.New(pagerdutytest.WithAppScopes(append(pagerduty.RunScopes(), "webhook_subscriptions.read")...))
		o := newOffice(w)
		i := o.installation(t, w.store)
		o.install(t, i)
		now := setUp(t, i, "PSHOP01")
		if len(now.SetUp.Problems) != 2 || !strings.Contains(now.SetUp.Problems[0], "webhook_subscriptions.write") {
			t.Errorf("told %q", now.SetUp.Problems)
		}
		if diff := cmp.Diff([]string{"PSHOP01"}, now.SetUp.Missed); diff != "" {
			t.Errorf("services without the button (-want +got):\n%s", diff)
		}
	})
}

// foretold is a store that something happens in before it is written.
type foretold struct {
	tokenstore.Store

	before func(ctx context.Context, key string) error
}

func (h foretold) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := h.before(ctx, key); err != nil {
		return "", err
	}
	return h.Store.Put(ctx, key, r)
}

func TestTwoInstallsSideBySideMixNoGrants(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		slow := foretold{w.store, func(_ context.Context, key string) error {
			if strings.HasPrefix(key, "grant/") {
				time.Sleep(time.Second)
			}
			return nil
		}}
		i, other := o.installation(t, slow), o.installation(t, w.store)
		mine := []*bridge.Consent{o.consent(t, i, bridge.VendorZoom), o.consent(t, i, bridge.VendorPagerDuty)}
		theirs := []*bridge.Consent{o.consent(t, i, bridge.VendorZoom), o.consent(t, i, bridge.VendorPagerDuty)}

		done := make(chan error, 1)
		go func() {
			_, err := i.Install(t.Context(), mine...)
			done <- err
		}()
		pass(1500 * time.Millisecond) // between the two grants
		if _, err := other.Install(t.Context(), theirs...); !errors.Is(err, bridge.ErrInProgress) {
			t.Errorf("the second: got %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("the first: %v", err)
		}
		pass(time.Second)
		uninstall(t, i, removed())
		o.wantNoGrants(t)
	})
}

func (o office) wantNoGrants(t *testing.T) {
	t.Helper()
	for _, vendor := range []string{"zoom", "pagerduty"} {
		stored, err := o.store.Get(t.Context(), "grant/default/"+vendor)
		if err != nil || strings.Contains(string(stored.Value), "access_token") {
			t.Errorf("a grant is left: %s, %v", stored.Value, err)
		}
	}
}

func TestAnInstallThatDiesLeavesNoGrant(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		dead := false
		dying := foretold{w.store, func(_ context.Context, key string) error {
			dead = dead || key == "grant/default/pagerduty"
			if dead {
				return simtest.ErrKilled
			}
			return nil
		}}
		i := o.installation(t, dying)
		consents := []*bridge.Consent{o.consent(t, i, bridge.VendorZoom), o.consent(t, i, bridge.VendorPagerDuty)}
		if _, err := i.Install(t.Context(), consents...); !errors.Is(err, bridge.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
		next := o.installation(t, w.store)
		o.startInstalled(t, next)
		pass(3 * time.Minute)
		stored, err := w.store.Get(t.Context(), "grant/default/zoom")
		if err != nil || strings.Contains(string(stored.Value), "access_token") {
			t.Errorf("the grant is left: %s, %v", stored.Value, err)
		}
		o.install(t, next)
	})
}

func TestAnUninstallThatStopsHalfWayGoesOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		down := false
		i := o.installation(t, foretold{w.store, func(_ context.Context, key string) error {
			if down && strings.HasPrefix(key, "grant/") {
				return simtest.ErrKilled
			}
			return nil
		}})
		o.install(t, i)
		setUp(t, i, "PSHOP01")
		pass(time.Second)

		down = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if u, err := i.Uninstall(ctx, removed()); u == nil || err == nil {
			t.Fatalf("got %+v, %v", u, err)
		}
		if _, err := i.Current(t.Context()); !errors.Is(err, bridge.ErrNotInstalled) {
			t.Errorf("got %v", err)
		}
		stored, err := w.store.Get(t.Context(), "installation/default")
		if err != nil || strings.Contains(string(stored.Value), w.pd.Secret()) || strings.Contains(string(stored.Value), "action_token") {
			t.Errorf("a secret is left: %s, %v", stored.Value, err)
		}

		o.startInstalled(t, o.installation(t, w.store))
		pass(2 * time.Minute)
		o.wantNoGrants(t)
	})
}

func TestAnOpeningInFlightFails(t *testing.T) {
	tests := []struct {
		name    string
		slow    func(*world)
		revoked bool // Zoom takes the token no more
	}{
		{"while PagerDuty is read", func(w *world) {
			w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(2*time.Second))
		}, true},
		{"while Zoom is asked, and refuses", func(w *world) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(2*time.Second))
		}, true},
		{"while Zoom makes the call", func(w *world) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(2*time.Second))
		}, false},
		{"while PagerDuty is written, and refuses", func(w *world) {
			w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(401, "").After(2*time.Second).Times(2))
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				o := newOffice(w)
				i := o.installation(t, w.store)
				o.install(t, i)
				// Another process, which has its own tokens in memory and hears of nothing.
				other := o.installation(t, w.store)
				svc, err := bridge.New(bridge.PagerDuty(other.PagerDuty()), bridge.Zoom(other.Zoom(), zoom.Me), w.store,
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
					w.zoom.Uninstall(zoomBoss)
				}
				uninstall(t, i, removed())
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
