// Package dynamostore keeps the records of a [tokenstore.Store] in one table of Amazon
// DynamoDB.
//
//	settings, err := config.LoadDefaultConfig(ctx) // github.com/aws/aws-sdk-go-v2/config: credentials and region
//	store, err := dynamostore.New(dynamodb.NewFromConfig(settings), "incidentbridge")
//
// # The table
//
// [TableDefinition] describes the table; create it with CreateTable of the SDK, or write
// the same into a template:
//
//	Type: AWS::DynamoDB::Table
//	Properties:
//	  BillingMode: PAY_PER_REQUEST
//	  AttributeDefinitions:
//	    - {AttributeName: record, AttributeType: S}
//	    - {AttributeName: due_shard, AttributeType: S}
//	    - {AttributeName: due, AttributeType: N}
//	  KeySchema: [{AttributeName: record, KeyType: HASH}]
//	  GlobalSecondaryIndexes:
//	    - IndexName: due
//	      KeySchema: [{AttributeName: due_shard, KeyType: HASH}, {AttributeName: due, KeyType: RANGE}]
//	      Projection: {ProjectionType: KEYS_ONLY}
//	  TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
//
// Time to live only removes garbage: the store does not rely on it, and does not turn it
// on. Without it expired records stay in the table, and Due keeps naming those that were
// due. Use one region: a global table lets the last writer win, which breaks every
// compare-and-swap.
//
// The store needs these rights and no others:
//
//	dynamodb:GetItem, dynamodb:PutItem, dynamodb:DeleteItem    on the table
//	dynamodb:Query                                             on its index, table/NAME/index/due
//
// # How it keeps the contract
//
// Get is a consistent read. Put and Delete are one conditional write each, without
// transactions. Put's condition is "the version is the old one or the new one", so it is
// harmless that the SDK sends a request again whose answer was lost. A Delete that is
// sent again returns ErrConflict although the first copy has removed the record.
//
// DynamoDB has no clock that can be read: a record expires by the clock of the process
// that reads it.
//
// Due records are in a sparse index, spread over four shards in each partition, which Due
// merges. The index is eventually consistent, so Due may name a record that is no longer
// due and miss one that was just written. One call reads at most 256 entries of each
// shard, so a page may be short, or empty, while next is not "".
//
// DynamoDB keeps an acknowledged write in several zones of the region. A value fits into
// the 400 KB that an item may have, encrypted too.
package dynamostore
