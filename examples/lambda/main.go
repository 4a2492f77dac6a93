// Command lambda runs incidentbridge as an AWS Lambda function, with its ledger in
// DynamoDB. It has the settings of examples/httpserver; template.yaml deploys it, and
// README.md is its guide.
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

// Exit codes. A healthy process does not exit: Lambda kills it.
const (
	exitFailed   = 1
	exitSettings = 2
)

func main() {
	os.Exit(run(context.Background(), env.ToMap(os.Environ()), os.Stderr))
}

// run serves events, or reports to Lambda why it cannot.
func run(ctx context.Context, environ map[string]string, stderr io.Writer) int {
	handler, err := assemble(ctx, environ, stderr)
	if err == nil {
		lambda.StartWithOptions(handler.Respond, lambda.WithContext(ctx))
		return exitFailed
	}
	fmt.Fprintln(stderr, "incidentbridge:", err)
	code, kind := exitFailed, "Start"
	if _, invalid := errors.AsType[*settings.Error](err); invalid {
		code, kind = exitSettings, "Settings"
	}
	reportInit(ctx, environ["AWS_LAMBDA_RUNTIME_API"], kind, err)
	return code
}
