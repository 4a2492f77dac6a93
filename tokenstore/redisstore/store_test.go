package redisstore_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/tokenstore/redisstore"
)

// The suite against a real Redis is in internal/conformance.

func TestNewRejectsClientsThatBreakTheContract(t *testing.T) {
	t.Parallel()
	const addr = "127.0.0.1:1" // nothing is sent
	tests := []struct {
		name   string
		client redis.UniversalClient
		want   string // part of the error
	}{
		{
			name:   "a server",
			client: redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true}),
		},
		{
			name:   "a cluster",
			client: redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true}),
		},
		{
			name:   "a server behind Sentinel",
			client: redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: []string{addr}, ContextTimeoutEnabled: true}),
		},
		{
			name: "none",
			want: "no client",
		},
		{
			name:   "a server whose calls outlast their context",
			client: redis.NewClient(&redis.Options{Addr: addr}),
			want:   "ContextTimeoutEnabled",
		},
		{
			name:   "a cluster whose calls outlast their context",
			client: redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}}),
			want:   "ContextTimeoutEnabled",
		},
		{
			name:   "a ring, which hides records",
			client: redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": addr}, ContextTimeoutEnabled: true}),
			want:   "redis.Ring",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.client != nil {
				t.Cleanup(func() { _ = tt.client.Close() })
			}
			_, err := redisstore.New(tt.client)
			if tt.want == "" && err != nil {
				t.Errorf("New = %v, want nil", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("New = %v, want an error that names %s", err, tt.want)
			}
		})
	}
}

func TestNewRejectsBadPrefixes(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	for _, prefix := range []string{"", "{a}", "a{", "a}", "a\n", "é", strings.Repeat("a", 65)} {
		if _, err := redisstore.New(client, redisstore.WithPrefix(prefix)); err == nil {
			t.Errorf("New takes the prefix %q", prefix)
		}
	}
}
