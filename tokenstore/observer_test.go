package tokenstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

// refreshLog records what an observer is called with.
type refreshLog struct {
	mu        sync.Mutex
	refreshes []tokenstore.Refresh
}

func (l *refreshLog) observe(_ context.Context, r tokenstore.Refresh) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refreshes = append(l.refreshes, r)
}

func (l *refreshLog) want(t *testing.T, want ...tokenstore.Refresh) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if diff := cmp.Diff(want, l.refreshes, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("the observer's calls (-want +got):\n%s", diff)
	}
	for _, r := range l.refreshes {
		if r.Err != nil {
			wantNoSecret(t, r.Err.Error())
		}
	}
}

// refreshed is a refresh that took that long.
func refreshed(took time.Duration, err error) tokenstore.Refresh {
	return tokenstore.Refresh{Key: key, Duration: took, Err: err}
}

func TestTheObserverHearsTheOutcomeOfARefresh(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		refresh func(*vendor) tokenstore.RefreshFunc
		calls   int // one after the other
		want    tokenstore.Refresh
	}{
		{
			"a new token", func(v *vendor) tokenstore.RefreshFunc { return v.late(2 * time.Second) },
			2, refreshed(2*time.Second, nil),
		},
		{
			"a rejected grant, once", func(v *vendor) tokenstore.RefreshFunc {
				v.valid = ""
				return v.late(time.Second)
			},
			2, refreshed(time.Second, tokenstore.ErrReauthorize),
		},
		{
			"no answer", func(v *vendor) tokenstore.RefreshFunc { return v.losing(2, 0) },
			1, refreshed(0, tokenstore.ErrInDoubt),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, log := setup(t), new(refreshLog)
				source := f.sourceWith(t, test.refresh(f.vendor), tokenstore.WithObserver(log.observe))
				for range test.calls {
					_, _ = source.Token(t.Context())
				}
				log.want(t, test.want)
			})
		})
	}
}

func TestTheObserverHearsOnlyOfThisProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, log := setup(t), new(refreshLog)
		wantToken(t, f.source(t), "access-2")
		wantToken(t, f.source(t, tokenstore.WithObserver(log.observe)), "access-2")
		log.want(t)
	})
}

func TestTheObserverHearsThatTheNewTokenIsNotSaved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, log := setup(t), new(refreshLog)
		source := f.source(t, tokenstore.WithObserver(log.observe))
		puts := 0
		f.store.Set(storetest.Hooks{BeforePut: func(context.Context, string, tokenstore.Record) error {
			if puts++; puts == 1 {
				return nil // the lease
			}
			return errLost
		}})
		if _, err := source.Token(t.Context()); !errors.Is(err, tokenstore.ErrNotSaved) {
			t.Fatalf("Token = %v, want ErrNotSaved", err)
		}
		synctest.Wait()
		log.want(t, refreshed(5*time.Second, tokenstore.ErrNotSaved))

		time.Sleep(time.Minute)
		log.want(t, refreshed(5*time.Second, tokenstore.ErrNotSaved)) // once, however long it lasts
		f.store.Set(storetest.Hooks{})
		if err := source.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		log.mu.Lock()
		last := log.refreshes[len(log.refreshes)-1]
		log.mu.Unlock()
		if len(log.refreshes) != 2 || last.Err != nil || last.Duration < time.Minute {
			t.Errorf("the observer was called with %+v at last, want the refresh that is saved", last)
		}
	})
}

func TestTheObserverHearsOfABackgroundRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, log := setupFresh(t), new(refreshLog)
		calls := 0
		source := f.sourceWith(t, limited(&calls), tokenstore.WithObserver(log.observe))
		time.Sleep(nearExpiry)
		wantToken(t, source, "access-1")
		synctest.Wait()
		log.mu.Lock()
		defer log.mu.Unlock()
		if len(log.refreshes) != 1 || log.refreshes[0].Err == nil {
			t.Errorf("the observer was called with %+v, want the vendor's slow_down", log.refreshes)
		}
	})
}
