package install_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
	"github.com/incidentbridge/incidentbridge/zoom"
)

func TestTwoInstallsSideBySideMixNoGrants(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		slow := beforePut(e.store, func(key string) error {
			if strings.HasPrefix(key, "grant/") {
				time.Sleep(time.Second)
			}
			return nil
		})
		i, other := e.process(t, slow), e.process(t, e.store)
		mine := e.authorizeBoth(t, i)
		others := e.authorizeBoth(t, i)

		done := make(chan error, 1)
		go func() {
			_, err := i.Install(t.Context(), mine...)
			done <- err
		}()
		pass(1500 * time.Millisecond) // between the two grants
		if _, err := other.Install(t.Context(), others...); !errors.Is(err, install.ErrInProgress) {
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
		dying := beforePut(e.store, func(key string) error {
			dead = dead || key == "grant/default/pagerduty"
			if dead {
				return errStoreDown
			}
			return nil
		})
		i := e.process(t, dying)
		authorizations := e.authorizeBoth(t, i)
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

// An install that is being written when the app is removed keeps its lock until it has
// rolled back: its grants are those of the next install, too.
func TestAnUninstallLetsNoOtherInstallBeginBeforeTheCancelledOneHasEnded(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		other := e.process(t, e.store)
		e.install(t, other)
		pass(time.Second)
		var early error
		i := e.process(t, beforePut(e.store, func(key string) error {
			if key == "grant/default/pagerduty" && early == nil {
				uninstall(t, other, removed())
				pass(time.Second)
				_, early = other.Install(t.Context(), e.authorizeBoth(t, other)...)
			}
			return nil
		}))
		cancelled := e.authorizeBoth(t, i)
		pass(time.Second)
		if _, err := i.Install(t.Context(), cancelled...); !errors.Is(err, install.ErrNotInstalled) {
			t.Errorf("the install that was cancelled: got %v", err)
		}
		if !errors.Is(early, install.ErrInProgress) {
			t.Errorf("the next one, too early: got %v", early)
		}
		e.wantNoGrants(t)
		pass(time.Second)
		e.install(t, other)
	})
}

// The reply to the write that says that the app is installed is lost, and the read after
// it.
func TestAnInstallInDoubtIsConfirmedIfItWasStored(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		lost := 0
		store := storetest.NewHook(e.store, storetest.Hooks{
			AfterPut: func(_ context.Context, _ string, r tokenstore.Record, err error) error {
				if err == nil && lost == 0 && strings.Contains(string(r.Value), `"state":"installed"`) {
					lost++
					return errStoreDown
				}
				return err
			},
			BeforeGet: func(context.Context, string) error {
				if lost == 1 {
					lost++
					return errStoreDown
				}
				return nil
			},
		})
		i := e.process(t, store)
		e.install(t, i)
		_, zoomErr := i.Zoom().User(t.Context(), zoom.Me)
		_, pdErr := i.PagerDuty().CurrentUser(t.Context())
		if err := errors.Join(zoomErr, pdErr); err != nil || lost != 2 {
			t.Errorf("%d faults, then %v", lost, err)
		}
	})
}
