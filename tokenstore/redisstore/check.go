package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// ErrNotDurable says that Redis is set up in a way that loses acknowledged writes.
var ErrNotDurable = errors.New("redis may lose acknowledged writes")

// Check asks each primary for the settings without which it loses acknowledged writes, and returns nil or an error that
// matches [ErrNotDurable] and names the first that is otherwise. With any other error they are not known: a managed Redis
// often forbids CONFIG, and has another place where it says what it promises.
//
// nil does not mean that a fail-over loses nothing: see the package comment. Check writes nothing.
func (s *Store) Check(ctx context.Context) error {
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, primary *redis.Client) error {
			return checkServer(ctx, primary)
		})
	}
	return checkServer(ctx, s.client)
}

func checkServer(ctx context.Context, server redis.Cmdable) error {
	wanted := []struct{ setting, value string }{
		{"maxmemory-policy", "noeviction"},
		{"appendonly", "yes"},
		{"appendfsync", "always"},
	}
	for _, want := range wanted {
		answer, err := server.ConfigGet(ctx, want.setting).Result()
		if err != nil {
			return failed(ctx, "check "+want.setting, err)
		}
		if got := answer[want.setting]; got != want.value {
			return fmt.Errorf("redisstore: %w: %s is %q, want %q", ErrNotDurable, want.setting, got, want.value)
		}
	}
	return nil
}
