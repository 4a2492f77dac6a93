package dynamostore

import (
	"testing"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Due finds stored records only while the shards of their keys stay the same.
func TestTheShardOfAKeyNeverChanges(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"bridge/acme/P1":  "bridge#0",
		"grant/acme/zoom": "grant#1",
		"a#1/b":           "a#1#2",
		"/a":              "#0",
	} {
		if got := dueShard(key); got != want {
			t.Errorf("dueShard(%q) = %q, want %q", key, got, want)
		}
	}
}

// A page is in order only as far as every shard was read.
func TestOldestWaitsForEveryShard(t *testing.T) {
	t.Parallel()
	at := func(dueAt int64) []tokenstore.Cursor { return []tokenstore.Cursor{{DueAt: dueAt, Key: "a"}} }
	tests := []struct {
		name  string
		pages [shards]shardPage
		want  int // -1: none
	}{
		{name: "nothing", want: -1},
		{name: "one shard", pages: [shards]shardPage{2: {entries: at(5)}}, want: 2},
		{name: "the oldest of three", pages: [shards]shardPage{{entries: at(5)}, {entries: at(3), more: true}, {entries: at(4)}}, want: 1},
		{name: "a shard is read to the end of its page", pages: [shards]shardPage{{entries: at(5)}, {more: true}}, want: -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := oldest(tt.pages)
			if !ok {
				got = -1
			}
			if got != tt.want {
				t.Errorf("oldest is shard %d, want %d", got, tt.want)
			}
		})
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	var want cursors
	for _, key := range []string{"bridge/acme/P1", "bridge/a b", "bridge"} {
		for shard := range want {
			if dueShard(key) == shardName("bridge", shard) {
				want[shard] = tokenstore.Cursor{DueAt: 1_700_000_000_123, Key: key}
			}
		}
	}
	if got, err := parseCursors("bridge", want.String()); err != nil || got != want {
		t.Errorf("parseCursors(%q) = %v, %v, want it back", want, got, err)
	}
	for _, strange := range []string{"x", "\n\n\n\n", "\n\n\nx", "0 bridge/acme/P1\n\n\n", "\n1 bridge/acme/P1\n\n", "\n\n\n1 other/P1"} {
		if c, err := parseCursors("bridge", strange); err == nil {
			t.Errorf("parseCursors(%q) = %v, want an error", strange, c)
		}
	}
}
