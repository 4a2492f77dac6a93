module example.com/lambda

go 1.26.0

require (
	github.com/incidentbridge/incidentbridge v0.1.0
	github.com/incidentbridge/incidentbridge/adapters/awslambda v0.1.0
)
