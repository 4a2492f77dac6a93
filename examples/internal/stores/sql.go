// Package stores is what the stores of the examples share. Each driver is in a package of its own, so that a program
// links only those it needs.
package stores

import (
	"context"
	"database/sql"
	"errors"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// SQL makes the tables where they are missing and returns the store in db, which is closed with it.
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
