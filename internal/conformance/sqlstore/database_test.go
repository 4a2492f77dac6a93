package sqlstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/incidentbridge/incidentbridge/internal/conformance/need"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// database is a database that the store runs on. Two stores on one DSN have the same
// data.
type database struct {
	name    string
	dialect sqlstore.Dialect
	driver  string
	dsn     func(t testing.TB) string // of data that nobody else has
}

var sqlite = database{
	name:    "SQLite",
	dialect: sqlstore.SQLite,
	driver:  "sqlite",
	dsn:     func(t testing.TB) string { return sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "what? 100% #1.db")) },
}

var postgres = database{
	name:    "PostgreSQL",
	dialect: sqlstore.PostgreSQL,
	driver:  "pgx",
	dsn:     postgresDSN,
}

// eachDatabase runs a test on every database, side by side.
func eachDatabase(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	for _, d := range []database{sqlite, postgres} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

// open opens the data and sends nothing.
func (d database) open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return closeLater(t, db)
}

func closeLater(t testing.TB, db *sql.DB) *sql.DB {
	t.Helper()
	db.SetMaxOpenConns(8) // the server has a hundred for all tests
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func (d database) store(t testing.TB, db *sql.DB) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(db, d.dialect)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// start opens and migrates, as a program does.
func (d database) start(t testing.TB, dsn string) *sqlstore.Store {
	t.Helper()
	store := d.store(t, d.open(t, dsn))
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// postgresDSN creates a schema for one test.
func postgresDSN(t testing.TB) string {
	t.Helper()
	server := need.Address(t, "postgres", "source .ci/services starts PostgreSQL 15", "INCIDENTBRIDGE_POSTGRES")
	schema := "test_" + strings.ToLower(rand.Text())
	admin := database{driver: "pgx"}.open(t, server)
	exec(t, admin, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { exec(t, admin, "DROP SCHEMA "+schema+" CASCADE") })
	return server + "&search_path=" + schema
}

// exec runs a statement, also while the test cleans up.
func exec(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
