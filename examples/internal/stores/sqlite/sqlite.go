// Package sqlite opens the store behind a STORE_URL such as sqlite:incidentbridge.db.
package sqlite

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/examples/internal/stores"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// Open opens the file and creates it if it does not exist.
func Open(ctx context.Context, url string, _ *slog.Logger) (settings.Backend, error) {
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(strings.TrimPrefix(url, "sqlite:")))
	if err != nil {
		return settings.Backend{}, err
	}
	db.SetMaxOpenConns(1) // SQLite has one writer at a time; here the goroutines queue in order
	return stores.SQL(ctx, db, sqlstore.SQLite)
}
