package redisstore

import (
	"errors"
	"hash/crc32"
	"strconv"
	"strings"
)

// shards is the number of hash tags. A record is in the shard of its key: changing the
// number, or the hash, hides what is stored.
const shards = 16

// layout makes the names in Redis. The names of a record and of the due set that lists it
// share a hash tag, and so a slot. The tag is the first part in braces; braces in a key
// come later and have no effect.
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
