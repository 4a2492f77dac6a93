package tokenstore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/detachctx"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

// endsIn returns a context of a process that is frozen after d.
func endsIn(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	return detachctx.Until(t.Context(), time.Now().Add(d))
}

func TestARefreshThatAFreezeMightCutOffIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.source(t)
		token, err := source.Token(endsIn(t, time.Second))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Token = %v, %v, want DeadlineExceeded", token, err)
		}
		f.vendor.wantCalls(t, 0)
		if g, _ := f.grant(t); g.Lease != nil {
			t.Errorf("the lease is taken: %+v", g.Lease)
		}
		began := time.Now()
		wantToken(t, source, "access-2")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the next caller waited %v", waited)
		}
		f.vendor.wantCalls(t, 1)
	})
}

func TestALeaseTakenTooLateBeforeAFreezeIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		f.store.Set(storetest.Hooks{BeforePut: putSlowly(time.Second)})
		source := f.source(t)
		if token, err := source.Token(endsIn(t, 2500*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Token = %v, %v, want DeadlineExceeded", token, err)
		}
		f.vendor.wantCalls(t, 0)
		if g, _ := f.grant(t); g.Lease != nil {
			t.Errorf("the lease is held: %+v", g.Lease)
		}
	})
}

// A lease left by a crash is the trace of a refresh that may have used up the token.
func TestTheTraceOfACrashIsKeptWhenTimeIsShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		crashed := f.sourceWith(t, func(context.Context, *oauth2.Token) (*oauth2.Token, error) { return nil, errLost })
		_, _ = crashed.Token(t.Context())
		time.Sleep(time.Minute)
		f.store.Set(storetest.Hooks{BeforePut: putSlowly(time.Second)})
		source := f.source(t)
		if token, err := source.Token(endsIn(t, 2500*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Token = %v, %v, want DeadlineExceeded", token, err)
		}
		if g, _ := f.grant(t); g.Lease == nil {
			t.Error("the lease is gone, and the trace with it")
		}
	})
}

func TestAUsableTokenIsServedBeforeAFreeze(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		source := f.source(t)
		time.Sleep(nearExpiry)
		if token, err := source.Token(endsIn(t, time.Second)); err != nil || token.AccessToken != "access-1" {
			t.Errorf("Token = %v, %v, want access-1", token, err)
		}
		synctest.Wait()
		f.vendor.wantCalls(t, 0)
	})
}

// A refresh that was sent continues past the end: to cut it off may cost the grant.
func TestARefreshThatWasSentIsCompleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		source := f.sourceWith(t, f.vendor.late(4*time.Second))
		if token, err := source.Token(endsIn(t, 3*time.Second)); err != nil || token.AccessToken != "access-2" {
			t.Errorf("Token = %v, %v, want access-2", token, err)
		}
		f.vendor.wantCalls(t, 1)
	})
}

// Without an answer, no time is left for a second attempt either.
func TestAnUnansweredRefreshIsNotSentAgainBeforeAFreeze(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		calls := 0
		source := f.sourceWith(t, func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
			calls++
			time.Sleep(2 * time.Second)
			return nil, errors.New("connection reset")
		})
		token, err := source.Token(endsIn(t, 3*time.Second))
		if !errors.Is(err, tokenstore.ErrInDoubt) || calls != 1 {
			t.Errorf("Token = %v, %v after %d calls, want ErrInDoubt after one", token, err, calls)
		}
	})
}

func TestTheWaitForAnotherLeaseEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t)
		first := f.sourceWith(t, f.vendor.late(7*time.Second))
		go func() { _, _ = first.Token(t.Context()) }()
		synctest.Wait()
		began, second := time.Now(), f.source(t)
		if token, err := second.Token(endsIn(t, 5*time.Second)); err == nil {
			t.Errorf("Token = %v", token)
		}
		if err := second.Wait(t.Context()); err != nil || time.Since(began) > 5*time.Second {
			t.Errorf("it waited for %v (%v), want 5s at most", time.Since(began), err)
		}
		if err := first.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		f.vendor.wantCalls(t, 1)
	})
}
