package dynamostore

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// TableDefinition describes the table that [New] needs, for CreateTable of the SDK:
// on-demand capacity, and the index that Due reads. Tags, encryption and deletion
// protection are for the caller to add, and time to live, on the attribute "ttl", for the
// caller to turn on.
func TableDefinition(table string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName:   &table,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(recordAttribute), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(shardAttribute), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(dueAttribute), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(recordAttribute), KeyType: types.KeyTypeHash},
		},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String(dueIndex),
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String(shardAttribute), KeyType: types.KeyTypeHash},
				{AttributeName: aws.String(dueAttribute), KeyType: types.KeyTypeRange},
			},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
	}
}
