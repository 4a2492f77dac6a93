// Package stores has what the SQL stores of the examples share. Each driver is in its own
// package, so that a program links only those it needs.
package stores

import (
	"context"
	"database/sql"
	"errors"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// SQL creates missing tables and returns the store in db. Closing the store closes db.
func SQL(ctx context.Context, db *sql.DB, dialect sqlstore.Dialect) (settings.Backend, error) {
	store, err := sqlstore.New(db, dialect)
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return settings.Backend{}, errors.Join(err, db.Close())
	}
	prune := func(ctx context.Context) error {
		_, err := store.Prune(ctx)
		return err
	}
	return settings.Backend{Store: store, Prune: prune, Close: db.Close}, nil
}
