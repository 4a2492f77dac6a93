package storetest

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const crowd = 64

func getRules() []rule {
	return []rule{
		{"Get of an absent key is ErrNotFound", func(t testing.TB, store tokenstore.Store, space string) {
			wantAbsent(t, store, space+"/absent")
		}},
		{"Get returns the whole record that was put", func(t testing.TB, store tokenstore.Store, space string) {
			r := tokenstore.Record{Value: []byte("first"), DueAt: soon(), ExpiresAt: soon()}
			r.Version = mustPut(t, store, space+"/a", r)
			wantRecord(t, store, space+"/a", r)
		}},
		{"Get never goes back, nor behind what was acknowledged, beside a writer", getNeverGoesBack},
		{"Get sees an acknowledged write at once", func(t testing.TB, store tokenstore.Store, space string) {
			var r tokenstore.Record
			for i := range 20 {
				r.Value = []byte(strconv.Itoa(i))
				r.Version = mustPut(t, store, space+"/a", r)
				wantRecord(t, store, space+"/a", r)
			}
		}},
	}
}

// getNeverGoesBack has readers that note what was acknowledged before each read.
func getNeverGoesBack(t testing.TB, store tokenstore.Store, space string) {
	const readers, writes = 8, 30
	key := space + "/a"
	r := tokenstore.Record{Value: []byte("0")}
	r.Version = mustPut(t, store, key, r)
	var acknowledged atomic.Int64
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for least := int64(0); least < writes; {
				least = max(least, acknowledged.Load())
				r, err := store.Get(t.Context(), key)
				if err != nil {
					t.Errorf("Get(%q) = %v, want the record", key, err)
					return
				}
				seen, err := strconv.ParseInt(string(r.Value), 10, 64)
				if err != nil || seen < least {
					t.Errorf("Get(%q) has value %q after %d was acknowledged or read", key, r.Value, least)
					return
				}
				least = seen
				wait(t, time.Millisecond)
			}
		})
	}
	for i := range int64(writes) {
		r.Value = strconv.AppendInt(nil, i+1, 10)
		version, err := store.Put(t.Context(), key, r)
		if err != nil {
			t.Errorf("Put(%q) = %v, want nil", key, err)
			acknowledged.Store(writes) // which ends the readers
			break
		}
		r.Version = version
		acknowledged.Store(i + 1)
		wait(t, time.Millisecond)
	}
	group.Wait()
}

func putRules() []rule {
	return []rule{
		{"Put replaces the whole record", func(t testing.TB, store tokenstore.Store, space string) {
			full := tokenstore.Record{Value: []byte("full"), DueAt: soon(), ExpiresAt: soon()}
			bare := tokenstore.Record{Value: []byte("bare"), Version: mustPut(t, store, space+"/a", full)}
			bare.Version = mustPut(t, store, space+"/a", bare)
			wantRecord(t, store, space+"/a", bare)
		}},
		{"Put without a version on a record conflicts and changes nothing", putWithoutVersion},
		{"Put with an old version conflicts and changes nothing", putWithOldVersion},
		{"Put with a version on an absent record conflicts and creates nothing", putVersionOnAbsent},
		{"Put with a version that no store drew conflicts", putStrangeVersion},
		{"Put never reuses a version, not even after a delete", putNeverReusesVersion},
		{"Put touches no other key", func(t testing.TB, store tokenstore.Store, space string) {
			other := tokenstore.Record{Value: []byte("other")}
			other.Version = mustPut(t, store, space+"/a/b", other)
			version := mustPut(t, store, space+"/a", tokenstore.Record{})
			mustPut(t, store, space+"/a", tokenstore.Record{Version: version})
			wantRecord(t, store, space+"/a/b", other)
		}},
		{"Put: of 64 creates at once exactly one wins", func(t testing.TB, store tokenstore.Store, space string) {
			oneWins(t, space+"/a", "", store)
		}},
		{"Put: of 64 creates at once over an expired record exactly one wins", func(t testing.TB, store tokenstore.Store, space string) {
			mustPut(t, store, space+"/a", tokenstore.Record{ExpiresAt: past()})
			oneWins(t, space+"/a", "", store)
		}},
		{"Put: of 64 writers on one version exactly one wins", func(t testing.TB, store tokenstore.Store, space string) {
			oneWins(t, space+"/a", mustPut(t, store, space+"/a", tokenstore.Record{}), store)
		}},
		{"Put and Delete of one version at once: exactly one wins", putOrDeleteWins},
		{"Put: 64 goroutines count to 64 without a lost update", func(t testing.TB, store tokenstore.Store, space string) {
			countTogether(t, space, store)
		}},
		{"Put copies the value: a later change by the caller is not seen", putCopies},
		{"Get copies the value: a change by one caller is not seen by the next", getCopies},
	}
}

func putWithoutVersion(t testing.TB, store tokenstore.Store, space string) {
	first := tokenstore.Record{Value: []byte("first"), DueAt: soon()}
	first.Version = mustPut(t, store, space+"/a", first)
	wantPutError(t, store, space+"/a", tokenstore.Record{Value: []byte("second")}, tokenstore.ErrConflict)
	wantRecord(t, store, space+"/a", first)
}

func putWithOldVersion(t testing.TB, store tokenstore.Store, space string) {
	old := mustPut(t, store, space+"/a", tokenstore.Record{Value: []byte("first")})
	second := tokenstore.Record{Value: []byte("second"), Version: old}
	second.Version = mustPut(t, store, space+"/a", second)
	wantPutError(t, store, space+"/a", tokenstore.Record{Value: []byte("third"), Version: old}, tokenstore.ErrConflict)
	wantRecord(t, store, space+"/a", second)
}

func putVersionOnAbsent(t testing.TB, store tokenstore.Store, space string) {
	elsewhere := mustPut(t, store, space+"/elsewhere", tokenstore.Record{})
	wantPutError(t, store, space+"/never", tokenstore.Record{Version: elsewhere}, tokenstore.ErrConflict)
	wantAbsent(t, store, space+"/never")

	version := mustPut(t, store, space+"/deleted", tokenstore.Record{})
	mustDelete(t, store, space+"/deleted", version)
	wantPutError(t, store, space+"/deleted", tokenstore.Record{Version: version}, tokenstore.ErrConflict)
	wantAbsent(t, store, space+"/deleted")
}

func putStrangeVersion(t testing.TB, store tokenstore.Store, space string) {
	r := tokenstore.Record{Value: []byte("kept")}
	r.Version = mustPut(t, store, space+"/a", r)
	strange := []string{
		"0", "1", "*", "%", "null", r.Version + "x", r.Version[1:], "' OR '1'='1", strings.Repeat("v", 4096),
	}
	for _, version := range strange {
		wantPutError(t, store, space+"/a", tokenstore.Record{Version: version}, tokenstore.ErrConflict)
		wantDeleteError(t, store, space+"/a", version, tokenstore.ErrConflict)
	}
	wantRecord(t, store, space+"/a", r)
}

func putNeverReusesVersion(t testing.TB, store tokenstore.Store, space string) {
	seen := make(map[string]bool)
	fresh := func(r tokenstore.Record) string {
		version := mustPut(t, store, space+"/a", r)
		if seen[version] {
			t.Fatalf("Put returned the version %q for the second time", version)
		}
		seen[version] = true
		return version
	}
	for range 10 {
		created := fresh(tokenstore.Record{Value: []byte("same")})
		changed := fresh(tokenstore.Record{Value: []byte("same"), Version: created})
		mustDelete(t, store, space+"/a", changed)
		fresh(tokenstore.Record{Value: []byte("same"), ExpiresAt: past()})
	}
	last := tokenstore.Record{Value: []byte("last")}
	last.Version = fresh(last)
	for version := range seen {
		if version != last.Version {
			wantPutError(t, store, space+"/a", tokenstore.Record{Version: version}, tokenstore.ErrConflict)
		}
	}
	wantRecord(t, store, space+"/a", last)
}

func putCopies(t testing.TB, store tokenstore.Store, space string) {
	value := []byte("kept")
	version := mustPut(t, store, space+"/a", tokenstore.Record{Value: value})
	copy(value, "XXXX")
	wantRecord(t, store, space+"/a", tokenstore.Record{Value: []byte("kept"), Version: version})
}

func getCopies(t testing.TB, store tokenstore.Store, space string) {
	version := mustPut(t, store, space+"/a", tokenstore.Record{Value: []byte("kept")})
	copy(mustGet(t, store, space+"/a").Value, "XXXX")
	wantRecord(t, store, space+"/a", tokenstore.Record{Value: []byte("kept"), Version: version})
}

// oneWins has a crowd of goroutines write the same version at once, each through one of
// the stores.
func oneWins(t testing.TB, key, version string, stores ...tokenstore.Store) {
	t.Helper()
	var mu sync.Mutex
	var winners []tokenstore.Record
	together(func(i int) {
		r := tokenstore.Record{Value: []byte(strconv.Itoa(i)), Version: version}
		won, err := stores[i%len(stores)].Put(t.Context(), key, r)
		if errors.Is(err, tokenstore.ErrConflict) {
			return
		}
		if err != nil {
			t.Errorf("Put(%q) = %v, want nil or ErrConflict", key, err)
			return
		}
		r.Version = won
		mu.Lock()
		defer mu.Unlock()
		winners = append(winners, r)
	})
	if len(winners) != 1 {
		t.Fatalf("%d of %d writers won, want exactly one", len(winners), crowd)
	}
	for _, store := range stores {
		wantRecord(t, store, key, winners[0])
	}
}

func putOrDeleteWins(t testing.TB, store tokenstore.Store, space string) {
	key := space + "/a"
	version := mustPut(t, store, key, tokenstore.Record{})
	var puts, deletes atomic.Int64
	together(func(i int) {
		call, won := "Put", &puts
		var err error
		if i%2 == 0 {
			_, err = store.Put(t.Context(), key, tokenstore.Record{Version: version})
		} else {
			call, won = "Delete", &deletes
			err = store.Delete(t.Context(), key, version)
		}
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, tokenstore.ErrConflict) {
			t.Errorf("%s(%q) = %v, want nil or ErrConflict", call, key, err)
		}
	})
	if puts.Load()+deletes.Load() != 1 {
		t.Fatalf("%d Puts and %d Deletes of the same version won, want exactly one", puts.Load(), deletes.Load())
	}
	if deletes.Load() == 1 {
		wantAbsent(t, store, key)
		return
	}
	mustGet(t, store, key)
}

func countTogether(t testing.TB, space string, stores ...tokenstore.Store) {
	key := space + "/counter"
	mustPut(t, stores[0], key, tokenstore.Record{Value: []byte("0"), DueAt: past()})
	together(func(i int) {
		store := stores[i%len(stores)]
		change(t, store, key, func(r *tokenstore.Record) {
			count, err := strconv.Atoi(string(r.Value))
			if err != nil {
				t.Errorf("Get(%q) has value %q, want a number", key, r.Value)
			}
			r.Value = []byte(strconv.Itoa(count + 1))
		})
		if _, _, err := store.Due(t.Context(), space, soon(), "", 1); err != nil {
			t.Errorf("Due(%q) = %v, want nil", space, err)
		}
	})
	for _, store := range stores {
		if r := mustGet(t, store, key); string(r.Value) != strconv.Itoa(crowd) {
			t.Errorf("counter is %s, want %d", r.Value, crowd)
		}
	}
}

// change reads a record and puts it back changed, until it does not conflict.
func change(t testing.TB, store tokenstore.Store, key string, alter func(r *tokenstore.Record)) {
	t.Helper()
	for spread := 20 * time.Millisecond; ; spread = min(2*spread, time.Second/4) {
		r, err := store.Get(t.Context(), key)
		if err != nil {
			t.Errorf("Get(%q) = %v, want the record", key, err)
			return
		}
		alter(&r)
		_, err = store.Put(t.Context(), key, r)
		if err == nil {
			return
		}
		if !errors.Is(err, tokenstore.ErrConflict) {
			t.Errorf("Put(%q) = %v, want nil or ErrConflict", key, err)
			return
		}
		// So that a crowd does not spend most of its time on conflicts.
		wait(t, rand.N(spread)) //nolint:gosec // G404: jitter needs no secrecy
	}
}

// together runs work in a crowd of goroutines that start at the same time.
func together(work func(i int)) {
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range crowd {
		group.Go(func() {
			<-start
			work(i)
		})
	}
	close(start)
	group.Wait()
}
