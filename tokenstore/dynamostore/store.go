package dynamostore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// API is what a [Store] asks of DynamoDB. A *dynamodb.Client has it.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Store is a [tokenstore.Store] in a DynamoDB table. It may be used by any number of goroutines and processes at once, and
// has nothing to close.
//
// An error that matches none of the sentinels of tokenstore is that of the SDK, or of a context, and leaves a write in
// doubt. No value is ever in its text.
type Store struct {
	client API
	table  string
}

// New returns a Store in the table, which [TableDefinition] describes. It sends nothing. Credentials, region, time limits
// and retries are those of the client.
func New(client API, table string) (*Store, error) {
	if client == nil {
		return nil, errors.New("dynamostore: no client")
	}
	if table == "" {
		return nil, errors.New("dynamostore: no table name")
	}
	return &Store{client: client, table: table}, nil
}

// The conditions of writes. What has expired counts as absent, though it may lie in the table for days.
const (
	ifAbsent  = "attribute_not_exists(#record) OR #version = :new OR #expires <= :now"
	ifVersion = "#version = :new OR (#version = :old AND " + ifLiving + ")"
	ifCurrent = "#version = :old AND " + ifLiving
	ifLiving  = "(attribute_not_exists(#expires) OR #expires > :now)"
)

// Get implements [tokenstore.Store].
func (s *Store) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := ctx.Err(); err != nil {
		return tokenstore.Record{}, err
	}
	if err := tokenstore.CheckKey(key); err != nil {
		return tokenstore.Record{}, err
	}
	answer, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &s.table,
		Key:            map[string]types.AttributeValue{recordAttribute: text(key)},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return tokenstore.Record{}, failed(ctx, "get", err)
	}
	if len(answer.Item) == 0 {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	r, err := readItem(answer.Item)
	if err != nil {
		return tokenstore.Record{}, failed(ctx, "get", err)
	}
	if !r.ExpiresAt.IsZero() && !time.Now().Before(r.ExpiresAt) {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	return r, nil
}

// Put implements [tokenstore.Store].
func (s *Store) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := tokenstore.CheckKey(key); err != nil {
		return "", err
	}
	r, err := r.Normalize()
	if err != nil {
		return "", err
	}
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
		return "", refused(ctx, "put", err)
	}
	return r.Version, nil
}

// Delete implements [tokenstore.Store]. When the answer was lost and the SDK has asked again, ErrConflict may mean that the
// record is gone by this very call.
func (s *Store) Delete(ctx context.Context, key, version string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := tokenstore.CheckKey(key); err != nil {
		return err
	}
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
		return refused(ctx, "delete", err)
	}
	return nil
}

// refused tells a condition that did not hold from every other failure of a write.
func refused(ctx context.Context, call string, err error) error {
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return tokenstore.ErrConflict
	}
	return failed(ctx, call, err)
}

// failed names the call. The end of the context stays visible, whatever the SDK makes of it.
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
