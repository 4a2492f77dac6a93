package redisstore

import (
	"errors"
	"hash/crc32"
	"strconv"
	"strings"
)

// shards is how many hash tags there are. A record lies in the shard of its key: changing the number, or the hash, loses
// sight of what is stored.
const shards = 16

// layout names what lies in Redis. The names of one record and of the due set that lists it share a hash tag, and so a slot.
// The tag is the first thing in braces: whatever braces a key has come later and count for nothing.
type layout struct{ prefix string }

func (l layout) record(key string) string {
	return l.prefix + hashTag(shardOf(key)) + ":record:" + key
}

func (l layout) due(shard int, segment string) string {
	return l.prefix + hashTag(shard) + ":due:" + segment
}

func hashTag(shard int) string { return "{" + strconv.Itoa(shard) + "}" }

func shardOf(key string) int { return int(crc32.ChecksumIEEE([]byte(key)) % shards) }

// firstSegment is the partition of the due index that lists the key.
func firstSegment(key string) string {
	segment, _, _ := strings.Cut(key, "/")
	return segment
}

func checkPrefix(prefix string) error {
	fits := len(prefix) >= 1 && len(prefix) <= 64
	for _, b := range []byte(prefix) {
		if b < ' ' || b > '~' || b == '{' || b == '}' {
			fits = false
		}
	}
	if !fits {
		return errors.New("redisstore: a prefix is 1 to 64 printable ASCII bytes without braces")
	}
	return nil
}
