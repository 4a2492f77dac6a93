// Package postgres opens the store behind a STORE_URL such as postgres://bridge@db.example.com/bridge.
package postgres

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/examples/internal/stores"
	"github.com/incidentbridge/incidentbridge/tokenstore/sqlstore"
)

// connections is how many one process holds: an opening waits for vendors most of its time, so few serve many.
const connections = 16

// Open connects to the server.
func Open(ctx context.Context, url string, _ *slog.Logger) (settings.Backend, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return settings.Backend{}, settings.InvalidSetting("STORE_URL", "is no address of a PostgreSQL server") // err may hold it
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return stores.SQL(ctx, db, sqlstore.PostgreSQL)
}
