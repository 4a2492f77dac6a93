// Package examples_test shows one feature of package bridge in each example. The vendors
// are fakes; without WithTransport the clients talk to the real ones.
package examples_test

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

// newService returns a service over both fakes.
func newService(
	fakeZoom *zoomtest.Server, fakePagerDuty *pagerdutytest.Server, opts ...bridge.Option,
) (*bridge.Service, error) {
	zoomClient, err := zoom.NewClient(
		zoom.ServerToServer(fakeZoom.AccountCredentials()), zoom.WithTransport(fakeZoom.Transport()))
	if err != nil {
		return nil, err
	}
	pagerDutyClient, err := pagerduty.NewClient(
		pagerduty.APIKey(fakePagerDuty.Key(), fakePagerDuty.From()), pagerduty.WithTransport(fakePagerDuty.Transport()))
	if err != nil {
		return nil, err
	}
	provider := bridge.Zoom(zoomClient, "host@example.com")
	return bridge.New(bridge.PagerDuty(pagerDutyClient), provider, tokenstore.NewMemory(), opts...)
}

// Replace gives the incident a new meeting, for example because the old link was shared
// too widely. The previous meeting is deleted if nobody is in it.
func Example_replace() {
	fakeZoom := zoomtest.New(zoomtest.WithUsers("host@example.com"))
	fakePagerDuty := pagerdutytest.New()
	incident := fakePagerDuty.AddIncident("The shop is down")
	svc, err := newService(fakeZoom, fakePagerDuty)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	first, err := svc.Open(ctx, bridge.Request{IncidentID: incident})
	if err != nil {
		log.Fatal(err)
	}
	second, err := svc.Replace(ctx, bridge.Request{IncidentID: incident, IdempotencyKey: "click-1"})
	if err != nil {
		log.Fatal(err)
	}
	again, err := svc.Replace(ctx, bridge.Request{IncidentID: incident, IdempotencyKey: "click-1"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a new meeting:", second.MeetingID != first.MeetingID)
	fmt.Println("the same click again:", again.MeetingID == second.MeetingID)
	fmt.Println("on the incident:", fakePagerDuty.Incident(incident).Bridge.URL == second.JoinURL)
	// Output:
	// a new meeting: true
	// the same click again: true
	// on the incident: true
}

// While Zoom cannot create a meeting, the incident gets a static room.
func Example_fallback() {
	fakeZoom := zoomtest.New(zoomtest.WithUsers("host@example.com"))
	fakePagerDuty := pagerdutytest.New()
	incident := fakePagerDuty.AddIncident("The shop is down")
	room := bridge.StaticRoom("https://meet.example.com/warroom", "+1 202 555 0100")
	svc, err := newService(fakeZoom, fakePagerDuty, bridge.WithFallback(room))
	if err != nil {
		log.Fatal(err)
	}

	// The host's account may not create meetings.
	fakeZoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(403, `{"code":200,"message":"No permission."}`).Always())
	b, err := svc.Open(context.Background(), bridge.Request{IncidentID: incident})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(b.State, b.Provider, b.JoinURL, b.DialIn)
	// Output:
	// attached static https://meet.example.com/warroom +1 202 555 0100
}

// An event handler is told what happens to bridges, for metrics or a message to a chat.
func Example_events() {
	fakeZoom := zoomtest.New(zoomtest.WithUsers("host@example.com"))
	fakePagerDuty := pagerdutytest.New()
	incident := fakePagerDuty.AddIncident("The shop is down")
	printEvent := func(_ context.Context, e bridge.Event) { fmt.Println(e.Kind, e.Provider, e.Generation) }
	svc, err := newService(fakeZoom, fakePagerDuty, bridge.WithEventHandler(printEvent))
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	for range 2 {
		if _, err := svc.Open(ctx, bridge.Request{IncidentID: incident}); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := svc.Close(ctx, incident, bridge.CloseRequested); err != nil {
		log.Fatal(err)
	}
	// Output:
	// opened zoom 1
	// reused zoom 1
	// closing zoom 1
}
