// Package dynamodb opens the store behind a STORE_URL such as dynamodb://TABLE?region=eu-central-1.
package dynamodb

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
)

// Open returns the store in the table. The region is that of the address or else AWS_REGION; endpoint is for a stand-in.
// It sends nothing. Credentials are those of the environment, which is where Lambda has them: the SDK's own search for
// others would make the program larger by a half, and its start slower.
func Open(_ context.Context, address string, _ *slog.Logger) (settings.Backend, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "dynamodb" || u.Host == "" || u.Path != "" || u.User != nil {
		return settings.Backend{}, settings.Wrong("STORE_URL", "must be dynamodb://TABLE?region=REGION")
	}
	query := u.Query()
	for name := range query {
		if !slices.Contains([]string{"region", "endpoint"}, name) {
			return settings.Backend{}, settings.Wrong("STORE_URL", "takes region and endpoint for dynamodb://, nothing else")
		}
	}
	options := dynamodb.Options{Region: query.Get("region"), Credentials: aws.CredentialsProviderFunc(credentials)}
	if options.Region == "" {
		options.Region = os.Getenv("AWS_REGION")
	}
	if options.Region == "" {
		return settings.Backend{}, settings.Wrong("STORE_URL", "names no region, and AWS_REGION is not set")
	}
	if endpoint := query.Get("endpoint"); endpoint != "" {
		options.BaseEndpoint = &endpoint
	}
	store, err := dynamostore.New(only(dynamodb.New(options)), u.Host)
	if err != nil {
		return settings.Backend{}, err
	}
	return settings.Backend{Store: store, Close: func() error { return nil }}, nil
}

// credentials are those that Lambda gives to a function.
func credentials(context.Context) (aws.Credentials, error) {
	found := aws.Credentials{
		AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	if !found.HasKeys() {
		return aws.Credentials{}, errors.New("no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
	}
	return found, nil
}
