// Package postgres opens the store behind a STORE_URL such as postgres://bridge@db.example.com/bridge.
package postgres

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/examples/internal/stores"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// connections is how many one process holds: an opening waits for vendors most of its time, so few serve many.
const connections = 16

// Open connects to the server.
func Open(ctx context.Context, url string, _ *slog.Logger) (settings.Backend, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return settings.Backend{}, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return stores.SQL(ctx, db, sqlstore.PostgreSQL)
}
