module example.com/dynamodb

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2/service/dynamodb v1.73.1
	github.com/incidentbridge/incidentbridge v0.1.0
	github.com/incidentbridge/incidentbridge/tokenstore/dynamostore v0.1.0
)
