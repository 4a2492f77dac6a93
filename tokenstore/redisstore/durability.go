package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// ErrNotDurable means that Redis has settings with which it may lose acknowledged writes.
var ErrNotDurable = errors.New("redisstore: Redis may lose acknowledged writes")

// CheckDurability asks each primary for the settings without which it loses acknowledged
// writes, and returns nil or an error that matches [ErrNotDurable] and names the first
// wrong setting. After any other error the settings are unknown: a managed Redis often
// forbids CONFIG, and documents its guarantees elsewhere.
//
// nil does not mean that a fail-over loses nothing: see the package comment.
// CheckDurability writes nothing.
func CheckDurability(ctx context.Context, client redis.UniversalClient) error {
	if cluster, ok := client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, primary *redis.Client) error {
			return checkServer(ctx, primary)
		})
	}
	return checkServer(ctx, client)
}

func checkServer(ctx context.Context, server redis.Cmdable) error {
	wanted := []struct{ setting, value string }{
		{"maxmemory-policy", "noeviction"},
		{"appendonly", "yes"},
		{"appendfsync", "always"},
	}
	for _, want := range wanted {
		settings, err := server.ConfigGet(ctx, want.setting).Result()
		if err != nil {
			return failed(ctx, "check "+want.setting, err)
		}
		if got := settings[want.setting]; got != want.value {
			return fmt.Errorf("%w: %s is %q, want %q", ErrNotDurable, want.setting, got, want.value)
		}
	}
	return nil
}
