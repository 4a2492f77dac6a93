package bridge_test

import (
	"context"
	"fmt"
	"log"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// Two clicks on one incident make one meeting. The fakes stand for the vendors; leave the
// transports out to call those.
func Example() {
	fakeZoom := zoomtest.New(zoomtest.WithUsers("host@example.com"))
	fakePagerDuty := pagerdutytest.New()
	incident := fakePagerDuty.AddIncident("The shop is down")

	zc, err := zoom.NewClient(
		zoom.ServerToServer(fakeZoom.AccountCredentials()), zoom.WithTransport(fakeZoom.Transport()))
	if err != nil {
		log.Fatal(err)
	}
	pd, err := pagerduty.NewClient(
		pagerduty.APIKey(fakePagerDuty.Key(), fakePagerDuty.From()), pagerduty.WithTransport(fakePagerDuty.Transport()))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, "host@example.com"), tokenstore.NewMemory(),
		bridge.WithFallback(bridge.StaticRoom("https://meet.example.com/warroom", "+1 202 555 0100")))
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	for range 2 {
		b, err := svc.Open(ctx, bridge.Request{IncidentID: incident})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(b.State, b.Provider, "new:", b.Created)
	}
	fmt.Println("meetings:", len(fakeZoom.Meetings()))
	// Output:
	// attached zoom new: true
	// attached zoom new: false
	// meetings: 1
}

// exampleService is a service over both fakes with an incident.
func exampleService(opts ...bridge.Option) (_ *bridge.Service, fakeZoom *zoomtest.Server, incident string) {
	fakeZoom = zoomtest.New(zoomtest.WithUsers("host@example.com"))
	fakePagerDuty := pagerdutytest.New()
	zc, err := zoom.NewClient(
		zoom.ServerToServer(fakeZoom.AccountCredentials()), zoom.WithTransport(fakeZoom.Transport()))
	if err != nil {
		log.Fatal(err)
	}
	pd, err := pagerduty.NewClient(
		pagerduty.APIKey(fakePagerDuty.Key(), fakePagerDuty.From()), pagerduty.WithTransport(fakePagerDuty.Transport()))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, "host@example.com"), tokenstore.NewMemory(), opts...)
	if err != nil {
		log.Fatal(err)
	}
	return svc, fakeZoom, fakePagerDuty.AddIncident("The shop is down")
}

// A room that is always there is used while Zoom fails, and the bridge says why.
func ExampleWithFallback() {
	svc, fakeZoom, incident := exampleService(
		bridge.WithFallback(bridge.StaticRoom("https://meet.example.com/warroom", "+1 202 555 0100")))
	fakeZoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(500, "").Always())

	b, err := svc.Open(context.Background(), bridge.Request{IncidentID: incident})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(b.State, b.JoinURL)
	fmt.Println(b.Warnings[0])
	// Output:
	// attached https://meet.example.com/warroom
	// Zoom does not answer; the fallback static is used
}

// Replace makes a new meeting on purpose, such as when the first one misbehaves.
func ExampleService_Replace() {
	svc, _, incident := exampleService()
	ctx := context.Background()
	first, err := svc.Open(ctx, bridge.Request{IncidentID: incident})
	if err != nil {
		log.Fatal(err)
	}
	second, err := svc.Replace(ctx, bridge.Request{IncidentID: incident})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(second.State, "generation", second.Generation, "another meeting:", second.MeetingID != first.MeetingID)
	// Output:
	// attached generation 2 another meeting: true
}

// Events tell the story of a bridge, each once, after the ledger has stored it.
func ExampleWithEventHandler() {
	svc, _, incident := exampleService(
		bridge.WithGrace(0),
		bridge.WithEventHandler(func(_ context.Context, e bridge.Event) { fmt.Println("event:", e.Kind) }))
	ctx := context.Background()
	for range 2 {
		if _, err := svc.Open(ctx, bridge.Request{IncidentID: incident}); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := svc.Close(ctx, incident, bridge.CloseRequested); err != nil {
		log.Fatal(err)
	}
	if _, err := svc.Reconcile(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// event: opened
	// event: reused
	// event: closing
	// event: closed
}
