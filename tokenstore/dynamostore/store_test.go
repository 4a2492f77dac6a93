package dynamostore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
)

// The suite against dynalite is in internal/conformance.

func TestNewWantsAClientAndATable(t *testing.T) {
	t.Parallel()
	if _, err := dynamostore.New(nil, "table"); err == nil {
		t.Error("New takes no client")
	}
	if _, err := dynamostore.New(new(dynamodb.Client), ""); err == nil {
		t.Error("New takes no table")
	}
}

// failing is an API whose calls end with their context and return another error.
type failing struct {
	dynamostore.API
	end context.CancelFunc
}

func (f failing) GetItem(
	context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options),
) (*dynamodb.GetItemOutput, error) {
	f.end()
	return nil, errors.New("connection closed")
}

func TestTheEndOfTheContextStaysVisible(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	store, err := dynamostore.New(failing{end: cancel}, "table")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get = %v, want context.Canceled", err)
	}
}
