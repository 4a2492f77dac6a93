package bridge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// idleGrant is a grant that nobody uses, at a vendor that takes a second to refresh it.
func idleGrant(t *testing.T, w *world, key string, refreshes *int, fault error) *tokenstore.TokenSource {
	t.Helper()
	token := func() *oauth2.Token {
		return &oauth2.Token{AccessToken: "a", RefreshToken: "r", Expiry: time.Now().Add(time.Hour)}
	}
	source, err := tokenstore.NewTokenSource(w.store, key, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
		*refreshes++
		time.Sleep(time.Second)
		return token(), fault
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Save(t.Context(), "first", token()); err != nil {
		t.Fatal(err)
	}
	return source
}

func TestRunKeepsIdleGrantsAlive(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var one, other int
		refused := &oauth2.RetrieveError{ErrorCode: "slow_down"}
		w.start(t, bridge.WithGrants(
			idleGrant(t, w, "grant/default/zoom", &one, nil),
			idleGrant(t, w, "grant/default/pagerduty", &other, refused),
		))
		pass(7*24*time.Hour + 3*time.Hour)
		if one != 1 || other < 2 || other > 4 {
			t.Errorf("%d refreshes and %d that failed, want one, and a try every hour", one, other)
		}
	})
}

func TestReconcileReportsAGrantThatCannotBeKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var refreshes int
		refused := &oauth2.RetrieveError{ErrorCode: "invalid_grant"}
		p := w.startOn(t, w.store, false, bridge.WithGrants(idleGrant(t, w, "grant/default/zoom", &refreshes, refused)))
		pass(8 * 24 * time.Hour)
		if report, err := p.Reconcile(t.Context()); !errors.Is(err, tokenstore.ErrReauthorize) || report.Failed != 1 {
			t.Errorf("Reconcile = %+v, %v, want ErrReauthorize and one failure", report, err)
		}
		for range 3 { // lost is lost: it is not due any more
			pass(time.Hour)
			if report, err := p.Reconcile(t.Context()); err != nil || report != (bridge.Report{}) {
				t.Errorf("Reconcile = %+v, %v, want nothing to do", report, err)
			}
		}
		if refreshes != 1 {
			t.Errorf("the vendor was asked %d times, want once", refreshes)
		}
	})
}

func TestWaitWaitsForARefresh(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var refreshes int
		source := idleGrant(t, w, "grant/default/zoom", &refreshes, nil)
		p := w.startOn(t, w.store, false, bridge.WithGrants(source))
		pass(2 * time.Hour)
		go func() { _, _ = source.Token(t.Context()) }()
		pass(time.Millisecond)
		began := time.Now()
		if err := p.Wait(t.Context()); err != nil || time.Since(began) < 900*time.Millisecond {
			t.Errorf("Wait = %v after %v, want it to see the refresh through", err, time.Since(began))
		}
		if err := p.Wait(short(t, time.Second)); err != nil {
			t.Errorf("Wait = %v, want nil: nothing is under way", err)
		}
	})
}
