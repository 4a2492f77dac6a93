package storetest

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"

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
			oneWins(t, store, space+"/a", "")
		}},
		{"Put: of 64 writers on one version exactly one wins", func(t testing.TB, store tokenstore.Store, space string) {
			oneWins(t, store, space+"/a", mustPut(t, store, space+"/a", tokenstore.Record{}))
		}},
		{"Put: 64 goroutines count to 64 without a lost update", countTogether},
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
	for range 20 {
		created := mustPut(t, store, space+"/a", tokenstore.Record{Value: []byte("same")})
		changed := mustPut(t, store, space+"/a", tokenstore.Record{Value: []byte("same"), Version: created})
		if seen[created] || seen[changed] || created == changed {
			t.Fatalf("Put returned a version for the second time: %q or %q", created, changed)
		}
		seen[created], seen[changed] = true, true
		mustDelete(t, store, space+"/a", changed)
	}
	last := tokenstore.Record{Value: []byte("last")}
	last.Version = mustPut(t, store, space+"/a", last)
	for version := range seen {
		wantPutError(t, store, space+"/a", tokenstore.Record{Version: version}, tokenstore.ErrConflict)
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

// oneWins lets a crowd write the same version at once.
func oneWins(t testing.TB, store tokenstore.Store, key, version string) {
	t.Helper()
	var mu sync.Mutex
	var winners []tokenstore.Record
	together(func(i int) {
		r := tokenstore.Record{Value: []byte(strconv.Itoa(i)), Version: version}
		won, err := store.Put(t.Context(), key, r)
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
	wantRecord(t, store, key, winners[0])
}

func countTogether(t testing.TB, store tokenstore.Store, space string) {
	key := space + "/counter"
	mustPut(t, store, key, tokenstore.Record{Value: []byte("0"), DueAt: past()})
	together(func(int) {
		for {
			r, err := store.Get(t.Context(), key)
			if err != nil {
				t.Errorf("Get(%q) = %v, want the record", key, err)
				return
			}
			count, err := strconv.Atoi(string(r.Value))
			if err != nil {
				t.Errorf("Get(%q) has value %q, want a number", key, r.Value)
				return
			}
			r.Value = []byte(strconv.Itoa(count + 1))
			_, err = store.Put(t.Context(), key, r)
			if err == nil {
				break
			}
			if !errors.Is(err, tokenstore.ErrConflict) {
				t.Errorf("Put(%q) = %v, want nil or ErrConflict", key, err)
				return
			}
		}
		if _, _, err := store.Due(t.Context(), space, soon(), "", 1); err != nil {
			t.Errorf("Due(%q) = %v, want nil", space, err)
		}
	})
	if r := mustGet(t, store, key); string(r.Value) != strconv.Itoa(crowd) {
		t.Errorf("counter is %s, want %d", r.Value, crowd)
	}
}

// together runs work in a crowd of goroutines that start at the same moment.
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
