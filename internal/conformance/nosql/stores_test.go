package nosql_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// listDue follows a listing to its end.
func listDue(t *testing.T, store tokenstore.Store, prefix string, before time.Time, limit int) []string {
	t.Helper()
	const tooMany = 10_000
	var all []string
	after := ""
	for range tooMany {
		keys, next, err := store.Due(t.Context(), prefix, before, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, keys...)
		if next == "" {
			return all
		}
		after = next
	}
	t.Fatalf("Due(%q) has not ended after %d pages", prefix, tooMany)
	return nil
}

// eventually calls ask until it returns true, for at most ten seconds.
func eventually(t *testing.T, ask func() bool) bool {
	t.Helper()
	late := time.After(10 * time.Second)
	for !ask() {
		select {
		case <-late:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return true
}

// testBoundedDue lists a few records of one prefix among many others in one partition: no
// page reads them all, and none of the few is lost or out of order between two pages.
func testBoundedDue(t *testing.T, store tokenstore.Store) {
	t.Helper()
	start := time.Now().Add(-time.Hour)
	var want []string
	for i := range 400 {
		// A hash, so that some shards hold more than others.
		key := fmt.Sprintf("bridge/other/%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
		if i >= 200 && i%3 == 0 {
			key = strings.Replace(key, "other", "ours", 1)
			want = append(want, key)
		}
		r := tokenstore.Record{DueAt: start.Add(time.Duration(i) * time.Millisecond)}
		if _, err := store.Put(t.Context(), key, r); err != nil {
			t.Fatal(err)
		}
	}

	keys, next, err := store.Due(t.Context(), "bridge/ours", time.Now(), "", 5)
	if err != nil || len(keys) > 0 || next == "" {
		t.Errorf("Due = %q, %q, %v, want an empty page with a next one", keys, next, err)
	}
	if diff := cmp.Diff(want, listDue(t, store, "bridge/ours", time.Now(), 5)); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

// benchmark measures a typical record, a bridge, in a store where 1000 others are not
// due.
func benchmark(b *testing.B, store tokenstore.Store) {
	b.Helper()
	put := func(key string, r tokenstore.Record) string {
		version, err := store.Put(b.Context(), key, r)
		if err != nil {
			b.Fatal(err)
		}
		return version
	}
	usual := tokenstore.Record{Value: make([]byte, 2<<10), DueAt: time.Now().Add(time.Hour)}
	for i := range 1000 {
		put(fmt.Sprintf("bench/later/%d", i), usual)
	}
	b.Run("Put", func(b *testing.B) {
		r := usual
		r.Version = put("bench/put", r)
		for b.Loop() {
			r.Version = put("bench/put", r)
		}
		if err := store.Delete(b.Context(), "bench/put", r.Version); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("Get", func(b *testing.B) {
		for b.Loop() {
			if _, err := store.Get(b.Context(), "bench/later/0"); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, due := range []int{0, 100} {
		b.Run(fmt.Sprintf("Due/%d", due), func(b *testing.B) {
			for i := range due {
				put(fmt.Sprintf("bench/due/%d", i), tokenstore.Record{DueAt: time.UnixMilli(1)})
			}
			for b.Loop() {
				keys, _, err := store.Due(b.Context(), "bench", time.Now(), "", 100)
				if err != nil || len(keys) != due {
					b.Fatalf("Due = %d keys, %v, want %d", len(keys), err, due)
				}
			}
			for i := range due {
				if err := store.Delete(b.Context(), fmt.Sprintf("bench/due/%d", i), ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
