package dynamostore_test

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
)

func Example() {
	var settings aws.Config // of config.LoadDefaultConfig
	store, err := dynamostore.New(dynamodb.NewFromConfig(settings), "incidentbridge")
	if err != nil {
		slog.Error("no store", "error", err)
		return
	}
	_ = store // tokenstore.Sealed(store, keys), bridge.New(…)
}

// Once, where no template makes the table.
func ExampleTableDefinition() {
	ctx := context.Background()
	var settings aws.Config
	definition := dynamostore.TableDefinition("incidentbridge")
	definition.DeletionProtectionEnabled = aws.Bool(true)
	if _, err := dynamodb.NewFromConfig(settings).CreateTable(ctx, definition); err != nil {
		slog.Error("no table", "error", err)
	}
}
