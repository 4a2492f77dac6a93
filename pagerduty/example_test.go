package pagerduty_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func Example() {
	fake := pagerdutytest.New() // PagerDuty itself in a real program
	id := fake.AddIncident("The shop is down", func(i *pagerdutytest.Incident) { i.Number = 1234 })
	client, err := pagerduty.NewClient(
		pagerduty.APIKey(fake.Key(), "oncall@example.com"), pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	incident, err := client.Incident(ctx, "1234")
	if err != nil {
		fmt.Println(err)
		return
	}
	if incident.ConferenceBridge == nil {
		written, err := client.SetConferenceBridge(ctx, incident.ID, pagerduty.ConferenceBridge{
			URL:    "https://example.zoom.us/j/98765432101",
			Number: "+1 415-555-0100,,98765432101#",
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(written.Title, "is", written.Status)
	}
	fmt.Println(fake.Incident(id).Bridge.URL)

	_, err = client.Incident(ctx, "9999")
	fmt.Println(errors.Is(err, pagerduty.ErrNotFound))
	// Output:
	// The shop is down is triggered
	// https://example.zoom.us/j/98765432101
	// true
}

func ExampleVerifier() {
	fake := pagerdutytest.New(pagerdutytest.WithSecret("webhook secret"))
	id := fake.AddIncident("The shop is down")
	delivery := fake.Webhook(pagerdutytest.Event{Type: "incident.triggered", IncidentID: id})

	verifier, err := pagerduty.NewVerifier([]string{"webhook secret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := verifier.Verify(delivery.Header, delivery.Body); err != nil {
		fmt.Println(err)
		return
	}
	event, err := pagerduty.ParseEvent(delivery.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(event.Type, event.Incident.Title)
	// Output: incident.triggered The shop is down
}
