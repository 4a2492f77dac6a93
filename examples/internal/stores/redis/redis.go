// Package redis opens the store behind a STORE_URL such as
// redis://cache.example.com:6379/0.
package redis

import (
	"context"
	"errors"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/tokenstore/redisstore"
)

// Open connects to the server, and warns where it may lose acknowledged writes.
func Open(ctx context.Context, url string, logger *slog.Logger) (settings.Backend, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return settings.Backend{}, settings.InvalidSetting("STORE_URL", "is not a Redis URL") // err may hold the password
	}
	opts.ContextTimeoutEnabled = true
	client := redis.NewClient(opts)
	store, err := redisstore.New(client)
	if err == nil {
		err = client.Ping(ctx).Err()
	}
	if err != nil {
		return settings.Backend{}, errors.Join(err, client.Close())
	}
	switch err := redisstore.CheckDurability(ctx, client); {
	case errors.Is(err, redisstore.ErrNotDurable):
		logger.WarnContext(ctx, "Redis may lose acknowledged writes: two meetings, or a lost consent", "error", err)
	case err != nil:
		logger.InfoContext(ctx, "cannot verify Redis durability", "error", err)
	}
	return settings.Backend{Store: store, Close: client.Close}, nil
}
