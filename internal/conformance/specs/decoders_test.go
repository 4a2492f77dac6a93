package specs_test

import (
	"context"
	"net/http"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/conformance/specs"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// An answer with every field that Zoom publishes leaves nothing of ours empty: each name
// that a decoder looks for exists.
func TestZoomAnswersFillEverything(t *testing.T) {
	t.Parallel()
	contract := contract(t, "zoom.meetings.json", zoomExceptions())
	transport := splitter{ // tokens come from the fake, all else from the document
		match: "zoom.us", first: zoomtest.New().Transport(), rest: contract.Transport(contract.Vendor(), clientFaults(t)),
	}
	client, err := zoom.NewClient(zoom.ServerToServer(zoomtest.New().AccountCredentials()), zoom.WithTransport(transport))
	must(t, err)
	tests := []struct {
		name string
		read func(context.Context) (any, error)
		want []string // what stays empty
	}{
		{"meeting", func(ctx context.Context) (any, error) { return client.Meeting(ctx, 1) }, nil},
		{"invitation", func(ctx context.Context) (any, error) { return client.Invitation(ctx, 1) }, nil},
		{"user", func(ctx context.Context) (any, error) { return client.User(ctx, host) }, nil},
		{"settings", func(ctx context.Context) (any, error) { return client.UserSettings(ctx, host) }, nil},
		{"past meeting", func(ctx context.Context) (any, error) { return client.PastMeeting(ctx, "4444AAAiAAAAAiAiAiiAii==") }, nil},
		{"meeting of a list", func(ctx context.Context) (any, error) {
			for m, err := range client.Meetings(ctx, host) {
				return m, err
			}
			return nil, nil
		}, []string{"HostEmail", "Status", "Password", "PhonePassword", "Settings", "TrackingFields"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.read(t.Context())
			must(t, err)
			if diff := cmp.Diff(tt.want, emptyFields(reflect.ValueOf(got).Elem())); diff != "" {
				t.Errorf("empty fields (-want +got):\n%s", diff)
			}
		})
	}
}

// PagerDuty's own examples leave nothing of ours empty but what they do not show.
func TestPagerDutyExamplesFillEverything(t *testing.T) {
	t.Parallel()
	contract := contract(t, "pagerduty.incident.json", pagerDutyExceptions())
	client, err := pagerduty.NewClient(pagerduty.APIKey("key", "bot@example.com"),
		pagerduty.WithTransport(contract.Transport(contract.Vendor(), clientFaults(t))))
	must(t, err)
	told := []string{"Filter.Summary", "Disabled", "Secret"} // of a subscription; its secret is blotted out in the example
	tests := []struct {
		name string
		read func(context.Context) (any, error)
		want []string // what stays empty
	}{
		{"incident", func(ctx context.Context) (any, error) { return client.Incident(ctx, "PT4KHLK") }, []string{"ResolvedAt"}},
		{"written incident", func(ctx context.Context) (any, error) {
			return client.SetConferenceBridge(ctx, "PT4KHLK", pagerduty.ConferenceBridge{URL: "https://example.com/j/1"})
		}, []string{"ConferenceBridge", "BridgeKnown"}},
		{"user", func(ctx context.Context) (any, error) { return client.User(ctx, "PXPGF42") }, nil},
		{"current user", func(ctx context.Context) (any, error) { return client.CurrentUser(ctx) }, nil},
		{"notes", func(ctx context.Context) (any, error) { return first(client.Notes(ctx, "PT4KHLK")) }, []string{"Trimmed"}},
		{"subscriptions", func(ctx context.Context) (any, error) { return first(client.WebhookSubscriptions(ctx)) }, told},
		{"new subscription", func(ctx context.Context) (any, error) {
			return client.CreateWebhookSubscription(ctx, pagerduty.WebhookSubscriptionRequest{
				URL: "https://example.com/", Events: []string{"incident.resolved"},
			})
		}, told},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.read(t.Context())
			must(t, err)
			if diff := cmp.Diff(tt.want, emptyFields(reflect.ValueOf(got).Elem())); diff != "" {
				t.Errorf("empty fields (-want +got):\n%s", diff)
			}
		})
	}
}

// clientFaults leaves out what is wrong with the vendor's own examples.
func clientFaults(t *testing.T) func(specs.Violation) {
	t.Helper()
	report := reportTo(t)
	return func(v specs.Violation) {
		if v.Side == specs.Client {
			report(v)
		}
	}
}

// first is the first of a list; an example that lists nothing fails the test.
func first[T any](list []T, err error) (*T, error) {
	if err != nil || len(list) == 0 {
		return new(T), err
	}
	return &list[0], nil
}

// emptyFields names the fields of a struct that are zero.
func emptyFields(value reflect.Value) []string {
	var empty []string
	for field, content := range value.Fields() {
		if content.IsZero() {
			empty = append(empty, field.Name)
			continue
		}
		if content.Kind() == reflect.Struct && content.NumMethod() == 0 {
			for _, name := range emptyFields(content) {
				empty = append(empty, field.Name+"."+name)
			}
		}
	}
	return empty
}

// splitter sends what goes to one host its own way.
type splitter struct {
	match       string
	first, rest http.RoundTripper
}

// RoundTrip sends the request.
func (s splitter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == s.match {
		return s.first.RoundTrip(r)
	}
	return s.rest.RoundTrip(r)
}
