package pagerduty_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"

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
			DialIn: "+1 415-555-0100,,98765432101#",
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

// Somebody logs in: a browser goes to PagerDuty and comes back with a code, which tells
// who it is. Our own client tells whether that is a user of our account, and with which
// role.
func ExampleOAuth() {
	fake := pagerdutytest.New()
	fake.SignIn(fake.AddUser("ada@example.com", func(u *pagerdutytest.User) { u.Role = "admin" }))
	ctx := context.Background()

	id, secret, _ := fake.Credentials()
	login, err := pagerduty.NewOAuth(id, secret, "https://bridge.example.com/callback",
		pagerduty.WithScopes("openid"), pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier := oauth2.GenerateVerifier()
	browser, err := http.NewRequestWithContext(ctx, http.MethodGet, login.AuthCodeURL("random", verifier), http.NoBody)
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

	token, err := login.Exchange(ctx, back.Query().Get("code"), verifier)
	if err != nil {
		fmt.Println(err)
		return
	}
	identity, err := pagerduty.IdentityOf(token)
	if err != nil {
		fmt.Println(err)
		return
	}
	ours, err := pagerduty.NewClient(
		pagerduty.APIKey(fake.Key(), fake.From()), pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		fmt.Println(err)
		return
	}
	user, err := ours.User(ctx, identity.UserID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Email, "may install:", user.IsAdmin())
	// Output: ada@example.com may install: true
}
