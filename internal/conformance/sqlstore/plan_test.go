package sqlstore_test

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// With many records the database uses an index. The plans are those of the very
// statements that the store runs.
func TestNoOperationReadsTheWholeTable(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		dsn := d.dsn(t)
		db := d.open(t, dsn)
		d.start(t, dsn)
		fill(t, d, db, 20_000)
		if d.dialect == sqlstore.PostgreSQL {
			exec(t, db, "ANALYZE") // as its autovacuum does
		}

		var statement string
		var args []driver.NamedValue
		store := d.store(t, d.spyOn(t, dsn, &spy{
			exec: func(query string, named []driver.NamedValue, run func() (driver.Result, error)) (driver.Result, error) {
				if strings.Contains(query, "incidentbridge_records") { // and no checkpoint
					statement, args = query, named
				}
				return run()
			},
			query: func(query string, named []driver.NamedValue) { statement, args = query, named },
		}))
		operations := []struct {
			name  string
			index map[sqlstore.Dialect]string
			run   func() error
		}{
			{
				name:  "Get",
				index: primaryKey,
				run:   func() error { _, err := store.Get(t.Context(), "bridge/acme/00007"); return err },
			},
			{
				name:  "Put",
				index: primaryKey,
				run: func() error {
					r := get(t, store, "bridge/acme/00007")
					_, err := store.Put(t.Context(), "bridge/acme/00007", r)
					return err
				},
			},
			{
				name:  "Delete",
				index: primaryKey,
				run:   func() error { return store.Delete(t.Context(), "bridge/acme/00008", "") },
			},
			{
				name:  "Due",
				index: map[sqlstore.Dialect]string{sqlstore.SQLite: byDueAt, sqlstore.PostgreSQL: byDueAt},
				run: func() error {
					_, _, err := store.Due(t.Context(), "bridge/acme", time.Now(), "", 100)
					return err
				},
			},
			{
				name: "Prune",
				index: map[sqlstore.Dialect]string{
					sqlstore.SQLite:     "incidentbridge_records_expires (expires_at<?)",
					sqlstore.PostgreSQL: "Index Cond: (expires_at <=",
				},
				run: func() error { _, err := store.Prune(t.Context()); return err },
			},
		}
		for _, operation := range operations {
			if err := operation.run(); err != nil {
				t.Fatalf("%s: %v", operation.name, err)
			}
			plan := explain(t, d, db, statement, args)
			if !strings.Contains(plan, operation.index[d.dialect]) || strings.Contains(plan, "SCAN r") || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s does not go by %s:\n%s\n%s", operation.name, operation.index[d.dialect], statement, plan)
			}
		}
	})
}

const byDueAt = "incidentbridge_records_due"

var primaryKey = map[sqlstore.Dialect]string{
	sqlstore.SQLite:     "sqlite_autoindex_incidentbridge_records_1 (key=?)",
	sqlstore.PostgreSQL: "incidentbridge_records_pkey",
}

func explain(t *testing.T, d database, db *sql.DB, statement string, named []driver.NamedValue) string {
	t.Helper()
	verb := map[sqlstore.Dialect]string{sqlstore.SQLite: "EXPLAIN QUERY PLAN ", sqlstore.PostgreSQL: "EXPLAIN "}
	var args []any
	for _, arg := range named {
		args = append(args, arg.Value)
	}
	rows, err := db.QueryContext(t.Context(), verb[d.dialect]+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		columns := []any{&line}
		if d.dialect == sqlstore.SQLite {
			columns = []any{new(any), new(any), new(any), &line}
		}
		if err := rows.Scan(columns...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// fill writes records bridge/acme/00001 and so on, all due and far from expiring, of the
// size of a usual bridge, in one statement.
func fill(t testing.TB, d database, db *sql.DB, records int) {
	t.Helper()
	due := time.Now().Add(-time.Hour).UnixMilli()
	expires := time.Now().Add(24 * time.Hour).UnixMilli()
	numbered := map[sqlstore.Dialect]string{
		sqlstore.SQLite: "SELECT 'bridge/acme/' || printf('%05d', i), 'filled', zeroblob(1000), $1 + i, $2 + i " +
			"FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $3) SELECT i FROM n)",
		sqlstore.PostgreSQL: "SELECT 'bridge/acme/' || to_char(i, 'FM00000'), 'filled', decode(repeat('00', 1000), 'hex'), $1::bigint + i, $2::bigint + i " +
			"FROM generate_series(1, $3::bigint) AS n(i)",
	}
	exec(t, db, "INSERT INTO incidentbridge_records (key, version, value, due_at, expires_at) "+numbered[d.dialect],
		due, expires, records)
	if _, err := d.store(t, db).Get(t.Context(), fmt.Sprintf("bridge/acme/%05d", records)); err != nil {
		t.Fatal(err)
	}
}
