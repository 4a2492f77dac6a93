package redisstore_test

import (
	"context"
	"errors"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/tokenstore/redisstore"
)

// Where the settings of Redis are ours, a start that would lose writes is no start.
func Example() {
	ctx := context.Background()
	client := redis.NewClient(&redis.Options{
		Addr:                  "redis.internal:6379",
		ContextTimeoutEnabled: true, // required
	})
	defer func() { _ = client.Close() }()

	store, err := redisstore.New(client)
	if err != nil {
		slog.Error("no store", "error", err)
		return
	}
	switch err := store.Check(ctx); {
	case errors.Is(err, redisstore.ErrNotDurable):
		slog.Error("change the settings of Redis", "error", err)
		return
	case err != nil:
		slog.Warn("the settings of Redis are not known", "error", err)
	}
	// tokenstore.Sealed(store, keys), bridge.New(…)
}
