package tokenstore_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

// nearExpiry is the age at which a token of the vendor is refreshed and still usable.
const nearExpiry = time.Hour - 30*time.Second

// limited returns a refresh function whose vendor answers, and refreshes nothing.
func limited(calls *int) tokenstore.RefreshFunc {
	return func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
		*calls++
		return nil, vendorError(http.StatusTooManyRequests, "slow_down")
	}
}

func TestABackgroundRefreshBlocksNoCaller(t *testing.T) {
	t.Parallel()
	for name, warm := range map[string]bool{"from memory": true, "in a process that has just started": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := setupFresh(t)
				source := f.sourceWith(t, f.vendor.late(3*time.Second))
				if warm {
					wantToken(t, source, "access-1")
				}
				time.Sleep(nearExpiry)

				start := time.Now()
				var callers sync.WaitGroup
				for range 50 {
					callers.Go(func() { wantToken(t, source, "access-1") })
				}
				callers.Wait()
				if took := time.Since(start); took != 0 {
					t.Errorf("callers waited %v", took)
				}
				if err := source.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != 3*time.Second {
					t.Errorf("Wait returned after %v, want the 3s that the refresh takes", took)
				}
				wantToken(t, source, "access-2")
				f.vendor.wantCalls(t, 1)
			})
		})
	}
}

func TestATokenRejectedDuringItsRefreshIsNotServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		source := f.sourceWith(t, f.vendor.late(3*time.Second))
		time.Sleep(nearExpiry)
		source.Invalidate(t.Context(), wantToken(t, source, "access-1"))
		wantToken(t, source, "access-2")
		f.vendor.wantCalls(t, 1)
	})
}

func TestABackgroundRefreshThatFailsIsRepeatedAtIntervals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		calls := 0
		source := f.sourceWith(t, limited(&calls))
		wantToken(t, source, "access-1")
		time.Sleep(nearExpiry)

		for range 240 { // in 24 of the 25 seconds in which the token is still usable
			wantToken(t, source, "access-1")
			time.Sleep(100 * time.Millisecond)
		}
		if calls != 5 {
			t.Errorf("the vendor was called %d times, want every five seconds", calls)
		}
		time.Sleep(2 * time.Second)
		if token, err := source.Token(t.Context()); err == nil {
			t.Errorf("Token = %s, want the vendor's slow_down", token.AccessToken)
		}
	})
}

func TestARejectedBackgroundRefreshShowsWhenTheTokenExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		f.vendor.valid = "" // revoked
		source := f.source(t)
		wantToken(t, source, "access-1")
		time.Sleep(nearExpiry)

		for range 3 { // the vendor may still accept the access token, and answers 401 when it does not
			wantToken(t, source, "access-1")
			time.Sleep(6 * time.Second)
		}
		time.Sleep(time.Minute)
		if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrReauthorize) {
			t.Errorf("Token = %v, want ErrReauthorize", err)
		}
		f.vendor.wantCalls(t, 1)
	})
}

func TestABackgroundRefreshFindsAnUninstall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		source := f.source(t)
		wantToken(t, source, "access-1")
		time.Sleep(nearExpiry)
		if err := f.source(t).Uninstall(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		wantToken(t, source, "access-1")
		synctest.Wait()
		if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrNotInstalled) {
			t.Errorf("Token = %v, want ErrNotInstalled", err)
		}
	})
}

func TestKeepAliveRefreshesADueGrant(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	rejected := func(t *testing.T, f *fleet) {
		t.Helper()
		f.vendor.valid = ""
		time.Sleep(2 * time.Hour)
		_, _ = f.source(t).Token(t.Context())
	}
	uninstalled := func(t *testing.T, f *fleet) {
		t.Helper()
		if err := f.source(t).Uninstall(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name   string
		change func(*testing.T, *fleet)
		after  time.Duration // since the consent
		life   time.Duration // of the access token
		want   int           // calls of the vendor
	}{
		{name: "not due", after: week - time.Second, life: time.Hour, want: 0},
		{name: "due", after: week, life: time.Hour, want: 1},
		{name: "due, and the access token is good", after: week, life: 2 * week, want: 1},
		{name: "due, and the access token nears its end", after: week, life: week + 30*time.Second, want: 1},
		{name: "rejected before", change: rejected, after: week, life: time.Hour, want: 1},
		{name: "uninstalled before", change: uninstalled, after: week, life: time.Hour, want: 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := setupEmpty(t)
				consent, begun := f.vendor.install(), time.Now()
				consent.Expiry = begun.Add(test.life)
				if err := f.source(t).Save(t.Context(), "first", consent); err != nil {
					t.Fatal(err)
				}
				if test.change != nil {
					test.change(t, f)
				}
				time.Sleep(time.Until(begun.Add(test.after)))

				var processes sync.WaitGroup
				for range 8 {
					source := f.sourceWith(t, f.vendor.late(time.Second))
					processes.Go(func() {
						if err := source.KeepAlive(t.Context()); err != nil {
							t.Errorf("KeepAlive = %v", err)
						}
					})
				}
				processes.Wait()
				f.vendor.wantCalls(t, test.want)
			})
		})
	}
}

func TestTokenReturnsTheGoodTokenDuringKeepAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		source := f.sourceWith(t, f.vendor.late(3*time.Second), tokenstore.WithKeepAlive(time.Minute))
		if err := source.Save(t.Context(), "second", f.vendor.install()); err != nil {
			t.Fatal(err)
		}
		source = f.sourceWith(t, f.vendor.late(3*time.Second))
		time.Sleep(time.Minute)
		var keeper sync.WaitGroup
		keeper.Go(func() {
			if err := source.KeepAlive(t.Context()); err != nil {
				t.Error(err)
			}
			wantToken(t, source, "access-3") // it returns when the refresh is done
		})
		synctest.Wait()
		wantToken(t, source, "access-2")
		keeper.Wait()
	})
}

// This grant is not used for half a year, and the vendor expires grants that are idle for
// 15 days.
func TestKeepAliveKeepsAnIdleGrantForHalfAYear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		used := time.Now()
		source := f.sourceWith(t, func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
			if time.Since(used) > 15*24*time.Hour {
				return nil, vendorError(http.StatusBadRequest, "invalid_grant")
			}
			used = time.Now()
			return f.vendor.refresh(ctx, old)
		})
		for range 180 * 24 {
			if err := source.KeepAlive(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		if _, err := source.Token(t.Context()); err != nil {
			t.Errorf("Token = %v", err)
		}
		if f.vendor.calls > 27 {
			t.Errorf("the vendor was called %d times, want about once a week", f.vendor.calls)
		}
	})
}

func TestAGrantStaysDueWhenKeepAliveFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setupFresh(t)
		time.Sleep(8 * 24 * time.Hour)
		calls := 0
		if err := f.sourceWith(t, limited(&calls)).KeepAlive(t.Context()); err == nil || calls != 1 {
			t.Errorf("KeepAlive = %v after %d calls, want the vendor's slow_down after one", err, calls)
		}
		f.store.Set(storeDown())
		if err := f.source(t).KeepAlive(t.Context()); !errors.Is(err, errLost) {
			t.Errorf("KeepAlive with the store down = %v, want the cause", err)
		}
		f.store.Set(storetest.Hooks{})
		if err := f.source(t).KeepAlive(t.Context()); err != nil {
			t.Errorf("KeepAlive = %v", err)
		}
		f.vendor.wantCalls(t, 1)
	})
}
