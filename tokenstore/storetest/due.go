package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func dueRules() []rule {
	return []rule{
		{"Due: nothing is due where there is nothing", func(t testing.TB, store tokenstore.Store, space string) {
			wantDue(t, store, space, soon())
		}},
		{"Due is inclusive and leaves out what is due later or never", func(t testing.TB, store tokenstore.Store, space string) {
			now := past()
			mustPut(t, store, space+"/never", tokenstore.Record{})
			mustPut(t, store, space+"/later", tokenstore.Record{DueAt: now.Add(time.Millisecond)})
			mustPut(t, store, space+"/now", tokenstore.Record{DueAt: now})
			wantDue(t, store, space, now, space+"/now")
		}},
		{"Due is oldest first", func(t testing.TB, store tokenstore.Store, space string) {
			mustPut(t, store, space+"/b", tokenstore.Record{DueAt: past().Add(2 * time.Second)})
			mustPut(t, store, space+"/a", tokenstore.Record{DueAt: past().Add(3 * time.Second)})
			mustPut(t, store, space+"/c", tokenstore.Record{DueAt: past().Add(-48 * time.Hour)})
			mustPut(t, store, space+"/d", tokenstore.Record{DueAt: past().Add(time.Second)})
			wantDue(t, store, space, soon(), space+"/c", space+"/d", space+"/b", space+"/a")
		}},
		{"Due follows a record that is moved, settled or deleted", dueFollows},
		{"Due pages name every record once", duePages},
		{"Due pages miss nothing while what they name is moved", duePagesWhileMoved},
		{"Due: 100 records that nobody can settle do not hide the next", duePoison},
		{"Due prefix is whole segments", duePrefix},
		{"Due prefix is compared as bytes", dueBytes},
		{"Due refuses a limit below 1, half a prefix and a strange cursor", dueInvalid},
	}
}

func dueFollows(t testing.TB, store tokenstore.Store, space string) {
	moved := mustPut(t, store, space+"/moved", tokenstore.Record{DueAt: past()})
	settled := mustPut(t, store, space+"/settled", tokenstore.Record{DueAt: past().Add(time.Second)})
	deleted := mustPut(t, store, space+"/deleted", tokenstore.Record{DueAt: past().Add(2 * time.Second)})
	wantDue(t, store, space, soon(), space+"/moved", space+"/settled", space+"/deleted")

	mustPut(t, store, space+"/moved", tokenstore.Record{Version: moved, DueAt: soon().Add(time.Hour)})
	mustPut(t, store, space+"/settled", tokenstore.Record{Version: settled})
	mustDelete(t, store, space+"/deleted", deleted)
	wantDue(t, store, space, soon())
	wantDue(t, store, space, soon().Add(2*time.Hour), space+"/moved")
}

// putDue writes records a millisecond apart, but every third at the moment of the one before, and returns their keys
// sorted by moment and then by key.
func putDue(t testing.TB, store tokenstore.Store, space string, n int) []string {
	t.Helper()
	start := past()
	var keys []string
	for i := range n {
		key := fmt.Sprintf("%s/%04d", space, i)
		mustPut(t, store, key, tokenstore.Record{DueAt: start.Add(time.Duration(i-i%3/2) * time.Millisecond)})
		keys = append(keys, key)
	}
	return keys
}

func duePages(t testing.TB, store tokenstore.Store, space string) {
	want := putDue(t, store, space, 10)
	for _, limit := range []int{1, 3, 10, 11, 1000} {
		var got []string
		settled := eventually(t, func() bool {
			// The order within one millisecond is the store's own.
			got = slices.Sorted(slices.Values(listDue(t, store, space, soon(), limit)))
			return slices.Equal(got, want)
		})
		if !settled {
			t.Errorf("pages of %d name %q, want %q", limit, got, want)
		}
	}
}

func duePagesWhileMoved(t testing.TB, store tokenstore.Store, space string) {
	want := putDue(t, store, space, 10)
	indexed := eventually(t, func() bool { return len(listDue(t, store, space, soon(), 100)) == len(want) })
	if !indexed {
		t.Fatalf("Due has not named %d records", len(want))
	}
	var got []string
	for after := ""; len(got) <= len(want); {
		keys, next, err := store.Due(t.Context(), space, soon(), after, 3)
		if err != nil {
			t.Fatalf("Due(%q) = %v, want nil", space, err)
		}
		for _, key := range keys {
			r := mustGet(t, store, key)
			r.DueAt = soon().Add(time.Hour)
			mustPut(t, store, key, r)
		}
		got = append(got, keys...)
		if next == "" {
			break
		}
		after = next
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("pages name %q, want %q", got, want)
	}
}

func duePoison(t testing.TB, store tokenstore.Store, space string) {
	for i := range 100 {
		mustPut(t, store, fmt.Sprintf("%s/poison-%03d", space, i), tokenstore.Record{DueAt: past()})
	}
	healthy := space + "/healthy"
	mustPut(t, store, healthy, tokenstore.Record{DueAt: past().Add(time.Second)})
	found := eventually(t, func() bool { return slices.Contains(listDue(t, store, space, soon(), 10), healthy) })
	if !found {
		t.Errorf("no page names the record behind 100 older ones")
	}
}

func duePrefix(t testing.TB, store tokenstore.Store, space string) {
	at := past()
	for _, key := range []string{"/ab", "/a", "/a/b", "/a/b/c", "/a/bc", "/b", "-x/a", "0/a"} {
		at = at.Add(time.Millisecond)
		mustPut(t, store, space+key, tokenstore.Record{DueAt: at})
	}
	wantDue(t, store, space+"/a", soon(), space+"/a", space+"/a/b", space+"/a/b/c", space+"/a/bc")
	wantDue(t, store, space+"/a/b", soon(), space+"/a/b", space+"/a/b/c")
	wantDue(t, store, space, soon(),
		space+"/ab", space+"/a", space+"/a/b", space+"/a/b/c", space+"/a/bc", space+"/b")
}

func dueBytes(t testing.TB, store tokenstore.Store, space string) {
	at := past()
	segments := []string{"a", "A", "a ", "%", "_", "*", "?", "[a]", "{a}", `\`, "'", `"`, "~", "#", ":"}
	for _, segment := range segments {
		at = at.Add(time.Millisecond)
		mustPut(t, store, space+"/"+segment+"/x", tokenstore.Record{DueAt: at})
	}
	for _, segment := range segments {
		wantDue(t, store, space+"/"+segment, soon(), space+"/"+segment+"/x")
	}
}

func dueInvalid(t testing.TB, store tokenstore.Store, space string) {
	invalid := []struct {
		name, prefix, after string
		limit               int
	}{
		{name: "limit 0", prefix: space, limit: 0},
		{name: "limit -1", prefix: space, limit: -1},
		{name: "no prefix", prefix: "", limit: 1},
		{name: "prefix with a slash behind", prefix: space + "/", limit: 1},
		{name: "prefix with a slash in front", prefix: "/" + space, limit: 1},
		{name: "prefix that is not printable", prefix: space + "/\n", limit: 1},
		{name: "strange cursor", prefix: space, after: "no-cursor", limit: 1},
	}
	for _, call := range invalid {
		_, _, err := store.Due(t.Context(), call.prefix, soon(), call.after, call.limit)
		wantInvalid(t, "Due with "+call.name, err)
	}
}
