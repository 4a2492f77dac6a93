package sqlstore_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

func TestPruneDeletesWhatHasExpiredAndNothingElse(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		dsn := d.dsn(t)
		store, db := d.start(t, dsn), d.open(t, dsn)
		fill(t, d, db, 1001) // two batches and one
		exec(t, db, "UPDATE incidentbridge_records SET expires_at = 1")
		put(t, store, "bridge/forever", tokenstore.Record{})
		put(t, store, "bridge/later", tokenstore.Record{ExpiresAt: time.Now().Add(time.Minute)})

		if n, err := store.Prune(t.Context()); n != 1001 || err != nil {
			t.Errorf("Prune = %d, %v, want 1001", n, err)
		}
		if n, err := store.Prune(t.Context()); n != 0 || err != nil {
			t.Errorf("Prune again = %d, %v, want 0", n, err)
		}
		var left int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM incidentbridge_records").Scan(&left); err != nil || left != 2 {
			t.Errorf("%d records are left (%v), want 2", left, err)
		}
	})
}

// Replaced, deleted and expired values are in no file any more, while the program keeps
// running.
func TestPruneLeavesNoOldBytesInSQLite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store := sqlite.start(t, sqlstore.SQLiteDSN(filepath.Join(folder, "records.db")))
	secret := func(key string) []byte { return bytes.Repeat([]byte("secret-of-"+key+"."), 1000) }
	keys := []string{"replaced", "deleted", "expired", "kept"}
	versions := make(map[string]string)
	for _, key := range keys {
		versions[key] = put(t, store, key, tokenstore.Record{Value: secret(key)})
	}
	put(t, store, "replaced", tokenstore.Record{Version: versions["replaced"]})
	if err := store.Delete(t.Context(), "deleted", versions["deleted"]); err != nil {
		t.Fatal(err)
	}
	put(t, store, "expired", tokenstore.Record{
		Version: versions["expired"], Value: secret("expired"), ExpiresAt: time.Now().Add(-time.Hour),
	})
	for _, key := range keys {
		if !onDisk(t, folder, "secret-of-"+key) {
			t.Errorf("before Prune the value of %s is nowhere: this test sees nothing", key)
		}
	}

	if n, err := store.Prune(t.Context()); n != 1 || err != nil {
		t.Fatalf("Prune = %d, %v, want 1", n, err)
	}
	for _, key := range keys {
		if got, want := onDisk(t, folder, "secret-of-"+key), key == "kept"; got != want {
			t.Errorf("after Prune the value of %s is on the disk: %t, want %t", key, got, want)
		}
	}
}

func onDisk(t *testing.T, folder, text string) bool {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			return true
		}
	}
	return false
}

// A long read, such as a backup, prevents the log from being truncated. Neither Prune nor
// a writer waits for its end.
func TestPruneDoesNotWaitForAReader(t *testing.T) {
	t.Parallel()
	dsn := sqlite.dsn(t)
	store := sqlite.start(t, dsn)
	put(t, store, "bridge/acme/P1", tokenstore.Record{})
	reader, err := sqlite.open(t, dsn).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback() //nolint:errcheck // it has read, and nothing else
	var n int
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM incidentbridge_records").Scan(&n); err != nil {
		t.Fatal(err)
	}
	put(t, store, "bridge/acme/P2", tokenstore.Record{})

	begun := time.Now()
	if _, err := store.Prune(t.Context()); err != nil {
		t.Errorf("Prune = %v, want nil", err)
	}
	put(t, store, "bridge/acme/P3", tokenstore.Record{})
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("Prune and a Put took %v while somebody read", took)
	}
}

// Prune found a record expired, and before it deleted it the record was created anew.
func TestPruneSparesWhatIsCreatedAnew(t *testing.T) {
	t.Parallel()
	dsn := postgres.dsn(t)
	store, db := postgres.start(t, dsn), postgres.open(t, dsn)
	for i := range 20 {
		key := fmt.Sprintf("bridge/acme/P%d", i)
		put(t, store, key, tokenstore.Record{ExpiresAt: time.Now().Add(-time.Hour)})
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "UPDATE incidentbridge_records SET expires_at = NULL WHERE key = $1", key); err != nil {
			t.Fatal(err)
		}
		pruned := make(chan error)
		go func() { _, err := store.Prune(t.Context()); pruned <- err }()
		if i%2 == 0 { // half of the time Prune meets the lock for sure
			if err := <-pruned; err != nil {
				t.Error(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if i%2 != 0 {
			if err := <-pruned; err != nil {
				t.Error(err)
			}
		}
		get(t, store, key)
	}
}
