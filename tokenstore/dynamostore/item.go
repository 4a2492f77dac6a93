package dynamostore

import (
	"errors"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// The attributes of an item. A record without a value or a time has no such attribute,
// which keeps the index sparse.
const (
	recordAttribute  = "record" // the key
	valueAttribute   = "value"
	versionAttribute = "version"
	dueAttribute     = "due"       // Unix milliseconds
	shardAttribute   = "due_shard" // with due
	expiresAttribute = "expires"   // Unix milliseconds
	ttlAttribute     = "ttl"       // seconds, with expires; for DynamoDB alone

	dueIndex = "due"
)

// shards is the number of parts of each partition of the index: changing it, or the hash,
// hides due records.
const shards = 4

// dueShard returns the part of the index that lists the key: its first segment and its
// shard.
func dueShard(key string) string {
	segment, _, _ := strings.Cut(key, "/")
	return shardName(segment, int(crc32.ChecksumIEEE([]byte(key))%shards))
}

func shardName(segment string, shard int) string { return segment + "#" + strconv.Itoa(shard) }

func writeItem(key string, r tokenstore.Record) map[string]types.AttributeValue {
	item := map[string]types.AttributeValue{
		recordAttribute:  text(key),
		versionAttribute: text(r.Version),
	}
	if len(r.Value) > 0 {
		item[valueAttribute] = &types.AttributeValueMemberB{Value: r.Value}
	}
	if !r.DueAt.IsZero() {
		item[dueAttribute] = millis(r.DueAt)
		item[shardAttribute] = text(dueShard(key))
	}
	if !r.ExpiresAt.IsZero() {
		item[expiresAttribute] = millis(r.ExpiresAt)
		item[ttlAttribute] = number(r.ExpiresAt.Add(time.Second - time.Millisecond).Unix()) // never early
	}
	return item
}

func readItem(item map[string]types.AttributeValue) (tokenstore.Record, error) {
	var r tokenstore.Record
	var errs []error
	version, ok := item[versionAttribute].(*types.AttributeValueMemberS)
	if !ok {
		return r, errors.New("the record is damaged: it has no version")
	}
	r.Version = version.Value
	if value, ok := item[valueAttribute]; ok {
		bytes, ok := value.(*types.AttributeValueMemberB)
		if !ok {
			return r, errors.New("the record is damaged: its value is not binary")
		}
		r.Value = bytes.Value
	}
	for name, at := range map[string]*time.Time{dueAttribute: &r.DueAt, expiresAttribute: &r.ExpiresAt} {
		if value, ok := item[name]; ok {
			n, err := readNumber(value)
			errs = append(errs, err)
			*at = time.UnixMilli(n).UTC()
		}
	}
	return r, errors.Join(errs...)
}

func readNumber(value types.AttributeValue) (int64, error) {
	if n, ok := value.(*types.AttributeValueMemberN); ok {
		if parsed, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			return parsed, nil
		}
	}
	return 0, errors.New("the record is damaged: a time is not a whole number")
}
