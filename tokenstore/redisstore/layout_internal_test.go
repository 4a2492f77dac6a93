package redisstore

import (
	"strings"
	"testing"
)

// A cluster hashes what is between the first brace and the next closing one:
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
func TestARecordAndItsDueSetShareAHashTag(t *testing.T) {
	t.Parallel()
	tag := func(name string) string {
		_, rest, _ := strings.Cut(name, "{")
		tag, _, _ := strings.Cut(rest, "}")
		return tag
	}
	names := layout{prefix: "p:"}
	seen := make(map[string]bool)
	for _, key := range []string{
		"bridge/acme/P1", "bridge/acme/P2", "{}", "}{", "{1}/{2}", "{", "}", "a{b}c/d", "{{{/}}}", " ", "/", "//", "%7B1%7D", `"'\`,
	} {
		record, due := names.record(key), names.due(shardOf(key), firstSegment(key))
		if tag(record) != tag(due) || tag(record) == "" {
			t.Errorf("the record of %q has tag %q, its due set %q", key, tag(record), tag(due))
		}
		if record == due {
			t.Errorf("the record of %q and its due set have one name", key)
		}
		seen[tag(record)] = true
	}
	if len(seen) < 2 {
		t.Errorf("all keys are in one shard: %v", seen)
	}
}

// Stored records are found again only while the shards of their keys stay the same.
func TestTheShardOfAKeyNeverChanges(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"bridge/acme/P1":  "p:{12}:record:bridge/acme/P1",
		"grant/acme/zoom": "p:{9}:record:grant/acme/zoom",
	}
	for key, want := range want {
		if got := (layout{prefix: "p:"}).record(key); got != want {
			t.Errorf("the record of %q is named %q, want %q", key, got, want)
		}
	}
}
