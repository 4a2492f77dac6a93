package dynamostore

import "testing"

// What is stored is found by Due only while these stay.
func TestShardsStayWhereTheyAre(t *testing.T) {
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
	at := func(due int64) []place { return []place{{due: due, key: "a"}} }
	tests := []struct {
		name   string
		queues [shards]queue
		want   int // -1: none
	}{
		{name: "nothing", want: -1},
		{name: "one shard", queues: [shards]queue{2: {places: at(5)}}, want: 2},
		{name: "the oldest of three", queues: [shards]queue{{places: at(5)}, {places: at(3), more: true}, {places: at(4)}}, want: 1},
		{name: "a shard is read to the end of its page", queues: [shards]queue{{places: at(5)}, {more: true}}, want: -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := oldest(tt.queues)
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
	var want cursor
	for _, key := range []string{"bridge/acme/P1", "bridge/a b", "bridge"} {
		for shard := range want {
			if dueShard(key) == shardName("bridge", shard) {
				want[shard] = place{due: 1_700_000_000_123, key: key}
			}
		}
	}
	if got, err := parseCursor("bridge", want.String()); err != nil || got != want {
		t.Errorf("parseCursor(%q) = %v, %v, want it back", want, got, err)
	}
	for _, strange := range []string{"x", "\n\n\n\n", "\n\n\nx", "0 bridge/acme/P1\n\n\n", "\n1 bridge/acme/P1\n\n", "\n\n\n1 other/P1"} {
		if c, err := parseCursor("bridge", strange); err == nil {
			t.Errorf("parseCursor(%q) = %v, want an error", strange, c)
		}
	}
}
