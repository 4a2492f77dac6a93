package zoomtest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// The line is cut after Zoom made the meeting: the client says that it is in doubt, and
// sends nothing twice.
func Example() {
	fake := zoomtest.New(zoomtest.WithUsers("host@example.com"))
	client, err := zoom.NewClient(
		zoom.ServerToServer(fake.AccountCredentials()),
		zoom.WithTransport(fake.Transport()),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fake.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())

	_, err = client.CreateMeeting(context.Background(), "host@example.com", zoom.MeetingRequest{Topic: "Down"})
	fmt.Println("in doubt:", errors.Is(err, zoom.ErrInDoubt))
	fmt.Println("creates sent:", len(fake.Requests(zoomtest.CreateMeeting)))
	fmt.Println("meetings made:", len(fake.Meetings()))
	// Output:
	// in doubt: true
	// creates sent: 1
	// meetings made: 1
}
