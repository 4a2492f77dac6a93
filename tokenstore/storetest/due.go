package storetest

import (
	"fmt"
	"math"
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
		{"Due follows a record that is moved, finished or deleted", dueFollows},
		{"Due follows the last of 64 writers", dueFollowsCrowd},
		{"Due pages name every record once", duePages},
		{"Due pages name every record of one millisecond once", dueOneMillisecond},
		{"Due pages pass through keys of any printable bytes", dueHostileKeys},
		{"Due pages miss nothing while the named records are moved", func(t testing.TB, store tokenstore.Store, space string) {
			duePagesWhile(t, store, space, func(key string, r tokenstore.Record) {
				r.DueAt = soon().Add(time.Hour)
				mustPut(t, store, key, r)
			})
		}},
		{"Due pages miss nothing while the named records are written again", func(t testing.TB, store tokenstore.Store, space string) {
			duePagesWhile(t, store, space, func(key string, r tokenstore.Record) { mustPut(t, store, key, r) })
		}},
		{"Due pages miss nothing while the named records are deleted", func(t testing.TB, store tokenstore.Store, space string) {
			duePagesWhile(t, store, space, func(key string, r tokenstore.Record) { mustDelete(t, store, key, r.Version) })
		}},
		{"Due takes any limit", func(t testing.TB, store tokenstore.Store, space string) {
			mustPut(t, store, space+"/a", tokenstore.Record{DueAt: past()})
			named := eventually(t, func() bool { return len(listDue(t, store, space, soon(), math.MaxInt)) == 1 })
			if !named {
				t.Errorf("Due with the limit %d does not name the record", math.MaxInt)
			}
		}},
		{"Due: 100 records that nobody can finish do not hide the next", duePoison},
		{"Due prefix is whole segments", duePrefix},
		{"Due prefix is compared as bytes", dueBytes},
		{"Due rejects a limit below 1, half a prefix and a strange cursor", dueInvalid},
	}
}

func dueFollows(t testing.TB, store tokenstore.Store, space string) {
	moved := mustPut(t, store, space+"/moved", tokenstore.Record{DueAt: past()})
	finished := mustPut(t, store, space+"/finished", tokenstore.Record{DueAt: past().Add(time.Second)})
	deleted := mustPut(t, store, space+"/deleted", tokenstore.Record{DueAt: past().Add(2 * time.Second)})
	wantDue(t, store, space, soon(), space+"/moved", space+"/finished", space+"/deleted")

	mustPut(t, store, space+"/moved", tokenstore.Record{Version: moved, DueAt: soon().Add(time.Hour)})
	mustPut(t, store, space+"/finished", tokenstore.Record{Version: finished})
	mustDelete(t, store, space+"/deleted", deleted)
	wantDue(t, store, space, soon())
	wantDue(t, store, space, soon().Add(2*time.Hour), space+"/moved")
}

// dueFollowsCrowd has writers that each move the record to a time of their own.
func dueFollowsCrowd(t testing.TB, store tokenstore.Store, space string) {
	key := space + "/a"
	mustPut(t, store, key, tokenstore.Record{})
	start := past()
	together(func(i int) {
		change(t, store, key, func(r *tokenstore.Record) { r.DueAt = start.Add(time.Duration(i) * time.Second) })
	})
	at := mustGet(t, store, key).DueAt
	wantDue(t, store, space, at, key)
	wantDue(t, store, space, at.Add(-time.Millisecond))
}

// putDue writes records a millisecond apart, but every third at the time of the one
// before, and returns their keys sorted by time and then by key.
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
	wantPages(t, store, space, soon(), putDue(t, store, space, 10), 1, 3, 10, 11, 1000)
}

func dueOneMillisecond(t testing.TB, store tokenstore.Store, space string) {
	at := past()
	var want []string
	for i := range 20 {
		key := fmt.Sprintf("%s/%02d", space, i)
		mustPut(t, store, key, tokenstore.Record{DueAt: at})
		want = append(want, key)
	}
	wantPages(t, store, space, at, want, 1, 7)
}

func dueHostileKeys(t testing.TB, store tokenstore.Store, space string) {
	var want []string
	for _, segment := range hostileSegments() {
		key := space + "/" + segment
		mustPut(t, store, key, tokenstore.Record{DueAt: past()})
		want = append(want, key)
	}
	wantPages(t, store, space, soon(), want, 1)
}

// wantPages waits until listings in pages of these lengths name exactly these keys. The
// order within one millisecond is the store's own.
func wantPages(t testing.TB, store tokenstore.Store, prefix string, before time.Time, want []string, limits ...int) {
	t.Helper()
	slices.Sort(want)
	for _, limit := range limits {
		var got []string
		reached := eventually(t, func() bool {
			got = slices.Sorted(slices.Values(listDue(t, store, prefix, before, limit)))
			return slices.Equal(got, want)
		})
		if !reached {
			t.Errorf("pages of %d name %q, want %q", limit, got, want)
		}
	}
}

// duePagesWhile calls do with every record as soon as a page names it.
func duePagesWhile(t testing.TB, store tokenstore.Store, space string, do func(key string, r tokenstore.Record)) {
	const tooMany = 100
	for _, limit := range []int{1, 3} {
		space := fmt.Sprintf("%s/by-%d", space, limit)
		want := putDue(t, store, space, 10)
		wantPages(t, store, space, soon(), want, 100)
		var got []string
		for pages, after := 0, ""; pages < tooMany; pages++ {
			keys, next, err := store.Due(t.Context(), space, soon(), after, limit)
			if err != nil {
				t.Fatalf("Due(%q) = %v, want nil", space, err)
			}
			for _, key := range keys {
				if !slices.Contains(got, key) {
					do(key, mustGet(t, store, key))
				}
				got = append(got, key)
			}
			if next == "" {
				break
			}
			after = next
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("pages of %d name %q, want %q", limit, got, want)
		}
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
	// The bytes before and after the slash are the neighbours of a byte range.
	for _, key := range []string{
		"", "/a", "/a/b", "/a/b/c", "/a/bc", "/ab", "/b", "/a.", "/a./x", "/a0", "/a0/x", "/a /x", "/a~/x", "0", "0/a", ".", "./a",
	} {
		at = at.Add(time.Millisecond)
		mustPut(t, store, space+key, tokenstore.Record{DueAt: at})
	}
	wantDue(t, store, space+"/a", soon(), space+"/a", space+"/a/b", space+"/a/b/c", space+"/a/bc")
	wantDue(t, store, space+"/a/b", soon(), space+"/a/b", space+"/a/b/c")
	wantDue(t, store, space, soon(), space, space+"/a", space+"/a/b", space+"/a/b/c", space+"/a/bc", space+"/ab", space+"/b",
		space+"/a.", space+"/a./x", space+"/a0", space+"/a0/x", space+"/a /x", space+"/a~/x")
}

func dueBytes(t testing.TB, store tokenstore.Store, space string) {
	at := past()
	segments := []string{"a", "A", "a ", "%", "_", "*", "?", "[a]", "{a}", "{}", `\`, "'", `"`, "~", "#", ":"}
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
