package sqlstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

func TestTheContract(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		store := d.start(t, d.dsn(t))
		storetest.Run(t, func(*testing.T) tokenstore.Store { return store },
			storetest.WithReopen(func(t *testing.T) (tokenstore.Store, func() tokenstore.Store) {
				dsn := d.dsn(t)
				d.start(t, dsn)
				db := d.open(t, dsn)
				return d.store(t, db), func() tokenstore.Store {
					if err := db.Close(); err != nil {
						t.Fatal(err)
					}
					return d.start(t, dsn)
				}
			}),
			storetest.WithSecondInstance(func(t *testing.T) (one, other tokenstore.Store) {
				dsn := d.dsn(t)
				return d.start(t, dsn), d.start(t, dsn)
			}),
			storetest.WithResend(func(t *testing.T, between func()) tokenstore.Store {
				dsn := d.dsn(t)
				d.start(t, dsn)
				return d.store(t, d.spyOn(t, dsn, &spy{exec: twice(between)}))
			}),
		)
	})
}

// With one connection all goroutines queue in the pool instead of at the file's lock.
func TestTheContractOnOneConnection(t *testing.T) {
	t.Parallel()
	db := sqlite.open(t, sqlite.dsn(t))
	db.SetMaxOpenConns(1)
	store := sqlite.store(t, db)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, func(*testing.T) tokenstore.Store { return store })
}

// Some poolers cannot prepare statements.
func TestTheContractWithoutPreparedStatements(t *testing.T) {
	t.Parallel()
	store := postgres.start(t, postgres.dsn(t)+"&default_query_exec_mode=simple_protocol")
	storetest.Run(t, func(*testing.T) tokenstore.Store { return store })
}

func TestDueLeavesOutWhatHasExpired(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		store := d.start(t, d.dsn(t))
		now := time.Now()
		put(t, store, "bridge/expired", tokenstore.Record{DueAt: now, ExpiresAt: now.Add(-time.Millisecond)})
		put(t, store, "bridge/expires", tokenstore.Record{DueAt: now, ExpiresAt: now.Add(time.Hour)})
		keys, _, err := store.Due(t.Context(), "bridge", now, "", 10)
		if diff := cmp.Diff([]string{"bridge/expires"}, keys); err != nil || diff != "" {
			t.Errorf("Due: %v (-want +got):\n%s", err, diff)
		}
	})
}

// A page is limited whatever the caller's limit, and the listing is complete.
func TestDuePagesAreBounded(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		dsn := d.dsn(t)
		store := d.start(t, dsn)
		fill(t, d, d.open(t, dsn), 2500)
		var sizes []int
		for after := ""; ; {
			keys, next, err := store.Due(t.Context(), "bridge", time.Now(), after, int(^uint(0)>>1))
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(keys))
			if next == "" {
				break
			}
			after = next
		}
		if diff := cmp.Diff([]int{1000, 1000, 500}, sizes); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
	})
}

func put(t testing.TB, store tokenstore.Store, key string, r tokenstore.Record) string {
	t.Helper()
	version, err := store.Put(t.Context(), key, r)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func get(t testing.TB, store tokenstore.Store, key string) tokenstore.Record {
	t.Helper()
	r, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantValue(t testing.TB, store tokenstore.Store, key, want string) {
	t.Helper()
	if r := get(t, store, key); string(r.Value) != want {
		t.Errorf("Get(%q) has value %q, want %q", key, r.Value, want)
	}
}

func wantAbsent(t testing.TB, store tokenstore.Store, key string) {
	t.Helper()
	if _, err := store.Get(t.Context(), key); !errors.Is(err, tokenstore.ErrNotFound) {
		t.Errorf("Get(%q) = %v, want ErrNotFound", key, err)
	}
}
