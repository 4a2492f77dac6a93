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

// witness keeps what an observer was told.
type witness struct {
	mu   sync.Mutex
	told []tokenstore.Refresh
}

func (w *witness) observe(_ context.Context, r tokenstore.Refresh) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, r)
}

func (w *witness) want(t *testing.T, want ...tokenstore.Refresh) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(want, w.told, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("the observer was told (-want +got):\n%s", diff)
	}
	for _, r := range w.told {
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
			"a dead grant, once", func(v *vendor) tokenstore.RefreshFunc {
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
				f, witness := setup(t), new(witness)
				source := f.sourceWith(t, test.refresh(f.vendor), tokenstore.WithObserver(witness.observe))
				for range test.calls {
					_, _ = source.Token(t.Context())
				}
				witness.want(t, test.want)
			})
		})
	}
}

func TestTheObserverHearsOnlyOfThisProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, witness := setup(t), new(witness)
		wantToken(t, f.source(t), "access-2")
		wantToken(t, f.source(t, tokenstore.WithObserver(witness.observe)), "access-2")
		witness.want(t)
	})
}

func TestTheObserverHearsThatTheNewTokenIsNotSaved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, witness := setup(t), new(witness)
		source := f.source(t, tokenstore.WithObserver(witness.observe))
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
		witness.want(t, refreshed(5*time.Second, tokenstore.ErrNotSaved))

		time.Sleep(time.Minute)
		witness.want(t, refreshed(5*time.Second, tokenstore.ErrNotSaved)) // once, however long it lasts
		f.store.Set(storetest.Hooks{})
		if err := source.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		witness.mu.Lock()
		last := witness.told[len(witness.told)-1]
		witness.mu.Unlock()
		if len(witness.told) != 2 || last.Err != nil || last.Duration < time.Minute {
			t.Errorf("the observer was told %+v at last, want the refresh that is saved", last)
		}
	})
}

func TestTheObserverHearsOfABackgroundRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, witness := setupFresh(t), new(witness)
		calls := 0
		source := f.sourceWith(t, limited(&calls), tokenstore.WithObserver(witness.observe))
		time.Sleep(nearExpiry)
		wantToken(t, source, "access-1")
		synctest.Wait()
		witness.mu.Lock()
		defer witness.mu.Unlock()
		if len(witness.told) != 1 || witness.told[0].Err == nil {
			t.Errorf("the observer was told %+v, want the vendor's slow_down", witness.told)
		}
	})
}
