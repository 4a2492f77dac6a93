// Package postgres opens the store behind a STORE_URL such as
// postgres://bridge@db.example.com/bridge.
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

// maxConnections is the limit of one process. Few serve many openings, which mostly wait
// for vendors.
const maxConnections = 16

// Open connects to the server.
func Open(ctx context.Context, url string, _ *slog.Logger) (settings.Backend, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return settings.Backend{}, settings.InvalidSetting("STORE_URL", "is not a PostgreSQL URL") // err may hold the password
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return stores.SQL(ctx, db, sqlstore.PostgreSQL)
}
