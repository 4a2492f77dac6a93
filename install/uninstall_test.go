package install_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
)

func TestWhichRemovalUninstalls(t *testing.T) {
	tests := []struct {
		name   string
		report func(installedAt time.Time) install.Deauthorization
		want   bool
	}{
		{"after the install", func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Add(time.Millisecond)}
		}, true},
		{"in the very moment of the install", func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at}
		}, true},
		{"in the second of the install, reported in whole seconds", func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Truncate(time.Second)}
		}, true},
		{"not before the install", func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, AccountID: "ACCOUNT", At: at.Add(-time.Millisecond)}
		}, false},
		{"not of another account", func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, AccountID: "OTHER", At: at.Add(time.Minute)}
		}, false},
		{"not of an app that is not named", func(at time.Time) install.Deauthorization {
			return install.Deauthorization{AccountID: "ACCOUNT", At: at.Add(time.Minute)}
		}, false},
		{"not of an account that is not named", func(at time.Time) install.Deauthorization {
			return install.Deauthorization{ClientID: zoomApp, At: at.Add(time.Minute)}
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(t *testing.T, e *env) {
				pass(123 * time.Millisecond) // not on a whole second
				i := e.process(t, e.store)
				got := e.install(t, i)
				u := uninstall(t, i, tt.report(got.InstalledAt))
				_, err := i.Current(t.Context())
				if (u != nil) != tt.want || errors.Is(err, install.ErrNotInstalled) != tt.want {
					t.Errorf("uninstalled: %v, then %v", u != nil, err)
				}
			})
		})
	}
}

// A call to PagerDuty that hangs does not cost the others the time there is.
func TestAnUninstallRemovesWhatItCan(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		e.install(t, i)
		setup(t, i, "PSHOP01", "PSHOP02")
		pass(time.Second)
		e.pd.Fault(pagerdutytest.DeleteSubscription, pagerdutytest.Hang())
		u := uninstall(t, i, removed())
		if u == nil || len(u.Leftovers) != 1 || !strings.HasPrefix(u.Leftovers[0], "webhook subscription ") {
			t.Errorf("left %+v, want the subscription", u)
		}
		if n := len(e.pd.Extensions()); n > 0 {
			t.Errorf("%d buttons stay at PagerDuty", n)
		}
	})
}

func TestAnUninstallLeavesNoSecret(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		e.install(t, i)
		setup(t, i, "PSHOP01")
		pass(time.Second)

		if u := uninstall(t, i, removed()); u == nil || len(u.Leftovers) > 0 {
			t.Errorf("left %+v", u)
		}
		for _, key := range []string{"installation/default", "grant/default/zoom", "grant/default/pagerduty"} {
			stored, err := e.store.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"token-", "pdus+", e.pd.Secret(), "secret", "example.com"} {
				if strings.Contains(string(stored.Value), secret) {
					t.Errorf("%s holds %q: %s", key, secret, stored.Value)
				}
			}
			if left := time.Until(stored.ExpiresAt); left < 89*24*time.Hour {
				t.Errorf("the tombstone at %s goes in %v", key, left)
			}
		}
		if n := len(e.pd.Subscriptions()) + len(e.pd.Extensions()); n > 0 {
			t.Errorf("%d things stay at PagerDuty", n)
		}
	})
}

func TestARedeliveryAfterAReinstallIsIgnored(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		e.install(t, i)
		pass(time.Minute)
		first := removed()
		uninstall(t, i, first)
		pass(time.Minute)
		e.install(t, i)

		if u := uninstall(t, i, first); u != nil {
			t.Errorf("it was uninstalled again: %+v", u)
		}
		if _, err := i.Zoom().User(t.Context(), zoom.Me); err != nil {
			t.Errorf("the new grant is gone: %v", err)
		}
	})
}

func TestMaintainFinishesAnUninstall(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		down := false
		i := e.process(t, beforePut(e.store, func(key string) error {
			if down && strings.HasPrefix(key, "grant/") {
				return errStoreDown
			}
			return nil
		}))
		e.install(t, i)
		setup(t, i, "PSHOP01")
		pass(time.Second)

		down = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, ok, err := i.Uninstall(ctx, removed()); !ok || err == nil {
			t.Fatalf("got %v, %v", ok, err)
		}
		if _, err := i.Current(t.Context()); !errors.Is(err, install.ErrNotInstalled) {
			t.Errorf("got %v", err)
		}
		stored, err := e.store.Get(t.Context(), "installation/default")
		record := string(stored.Value)
		if err != nil || strings.Contains(record, e.pd.Secret()) || strings.Contains(record, "action_token") {
			t.Errorf("a secret is left: %s, %v", stored.Value, err)
		}

		pass(time.Minute)
		maintain(t, e.process(t, e.store))
		e.wantNoGrants(t)
	})
}
