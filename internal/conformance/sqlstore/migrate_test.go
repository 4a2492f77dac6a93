package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

func TestMigrateTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		store := d.start(t, d.dsn(t))
		put(t, store, "bridge/acme/P1", tokenstore.Record{Value: []byte("kept")})
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		get(t, store, "bridge/acme/P1")
	})
}

func TestMigrateMayRunManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		for range 5 {
			migrateTogether(t, d, d.dsn(t))
		}
	})
	t.Run("PostgreSQL that is serializable by default", func(t *testing.T) {
		t.Parallel()
		migrateTogether(t, postgres, postgres.dsn(t)+"&default_transaction_isolation=serializable")
	})
}

func migrateTogether(t *testing.T, d database, dsn string) {
	t.Helper()
	start := make(chan struct{})
	var group sync.WaitGroup
	for range 6 {
		store := d.store(t, d.open(t, dsn))
		group.Go(func() {
			<-start
			if err := store.Migrate(t.Context()); err != nil {
				t.Error(err)
				return
			}
			wantAbsent(t, store, "bridge/acme/P1")
		})
	}
	close(start)
	group.Wait()
}

func TestMigrateRejectsANewerSchema(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		dsn := d.dsn(t)
		store := d.start(t, dsn)
		db := d.open(t, dsn)
		exec(t, db, "INSERT INTO incidentbridge_schema (version) VALUES (2)")
		exec(t, db, "ALTER TABLE incidentbridge_records RENAME TO incidentbridge_things")
		err := store.Migrate(t.Context())
		const want = "it is version 2, and this program knows 1"
		if !errors.Is(err, sqlstore.ErrNewerSchema) || !strings.Contains(err.Error(), want) {
			t.Errorf("Migrate = %v, want ErrNewerSchema and %q", err, want)
		}
		exec(t, db, "SELECT * FROM incidentbridge_things")
	})
}

// A migration that fails half-way, here at a table that exists already, leaves nothing
// behind, and the connection stays usable.
func TestMigrateIsWholeOrUndone(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		dsn := d.dsn(t)
		db := d.open(t, dsn)
		db.SetMaxOpenConns(1)
		exec(t, db, "CREATE TABLE incidentbridge_records (key INTEGER)")
		store := d.store(t, db)
		if err := store.Migrate(t.Context()); err == nil {
			t.Fatal("Migrate = nil, want what is in the way")
		}
		exec(t, db, "DROP TABLE incidentbridge_records")
		if err := store.Migrate(t.Context()); err != nil {
			t.Errorf("Migrate with the way free = %v", err)
		}
	})
}

func TestMigrateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		dsn := d.dsn(t)
		tx, err := d.open(t, dsn).BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		lock := map[sqlstore.Dialect]string{
			sqlstore.SQLite:     "CREATE TABLE somebody_else (at_work INTEGER)",
			sqlstore.PostgreSQL: "SELECT pg_advisory_xact_lock(7308604896834201441)",
		}
		if _, err := tx.ExecContext(t.Context(), lock[d.dialect]); err != nil {
			t.Fatal(err)
		}

		store := d.store(t, d.open(t, dsn))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if err := store.Migrate(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Migrate while another migration runs = %v, want DeadlineExceeded", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := store.Migrate(t.Context()); err != nil {
			t.Errorf("Migrate after it = %v", err)
		}
	})
}

// The role that runs the program in production may have no right to create tables.
func TestMigrateNeedsNoRightsWhereAllIsThere(t *testing.T) {
	t.Parallel()
	dsn := postgres.dsn(t)
	postgres.start(t, dsn)
	admin := postgres.open(t, dsn)
	var schema string
	if err := admin.QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&schema); err != nil {
		t.Fatal(err)
	}
	role := "role_" + schema
	exec(t, admin, "CREATE ROLE "+role+" LOGIN")
	t.Cleanup(func() { exec(t, admin, "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	exec(t, admin, "GRANT USAGE ON SCHEMA "+schema+" TO "+role)
	exec(t, admin, "GRANT SELECT ON incidentbridge_schema TO "+role)
	exec(t, admin, "GRANT SELECT, INSERT, UPDATE, DELETE ON incidentbridge_records TO "+role)

	store := postgres.start(t, strings.Replace(dsn, "postgres@", role+"@", 1))
	version := put(t, store, "bridge/acme/P1", tokenstore.Record{})
	put(t, store, "bridge/acme/P1", tokenstore.Record{Version: version, ExpiresAt: time.Now().Add(-time.Hour)})
	if n, err := store.Prune(t.Context()); n != 1 || err != nil {
		t.Errorf("Prune = %d, %v, want 1", n, err)
	}
	if err := store.Delete(t.Context(), "bridge/acme/P1", ""); err != nil {
		t.Error(err)
	}
}

func TestMigrateRejectsUnsafeConnections(t *testing.T) {
	t.Parallel()
	setting := func(from, to string) func(dsn string) string {
		return func(dsn string) string { return strings.Replace(dsn, from, to, 1) }
	}
	tests := []struct {
		name string
		database
		change func(dsn string) string
		want   string
	}{
		{"no write-ahead log", sqlite, setting("WAL", "DELETE"), "PRAGMA journal_mode is delete, want wal"},
		{"no wait for the disk", sqlite, setting("FULL", "NORMAL"), "PRAGMA synchronous is 1, want 2 or 3"},
		{"deleted bytes are left", sqlite, setting("secure_delete%28ON%29", "secure_delete%28FAST%29"), "PRAGMA secure_delete is 2, want 1"},
		{"no patience", sqlite, setting("10000", "0"), "is 0, want 1"},
		{"a database in memory", sqlite, setting("mode%28WAL%29", "mode%28WAL%29&mode=memory"), "PRAGMA journal_mode is memory, want wal"},
		{"an answer before the disk", postgres, func(dsn string) string { return dsn + "&synchronous_commit=off" }, "SHOW synchronous_commit is off, want on or remote_apply"},
		{"a standby", postgres, func(dsn string) string { return dsn + "&default_transaction_read_only=on" }, "SHOW transaction_read_only is on, want off"},
	}
	for _, tt := range tests {
		t.Run(tt.database.name+": "+tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.store(t, tt.open(t, tt.change(tt.dsn(t)))).Migrate(t.Context())
			if !errors.Is(err, sqlstore.ErrSettings) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Migrate = %v, want ErrSettings and %q", err, tt.want)
			}
		})
	}
}

// A setting made by a statement holds for one connection of the pool.
func TestMigrateRejectsSettingsMadeByStatement(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "records.db"))
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, db)
	for _, pragma := range []string{"journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "busy_timeout = 10000"} {
		exec(t, db, "PRAGMA "+pragma)
	}
	if err := sqlite.store(t, db).Migrate(t.Context()); !errors.Is(err, sqlstore.ErrSettings) {
		t.Errorf("Migrate = %v, want ErrSettings", err)
	}
}
