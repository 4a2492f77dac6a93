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
