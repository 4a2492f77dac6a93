package pagerdutytest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func Example() {
	fake := pagerdutytest.New()
	defer fake.Close()
	id := fake.AddIncident("The shop is down")
	client, err := pagerduty.NewClient(
		pagerduty.APIKey(fake.Key(), fake.From()), pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		fmt.Println(err)
		return
	}

	// The write is made, its answer is lost, and so it is made again.
	fake.Fault(pagerdutytest.UpdateIncident, pagerdutytest.ResetAfter())
	bridge := pagerduty.ConferenceBridge{URL: "https://example.zoom.us/j/98765432101"}
	_, err = client.SetConferenceBridge(context.Background(), id, bridge)

	fmt.Println(err, len(fake.Requests(pagerdutytest.UpdateIncident)), fake.Incident(id).Bridge.URL)
	// Output: <nil> 2 https://example.zoom.us/j/98765432101
}

func ExampleServer_Deliver() {
	statuses := []int{http.StatusServiceUnavailable, http.StatusAccepted}
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(statuses[0])
		statuses = statuses[1:]
	}))
	defer bot.Close()

	ctx := context.Background()
	fake := pagerdutytest.New()
	client, err := pagerduty.NewClient(
		pagerduty.APIKey(fake.Key(), fake.From()), pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.CreateWebhookSubscription(ctx, pagerduty.WebhookSubscriptionRequest{
		URL: bot.URL, Events: []string{"incident.resolved"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	fake.Resolve(fake.AddIncident("The shop is down"))
	for range 3 {
		for _, attempt := range fake.Deliver(ctx, nil) {
			fmt.Println(attempt.Status, attempt.Outcome)
		}
	}
	// Output:
	// 503 retrying
	// 202 delivered
}
