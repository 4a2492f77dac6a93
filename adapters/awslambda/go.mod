module github.com/incidentbridge/incidentbridge/adapters/awslambda

go 1.26.0

require (
	github.com/google/go-cmp v0.7.0
	github.com/incidentbridge/incidentbridge v0.1.0
)

require (
	github.com/PagerDuty/go-pagerduty v1.8.0 // indirect
	github.com/google/go-querystring v1.1.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
)

replace github.com/incidentbridge/incidentbridge => ../../
