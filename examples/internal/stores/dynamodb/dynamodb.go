// Package dynamodb opens the store behind a STORE_URL such as
// dynamodb://TABLE?region=eu-central-1.
package dynamodb

import (
	"context"
	"log/slog"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/tokenstore/dynamostore"
)

// Open returns the store in the table. The region is that of the address, else that of
// the SDK's configuration, which also has the credentials; endpoint names a stand-in for
// AWS. Open sends no request.
func Open(ctx context.Context, address string, _ *slog.Logger) (settings.Backend, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "dynamodb" || u.Host == "" || u.Path != "" || u.User != nil {
		return settings.Backend{}, settings.InvalidSetting("STORE_URL", "must be dynamodb://TABLE?region=REGION")
	}
	query := u.Query()
	for name := range query {
		if !slices.Contains([]string{"region", "endpoint"}, name) {
			return settings.Backend{}, settings.InvalidSetting("STORE_URL", "takes region and endpoint for dynamodb://, nothing else")
		}
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(query.Get("region")))
	if err != nil {
		return settings.Backend{}, err
	}
	if cfg.Region == "" {
		return settings.Backend{}, settings.InvalidSetting("STORE_URL", "names no region, and AWS_REGION is not set")
	}
	client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		if endpoint := query.Get("endpoint"); endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	})
	store, err := dynamostore.New(client, u.Host)
	if err != nil {
		return settings.Backend{}, err
	}
	return settings.Backend{Store: store, Close: func() error { return nil }}, nil
}
