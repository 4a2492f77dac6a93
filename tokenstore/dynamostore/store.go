package dynamostore

import (
	"context"
	"crypto/rand"
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

// maxPage limits the work of one Due: entries read from each shard, and keys in a page.
const maxPage = 256

// API has the methods of DynamoDB that the store calls. A *dynamodb.Client has them.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// New returns a Store in the table, which [TableDefinition] describes. It sends nothing.
// Credentials, region, time limits and retries are those of the client. There is nothing
// to close. Any number of goroutines and processes may use the same table.
//
// An error of the store that matches none of the sentinels of tokenstore is that of the
// SDK, or of a context, and leaves a write in doubt. Its text holds no value. When the
// answer to a Delete was lost and the SDK has sent it again, ErrConflict may mean that
// this very call has removed the record. Due reads the index, which is eventually
// consistent. A page has at most 256 keys.
func New(client API, table string) (tokenstore.Store, error) {
	if client == nil {
		return nil, errors.New("dynamostore: no client")
	}
	if table == "" {
		return nil, errors.New("dynamostore: no table name")
	}
	return tokenstore.Checked(&store{client: client, table: table}), nil
}

// The conditions of writes. An expired record counts as absent, though it may stay in the
// table for days.
const (
	ifAbsent    = "attribute_not_exists(#record) OR #version = :new OR #expires <= :now"
	ifVersion   = "#version = :new OR (#version = :old AND " + ifUnexpired + ")"
	ifCurrent   = "#version = :old AND " + ifUnexpired
	ifUnexpired = "(attribute_not_exists(#expires) OR #expires > :now)"
)

// store is behind the checks of its arguments.
type store struct {
	client API
	table  string
}

func (s *store) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	output, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &s.table,
		Key:            map[string]types.AttributeValue{recordAttribute: text(key)},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return tokenstore.Record{}, failed(ctx, "get", err)
	}
	if len(output.Item) == 0 {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	r, err := readItem(output.Item)
	if err != nil {
		return tokenstore.Record{}, failed(ctx, "get", err)
	}
	if !r.ExpiresAt.IsZero() && !time.Now().Before(r.ExpiresAt) {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	return r, nil
}

func (s *store) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	old := r.Version
	r.Version = rand.Text()

	input := &dynamodb.PutItemInput{
		TableName:                &s.table,
		Item:                     writeItem(key, r),
		ConditionExpression:      aws.String(ifAbsent),
		ExpressionAttributeNames: map[string]string{"#version": versionAttribute, "#expires": expiresAttribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":new": text(r.Version),
			":now": millis(time.Now()),
		},
	}
	if old == "" {
		input.ExpressionAttributeNames["#record"] = recordAttribute
	} else {
		input.ConditionExpression = aws.String(ifVersion)
		input.ExpressionAttributeValues[":old"] = text(old)
	}
	if _, err := s.client.PutItem(ctx, input); err != nil {
		return "", writeError(ctx, "put", err)
	}
	return r.Version, nil
}

func (s *store) Delete(ctx context.Context, key, version string) error {
	input := &dynamodb.DeleteItemInput{
		TableName: &s.table,
		Key:       map[string]types.AttributeValue{recordAttribute: text(key)},
	}
	if version != "" {
		input.ConditionExpression = aws.String(ifCurrent)
		input.ExpressionAttributeNames = map[string]string{"#version": versionAttribute, "#expires": expiresAttribute}
		input.ExpressionAttributeValues = map[string]types.AttributeValue{
			":old": text(version),
			":now": millis(time.Now()),
		}
	}
	if _, err := s.client.DeleteItem(ctx, input); err != nil {
		return writeError(ctx, "delete", err)
	}
	return nil
}

func (s *store) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	segment, _, _ := strings.Cut(prefix, "/")
	returned, err := parseCursors(segment, after)
	if err != nil {
		return nil, "", err
	}

	limit = min(limit, maxPage)
	var pages [shards]shardPage
	for shard := range pages {
		pages[shard], err = s.dueAfter(ctx, shardName(segment, shard), before, returned[shard], limit)
		if err != nil {
			return nil, "", failed(ctx, "due", err)
		}
	}
	for {
		shard, ok := oldest(pages)
		if !ok {
			break
		}
		first := pages[shard].entries[0]
		if first.Key == prefix || strings.HasPrefix(first.Key, prefix+"/") {
			if len(keys) == limit {
				break
			}
			keys = append(keys, first.Key)
		}
		pages[shard].entries = pages[shard].entries[1:]
		returned[shard] = first
	}
	for _, page := range pages {
		if page.more || len(page.entries) > 0 {
			return keys, returned.String(), nil
		}
	}
	return keys, "", nil
}

// dueAfter reads up to n entries of a shard from behind the given one.
func (s *store) dueAfter(
	ctx context.Context, shard string, before time.Time, last tokenstore.Cursor, n int,
) (shardPage, error) {
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
	if last != (tokenstore.Cursor{}) {
		input.ExclusiveStartKey = map[string]types.AttributeValue{
			recordAttribute: text(last.Key),
			shardAttribute:  text(shard),
			dueAttribute:    number(last.DueAt),
		}
	}
	output, err := s.client.Query(ctx, input)
	if err != nil {
		return shardPage{}, err
	}
	page := shardPage{more: len(output.Items) > 0 && len(output.LastEvaluatedKey) > 0}
	for _, item := range output.Items {
		key, ok := item[recordAttribute].(*types.AttributeValueMemberS)
		if !ok {
			return shardPage{}, errors.New("the index has an item without a key")
		}
		dueAt, err := readNumber(item[dueAttribute])
		if err != nil {
			return shardPage{}, err
		}
		page.entries = append(page.entries, tokenstore.Cursor{DueAt: dueAt, Key: key.Value})
	}
	return page, nil
}

// shardPage holds the entries that were read from one shard and not returned yet, oldest
// first, and whether the index has more.
type shardPage struct {
	entries []tokenstore.Cursor
	more    bool
}

// oldest finds the shard whose first entry comes before those of the others. There is
// none when nothing is left, or when the first entry of a shard is unknown because more
// must be read.
func oldest(pages [shards]shardPage) (shard int, ok bool) {
	for i, page := range pages {
		if len(page.entries) == 0 {
			if page.more {
				return 0, false
			}
			continue
		}
		if !ok || page.entries[0].DueAt < pages[shard].entries[0].DueAt {
			shard, ok = i, true
		}
	}
	return shard, ok
}

// cursors are the last entries returned of each shard. As text, which Due returns, each
// has a line. Only the index knows the order of entries with the same time, so one cursor
// for all shards would not do.
type cursors [shards]tokenstore.Cursor

func (c cursors) String() string {
	var lines [shards]string
	for shard, cursor := range c {
		lines[shard] = cursor.String()
	}
	return strings.Join(lines[:], "\n")
}

// parseCursors rejects what DynamoDB would reject: an entry that is not in the shard.
func parseCursors(segment, after string) (cursors, error) {
	var c cursors
	if after == "" {
		return c, nil
	}
	invalid := fmt.Errorf("%w: after is not a cursor of this store and prefix", tokenstore.ErrInvalid)
	lines := strings.Split(after, "\n")
	if len(lines) != shards {
		return c, invalid
	}
	for shard, line := range lines {
		cursor, err := tokenstore.ParseCursor(line)
		if err != nil || line != "" && dueShard(cursor.Key) != shardName(segment, shard) {
			return c, invalid
		}
		c[shard] = cursor
	}
	return c, nil
}

// writeError distinguishes a condition that did not hold from every other failure of a
// write.
func writeError(ctx context.Context, call string, err error) error {
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return tokenstore.ErrConflict
	}
	return failed(ctx, call, err)
}

// failed names the call. The end of the context stays visible, whatever the SDK makes of
// it.
func failed(ctx context.Context, call string, err error) error {
	if over := ctx.Err(); over != nil && !errors.Is(err, over) {
		return fmt.Errorf("dynamostore: %s: %w: %w", call, over, err)
	}
	return fmt.Errorf("dynamostore: %s: %w", call, err)
}

func text(s string) *types.AttributeValueMemberS { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) *types.AttributeValueMemberN {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func millis(at time.Time) *types.AttributeValueMemberN { return number(at.UnixMilli()) }
