package zoom_test

import (
	"context"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// A meeting for an incident: at once, nobody waits for a host, and it is gone when the incident is over.
// The fake stands where Zoom would; without WithTransport the same lines talk to the real one.
func Example() {
	fake := zoomtest.New(zoomtest.WithUsers("host@example.com"))
	ctx := context.Background()

	client, err := zoom.NewClient(
		zoom.ServerToServer(fake.AccountCredentials()),
		zoom.WithTransport(fake.Transport()),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	meeting, err := client.CreateMeeting(ctx, "host@example.com", zoom.MeetingRequest{
		Topic:     "Checkout is down",
		StartTime: time.Now(),
		Settings: zoom.MeetingSettings{
			JoinBeforeHost: new(true),
			JBHTime:        new(0),
			WaitingRoom:    new(false),
			UsePMI:         new(false),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(meeting.Topic, "as", meeting)
	for _, number := range meeting.Settings.GlobalDialInNumbers {
		fmt.Println(number.Country, number.Number)
	}
	fmt.Println("deleted:", client.DeleteMeeting(ctx, meeting.ID) == nil)
	// Output:
	// Checkout is down as meeting 82001000003
	// US +1 202 555 0143
	// US +1 202 555 0178
	// deleted: true
}
