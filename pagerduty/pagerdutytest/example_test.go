package pagerdutytest_test

import (
	"context"
	"fmt"

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
