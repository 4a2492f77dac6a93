// Command lambda is incidentbridge as an AWS Lambda function, with its ledger in DynamoDB. It takes the settings of
// examples/httpserver; template.yaml deploys it, and README.md leads from nothing to a button on an incident.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/caarlos0/env/v11"

	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
)

// What the process ends with. It does not end while all is well: Lambda ends it.
const (
	exitFailed   = 1
	exitSettings = 2
)

func main() {
	os.Exit(run(context.Background(), env.ToMap(os.Environ()), os.Stderr))
}

// run serves events, or tells Lambda why it cannot.
func run(ctx context.Context, environ map[string]string, stderr io.Writer) int {
	handler, err := assemble(ctx, environ, stderr)
	if err == nil {
		lambda.StartWithOptions(handler.Respond, lambda.WithContext(ctx))
		return exitFailed
	}
	fmt.Fprintln(stderr, "incidentbridge:", err)
	code, kind := exitFailed, "Start"
	if _, wrong := errors.AsType[*settings.Error](err); wrong {
		code, kind = exitSettings, "Settings"
	}
	reportInit(ctx, environ["AWS_LAMBDA_RUNTIME_API"], kind, err)
	return code
}
