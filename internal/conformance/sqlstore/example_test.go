package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// The beginning of a program that keeps its records in a file.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "example") // nobody else may read it
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()

	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(folder, "incidentbridge.db")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	store, err := sqlstore.New(db, sqlstore.SQLite)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := store.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}

	version, err := store.Put(ctx, "bridge/acme/P1", tokenstore.Record{Value: []byte("creating")})
	fmt.Println("created:", err)
	_, err = store.Put(ctx, "bridge/acme/P1", tokenstore.Record{Value: []byte("created"), Version: version})
	fmt.Println("changed:", err)
	_, err = store.Put(ctx, "bridge/acme/P1", tokenstore.Record{Value: []byte("failed"), Version: version})
	fmt.Println("changed from the old version:", errors.Is(err, tokenstore.ErrConflict))
	r, err := store.Get(ctx, "bridge/acme/P1")
	fmt.Println("read:", string(r.Value), err)
	// Output:
	// created: <nil>
	// changed: <nil>
	// changed from the old version: true
	// read: created <nil>
}
