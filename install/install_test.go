package install_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
)

func TestTwoInstallsSideBySideMixNoGrants(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		slow := hookedStore{e.store, func(_ context.Context, key string) error {
			if strings.HasPrefix(key, "grant/") {
				time.Sleep(time.Second)
			}
			return nil
		}}
		i, other := e.process(t, slow), e.process(t, e.store)
		mine := []*install.Authorization{e.authorize(t, i, install.VendorZoom), e.authorize(t, i, install.VendorPagerDuty)}
		theirs := []*install.Authorization{e.authorize(t, i, install.VendorZoom), e.authorize(t, i, install.VendorPagerDuty)}

		done := make(chan error, 1)
		go func() {
			_, err := i.Install(t.Context(), mine...)
			done <- err
		}()
		pass(1500 * time.Millisecond) // between the two grants
		if _, err := other.Install(t.Context(), theirs...); !errors.Is(err, install.ErrInProgress) {
			t.Errorf("the second: got %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("the first: %v", err)
		}
		pass(time.Second)
		uninstall(t, i, removed())
		e.wantNoGrants(t)
	})
}

func TestMaintainRevokesTheGrantsOfAnInstallThatCrashed(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		dead := false
		dying := hookedStore{e.store, func(_ context.Context, key string) error {
			dead = dead || key == "grant/default/pagerduty"
			if dead {
				return errStoreDown
			}
			return nil
		}}
		i := e.process(t, dying)
		authorizations := []*install.Authorization{e.authorize(t, i, install.VendorZoom), e.authorize(t, i, install.VendorPagerDuty)}
		if _, err := i.Install(t.Context(), authorizations...); !errors.Is(err, install.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
		next := e.process(t, e.store)
		pass(time.Minute)
		maintain(t, next)
		stored, err := e.store.Get(t.Context(), "grant/default/zoom")
		if err != nil || strings.Contains(string(stored.Value), "access_token") {
			t.Errorf("the grant is left: %s, %v", stored.Value, err)
		}
		e.install(t, next)
	})
}
