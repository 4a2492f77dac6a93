// A program of somebody who keeps the records in DynamoDB.
package main

import (
	"log"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
)

func main() {
	store, err := dynamostore.New(dynamodb.New(dynamodb.Options{Region: "eu-central-1"}), "incidentbridge")
	if err != nil {
		log.Fatal(err)
	}
	var _ tokenstore.Store = store
}
