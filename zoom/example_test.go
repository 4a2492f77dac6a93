package zoom_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// A meeting for an incident: at once, nobody waits for a host, and it is gone when the
// incident is over. The fake takes the place of Zoom; without WithTransport the same
// lines call the real one.
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

// Somebody installs the app: a browser goes to Zoom and comes back with a code, which
// becomes the tokens of a grant.
func ExampleOAuth() {
	fake := zoomtest.New()
	fake.AddUser("admin@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	ctx := context.Background()

	id, secret := fake.AppCredentials()
	app, err := zoom.NewOAuth(id, secret, "https://bridge.example.com/callback", zoom.WithTransport(fake.Transport()))
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier := oauth2.GenerateVerifier()
	browser, err := http.NewRequestWithContext(ctx, http.MethodGet, app.AuthCodeURL("random", verifier), http.NoBody)
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := fake.Transport().RoundTrip(browser)
	if err != nil {
		fmt.Println(err)
		return
	}
	back, err := page.Location()
	if err != nil {
		fmt.Println(err)
		return
	}

	token, err := app.Exchange(ctx, back.Query().Get("code"), verifier)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("scopes:", zoom.CheckScopes(token, zoom.UserScopes()...))
	client, err := zoom.NewClient(zoom.UserToken(zoom.StaticToken(token)), zoom.WithTransport(fake.Transport()))
	if err != nil {
		fmt.Println(err)
		return
	}
	user, err := client.User(ctx, zoom.Me)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Email, "may install:", user.IsAdmin())
	fmt.Println("revoked:", app.Revoke(ctx, token) == nil)
	// Output:
	// scopes: <nil>
	// admin@example.com may install: true
	// revoked: true
}
