package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// maxPage bounds the work of one Due: places read of each shard, and keys in a page.
const maxPage = 256

// Due implements [tokenstore.Store]. It asks the index, which follows the table after a moment. A page has at most 256 keys.
func (s *Store) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if err := tokenstore.CheckDue(prefix, limit); err != nil {
		return nil, "", err
	}
	segment, _, _ := strings.Cut(prefix, "/")
	read, err := parseCursor(segment, after)
	if err != nil {
		return nil, "", err
	}

	limit = min(limit, maxPage)
	var queues [shards]queue
	for shard := range queues {
		queues[shard], err = s.dueBehind(ctx, shardName(segment, shard), before, read[shard], limit)
		if err != nil {
			return nil, "", failed(ctx, "due", err)
		}
	}
	for {
		shard, ok := oldest(queues)
		if !ok {
			break
		}
		p := queues[shard].places[0]
		if p.key == prefix || strings.HasPrefix(p.key, prefix+"/") {
			if len(keys) == limit {
				break
			}
			keys = append(keys, p.key)
		}
		queues[shard].places = queues[shard].places[1:]
		read[shard] = p
	}
	for _, q := range queues {
		if q.more || len(q.places) > 0 {
			return keys, read.String(), nil
		}
	}
	return keys, "", nil
}

// queue is what was read of one shard and not handed out yet, oldest first, and whether the index has more.
type queue struct {
	places []place
	more   bool
}

// oldest finds the shard whose first place comes before those of the others. There is none when nothing is left, or when
// that of a shard is not known because more must be read.
func oldest(queues [shards]queue) (shard int, ok bool) {
	for i, q := range queues {
		if len(q.places) == 0 {
			if q.more {
				return 0, false
			}
			continue
		}
		if !ok || q.places[0].due < queues[shard].places[0].due {
			shard, ok = i, true
		}
	}
	return shard, ok
}

// dueBehind reads up to n places of a shard from behind the given one.
func (s *Store) dueBehind(ctx context.Context, shard string, before time.Time, last place, n int) (queue, error) {
	input := &dynamodb.QueryInput{
		TableName:                &s.table,
		IndexName:                aws.String(dueIndex),
		KeyConditionExpression:   aws.String("#shard = :shard AND #due <= :before"),
		ExpressionAttributeNames: map[string]string{"#shard": shardAttribute, "#due": dueAttribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":shard":  text(shard),
			":before": millis(before),
		},
		Limit: aws.Int32(int32(n)), //nolint:gosec // at most maxPage
	}
	if last != (place{}) {
		input.ExclusiveStartKey = map[string]types.AttributeValue{
			recordAttribute: text(last.key),
			shardAttribute:  text(shard),
			dueAttribute:    number(last.due),
		}
	}
	answer, err := s.client.Query(ctx, input)
	if err != nil {
		return queue{}, err
	}
	q := queue{more: len(answer.Items) > 0 && len(answer.LastEvaluatedKey) > 0}
	for _, item := range answer.Items {
		key, ok := item[recordAttribute].(*types.AttributeValueMemberS)
		if !ok {
			return queue{}, errors.New("the index names an item without a key")
		}
		due, err := readNumber(item[dueAttribute])
		if err != nil {
			return queue{}, err
		}
		q.places = append(q.places, place{due: due, key: key.Value})
	}
	return q, nil
}

// place is where a key stands in a shard of the index. The zero place is before all others.
type place struct {
	due int64 // Unix milliseconds
	key string
}

// cursor is the last place handed out of each shard. As text, which Due hands out, each has a line. Only the index knows
// the order of places with the same time, so one place for all shards would not do.
type cursor [shards]place

func (c cursor) String() string {
	var lines [shards]string
	for shard, p := range c {
		if p != (place{}) {
			lines[shard] = strconv.FormatInt(p.due, 10) + " " + p.key
		}
	}
	return strings.Join(lines[:], "\n")
}

// parseCursor refuses what DynamoDB would refuse: a place that is not in the shard.
func parseCursor(segment, after string) (cursor, error) {
	var c cursor
	if after == "" {
		return c, nil
	}
	strange := fmt.Errorf("%w: after is not a cursor of this store and prefix", tokenstore.ErrInvalid)
	lines := strings.Split(after, "\n")
	if len(lines) != shards {
		return c, strange
	}
	for shard, line := range lines {
		if line == "" {
			continue
		}
		at, key, _ := strings.Cut(line, " ")
		due, err := strconv.ParseInt(at, 10, 64)
		if err != nil || due < 1 || tokenstore.CheckKey(key) != nil || dueShard(key) != shardName(segment, shard) {
			return c, strange
		}
		c[shard] = place{due: due, key: key}
	}
	return c, nil
}
