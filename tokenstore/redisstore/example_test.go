package redisstore_test

import (
	"context"
	"errors"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/tokenstore/redisstore"
)

// A program that controls the settings of Redis does not start when they would lose
// writes.
func Example() {
	ctx := context.Background()
	client := redis.NewClient(&redis.Options{
		Addr:                  "redis.internal:6379",
		ContextTimeoutEnabled: true, // required
	})
	defer func() { _ = client.Close() }()

	switch err := redisstore.CheckDurability(ctx, client); {
	case errors.Is(err, redisstore.ErrNotDurable):
		slog.Error("change the settings of Redis", "error", err)
		return
	case err != nil:
		slog.Warn("cannot verify Redis durability", "error", err)
	}
	store, err := redisstore.New(client)
	if err != nil {
		slog.Error("no store", "error", err)
		return
	}
	_ = store // for tokenstore.Sealed and bridge.New
}
