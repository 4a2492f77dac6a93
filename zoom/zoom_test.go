package zoom_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const host = "host@example.com"

// newClient returns a client of the fake, in memory.
func newClient(t *testing.T, fake *zoomtest.Server, opts ...zoom.Option) *zoom.Client {
	t.Helper()
	opts = append([]zoom.Option{zoom.WithTransport(fake.Transport())}, opts...)
	client, err := zoom.NewClient(zoom.ServerToServer(fake.AccountCredentials()), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// newSocketClient returns a client of the fake, over its loopback socket.
func newSocketClient(t *testing.T, fake *zoomtest.Server) *zoom.Client {
	t.Helper()
	client, err := zoom.NewClient(zoom.ServerToServer(fake.AccountCredentials()),
		zoom.WithBaseURL(fake.URL()+"/v2"), zoom.WithOAuthURL(fake.URL()+"/oauth"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return client
}

// incident is what an incident asks of Zoom.
func incident() zoom.MeetingRequest {
	return zoom.MeetingRequest{
		Topic:     "#7 Checkout is down",
		Agenda:    "marker",
		StartTime: time.Date(2026, 11, 23, 8, 0, 0, 123456789, time.FixedZone("CET", 3600)),
		Duration:  90 * time.Minute,
		Timezone:  "UTC",
		Settings: zoom.MeetingSettings{
			JoinBeforeHost:                    new(true),
			JBHTime:                           new(0),
			WaitingRoom:                       new(false),
			UsePMI:                            new(false),
			Audio:                             "both",
			AutoRecording:                     "none",
			ApprovalType:                      new(2),
			EncryptionType:                    "enhanced_encryption",
			EmailNotification:                 new(false),
			AlternativeHostsEmailNotification: new(false),
			GlobalDialInCountries:             []string{"GB", "US"},
		},
	}
}

// mustCreate makes a meeting with which nothing goes wrong.
func mustCreate(t *testing.T, client *zoom.Client) *zoom.Meeting {
	t.Helper()
	meeting, err := client.CreateMeeting(t.Context(), host, incident())
	if err != nil {
		t.Fatal(err)
	}
	return meeting
}

// reasons names every sentinel that err is, so that a test sees those too that it should
// not be.
func reasons(err error) []string {
	var names []string
	for _, sentinel := range []struct {
		name string
		err  error
	}{
		{"ErrUnauthorized", zoom.ErrUnauthorized},
		{"ErrCredentials", zoom.ErrCredentials},
		{"ErrGrant", zoom.ErrGrant},
		{"ErrMissingScopes", zoom.ErrMissingScopes},
		{"ErrHost", zoom.ErrHost},
		{"ErrNotFound", zoom.ErrNotFound},
		{"ErrInvalid", zoom.ErrInvalid},
		{"ErrPlan", zoom.ErrPlan},
		{"ErrForbidden", zoom.ErrForbidden},
		{"ErrMeetingInProgress", zoom.ErrMeetingInProgress},
		{"ErrRateLimited", zoom.ErrRateLimited},
		{"ErrDailyLimit", zoom.ErrDailyLimit},
		{"ErrUnavailable", zoom.ErrUnavailable},
		{"ErrInDoubt", zoom.ErrInDoubt},
	} {
		if errors.Is(err, sentinel.err) {
			names = append(names, sentinel.name)
		}
	}
	return names
}

// asError is the *zoom.Error that every method promises.
func asError(t *testing.T, err error) *zoom.Error {
	t.Helper()
	var e *zoom.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *zoom.Error", err)
	}
	return e
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
