package awslambda_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/incidentbridge/incidentbridge/adapters/awslambda"
	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func Example() {
	// Two fakes stand in for the vendors; leave WithTransport out to talk to the real
	// ones.
	fakePagerDuty := pagerdutytest.New()
	fakeZoom := zoomtest.New(zoomtest.WithUsers("host@example.com"))
	incident := fakePagerDuty.AddIncident("The shop is down")
	pd, err := pagerduty.NewClient(pagerduty.APIKey(fakePagerDuty.Key(), fakePagerDuty.From()),
		pagerduty.WithTransport(fakePagerDuty.Transport()))
	if err != nil {
		log.Fatal(err)
	}
	zc, err := zoom.NewClient(zoom.ServerToServer(fakeZoom.AccountCredentials()),
		zoom.WithTransport(fakeZoom.Transport()))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, "host@example.com"), tokenstore.NewMemory())
	if err != nil {
		log.Fatal(err)
	}
	routes, err := nethttp.NewHandler(svc, nethttp.ActionTokens("action-token"))
	if err != nil {
		log.Fatal(err)
	}
	handler, err := awslambda.NewHandler(routes, svc)
	if err != nil {
		log.Fatal(err)
	}

	// A program passes handler.Respond to lambda.Start of aws-lambda-go. Here is an
	// event.
	event := fmt.Sprintf(`{"version": "2.0", "rawPath": "/api/v1/incidents/%s/bridge",
		"headers": {"authorization": "Bearer action-token"},
		"requestContext": {"http": {"method": "POST"}}}`, incident)
	if _, err := handler.Invoke(context.Background(), []byte(event)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(fakeZoom.Meetings()), "meeting")
	// Output:
	// 1 meeting
}

// Messages of a trusted queue need no credentials of their own.
func ExampleQueue() {
	const token = "a random token of this process"
	routes := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, r.Header.Get("Authorization") == "Bearer "+token)
	})
	const arn = "arn:aws:sqs:us-east-1:123456789012:triggers"
	handler, err := awslambda.NewHandler(routes, &service{}, awslambda.Queue(arn, token))
	if err != nil {
		log.Fatal(err)
	}
	event := `{"Records": [{"messageId": "1", "eventSource": "aws:sqs", "eventSourceARN": "` + arn + `",
		"body": "{\"incident_id\": \"PABC123\"}"}]}`
	response, err := handler.Invoke(context.Background(), []byte(event))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", response)
	// Output:
	// POST /actions/pagerduty true
	// {"batchItemFailures":[]}
}
