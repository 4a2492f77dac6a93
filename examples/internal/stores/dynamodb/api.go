package dynamodb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
)

// api is the part of a client that a store calls. Once the client itself is behind an interface, the linker keeps all of
// its methods, because a template might call them by name: 1.6 MB that nobody uses.
type api struct {
	get    call[dynamodb.GetItemInput, dynamodb.GetItemOutput]
	put    call[dynamodb.PutItemInput, dynamodb.PutItemOutput]
	remove call[dynamodb.DeleteItemInput, dynamodb.DeleteItemOutput]
	query  call[dynamodb.QueryInput, dynamodb.QueryOutput]
}

type call[In, Out any] = func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error)

func only(c *dynamodb.Client) dynamostore.API {
	return api{c.GetItem, c.PutItem, c.DeleteItem, c.Query}
}

// GetItem implements dynamostore.API.
func (a api) GetItem(
	ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options),
) (*dynamodb.GetItemOutput, error) {
	return a.get(ctx, in, opts...)
}

// PutItem implements dynamostore.API.
func (a api) PutItem(
	ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options),
) (*dynamodb.PutItemOutput, error) {
	return a.put(ctx, in, opts...)
}

// DeleteItem implements dynamostore.API.
func (a api) DeleteItem(
	ctx context.Context, in *dynamodb.DeleteItemInput, opts ...func(*dynamodb.Options),
) (*dynamodb.DeleteItemOutput, error) {
	return a.remove(ctx, in, opts...)
}

// Query implements dynamostore.API.
func (a api) Query(
	ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options),
) (*dynamodb.QueryOutput, error) {
	return a.query(ctx, in, opts...)
}
