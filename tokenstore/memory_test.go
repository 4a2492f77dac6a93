package tokenstore_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) tokenstore.Store { return tokenstore.NewMemory() })
}

func TestMemoryDropsWhatHasExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := tokenstore.NewMemory()
		now := time.Now()
		record := tokenstore.Record{Value: []byte("x"), DueAt: now, ExpiresAt: now.Add(time.Hour)}
		version, err := store.Put(t.Context(), "grant/zoom", record)
		if err != nil {
			t.Fatal(err)
		}

		time.Sleep(time.Hour - time.Millisecond)
		if _, err := store.Get(t.Context(), "grant/zoom"); err != nil {
			t.Errorf("a millisecond before it expires: Get = %v, want the record", err)
		}

		time.Sleep(time.Millisecond)
		if _, err := store.Get(t.Context(), "grant/zoom"); !errors.Is(err, tokenstore.ErrNotFound) {
			t.Errorf("expired: Get = %v, want ErrNotFound", err)
		}
		if err := store.Delete(t.Context(), "grant/zoom", version); !errors.Is(err, tokenstore.ErrConflict) {
			t.Errorf("expired: Delete = %v, want ErrConflict", err)
		}
		keys, _, err := store.Due(t.Context(), "grant", time.Now(), "", 10)
		if err != nil || len(keys) > 0 {
			t.Errorf("expired: Due = %v, %v, want nothing", keys, err)
		}
	})
}

// Half of the records share their moment with another, so that the order within a moment
// counts too.
func TestMemoryPagesThroughManyRecords(t *testing.T) {
	t.Parallel()
	store := tokenstore.NewMemory()
	start := time.Now().Add(-time.Hour)
	var want []string
	for i := range 10_000 {
		key := fmt.Sprintf("bridge/acme/%05d", i)
		record := tokenstore.Record{DueAt: start.Add(time.Duration(i/2) * time.Millisecond)}
		if _, err := store.Put(t.Context(), key, record); err != nil {
			t.Fatal(err)
		}
		want = append(want, key)
	}

	var got []string
	for after := ""; ; {
		keys, next, err := store.Due(t.Context(), "bridge/acme", time.Now(), after, 333)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, keys...)
		if next == "" {
			break
		}
		after = next
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func BenchmarkMemory(b *testing.B) {
	for _, records := range []int{1, 100_000} {
		b.Run(fmt.Sprintf("replace and look at 1 of %d", records), func(b *testing.B) {
			store := tokenstore.NewMemory()
			now := time.Now()
			var version string
			for i := range records {
				record := tokenstore.Record{Value: []byte("x"), DueAt: now.Add(time.Duration(i) * time.Millisecond)}
				version, _ = store.Put(b.Context(), fmt.Sprintf("bridge/%06d", i), record)
			}
			last := fmt.Sprintf("bridge/%06d", records-1)
			for b.Loop() {
				var err error
				version, err = store.Put(b.Context(), last, tokenstore.Record{Version: version, DueAt: now.Add(-time.Second)})
				if err != nil {
					b.Fatal(err)
				}
				if keys, _, err := store.Due(b.Context(), "bridge", now, "", 1); err != nil || keys[0] != last {
					b.Fatalf("Due = %v, %v, want %s", keys, err, last)
				}
			}
		})
	}
}
