// Command lambda runs routes of its own as a Lambda function, with any runtime client.
package main

import (
	"context"
	"log"
	"net/http"

	"github.com/incidentbridge/incidentbridge/adapters/awslambda"
	"github.com/incidentbridge/incidentbridge/bridge"
)

// idle is a service that never has work.
type idle struct{}

func (idle) Reconcile(context.Context) (bridge.Report, error) { return bridge.Report{}, nil }
func (idle) Wait(context.Context) error                       { return nil }

func main() {
	handler, err := awslambda.NewHandler(http.NotFoundHandler(), idle{})
	if err != nil {
		log.Fatal(err)
	}
	var _ interface {
		Invoke(ctx context.Context, payload []byte) ([]byte, error)
	} = handler
}
