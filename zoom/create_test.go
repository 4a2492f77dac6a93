package zoom_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestCreateMeetingSendsWhatAnIncidentNeeds(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	mustCreate(t, newClient(t, fake))

	request := fake.Requests(zoomtest.CreateMeeting)[0]
	var sent map[string]any
	if err := json.Unmarshal(request.Body, &sent); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"topic":      "#7 Checkout is down",
		"agenda":     "marker",
		"type":       2.0,
		"start_time": "2026-11-23T07:00:00Z",
		"duration":   90.0,
		"timezone":   "UTC",
		"settings": map[string]any{
			"join_before_host":                     true,
			"jbh_time":                             0.0,
			"waiting_room":                         false,
			"use_pmi":                              false,
			"audio":                                "both",
			"auto_recording":                       "none",
			"approval_type":                        2.0,
			"encryption_type":                      "enhanced_encryption",
			"email_notification":                   false,
			"alternative_hosts_email_notification": false,
			"global_dial_in_countries":             []any{"GB", "US"},
		},
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("body (-want +sent):\n%s", diff)
	}
	if got, want := request.Path, "/v2/users/host@example.com/meetings"; got != want {
		t.Errorf("path %q, want %q", got, want)
	}
	if got := request.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if request.Header.Get("Idempotency-Key") != "" {
		t.Error("an Idempotency-Key makes net/http send a create again")
	}
}

func TestCreateMeetingLeavesOutWhatIsNotSet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		request zoom.MeetingRequest
		want    string
	}{
		{"nothing", zoom.MeetingRequest{}, `{"type":2}`},
		{"another type", zoom.MeetingRequest{Type: zoom.TypeRecurring}, `{"type":3}`},
		{"part of a minute", zoom.MeetingRequest{Duration: time.Second}, `{"type":2,"duration":1}`},
		{
			"an explicit false",
			zoom.MeetingRequest{Settings: zoom.MeetingSettings{MeetingAuthentication: new(false)}},
			`{"type":2,"settings":{"meeting_authentication":false}}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(host))
			if _, err := newClient(t, fake).CreateMeeting(t.Context(), host, test.request); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(fake.Requests(zoomtest.CreateMeeting)[0].Body)); diff != "" {
				t.Errorf("body (-want +sent):\n%s", diff)
			}
		})
	}
}

func TestCreateMeetingReadsTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New()
		hostID := fake.AddUser(host)
		got := mustCreate(t, newClient(t, fake))

		made := fake.Meetings()[0]
		want := &zoom.Meeting{
			ID: made.ID, UUID: made.UUID, HostID: hostID, HostEmail: host,
			Topic: "#7 Checkout is down", Agenda: "marker", Type: 2, Status: zoom.StatusWaiting,
			StartTime: time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC),
			CreatedAt: time.Now().UTC(), Duration: 90 * time.Minute, Timezone: "UTC",
			JoinURL: made.JoinURL, Password: zoom.Secret(made.Password), PhonePassword: zoom.Secret(made.PhonePassword),
			Settings: incident().Settings,
		}
		want.Settings.MeetingAuthentication = new(false)
		want.Settings.GlobalDialInNumbers = []zoom.DialInNumber{
			{Country: "US", CountryName: "US", City: "New York", Number: "+1 202 555 0143", Type: "toll"},
			{Country: "US", CountryName: "US", Number: "+1 202 555 0178", Type: "toll"},
			{Country: "GB", CountryName: "United Kingdom", City: "London", Number: "+44 20 7946 0321", Type: "toll"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("meeting (-want +got):\n%s", diff)
		}
	})
}

func TestCreateMeetingReportsWhatTheAccountLocked(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New()
	fake.AddUser(host, func(u *zoomtest.User) {
		u.Locked = map[string]any{"waiting_room": true}
		u.NoDialIn = true
	})
	got := mustCreate(t, newClient(t, fake)).Settings
	want := zoom.MeetingSettings{WaitingRoom: new(true), JoinBeforeHost: new(false)}
	ignore := cmpopts.IgnoreFields(zoom.MeetingSettings{}, "JBHTime", "UsePMI", "MeetingAuthentication", "Audio",
		"EncryptionType", "AutoRecording", "ApprovalType", "EmailNotification", "AlternativeHostsEmailNotification",
		"GlobalDialInCountries")
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// A redirect to another host would take the create, or its token, somewhere else.
func TestRedirectsElsewhereAreNotFollowed(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	fake.Fault(zoomtest.CreateMeeting, zoomtest.Answer(http.StatusTemporaryRedirect, "").Header("Location", "https://example.net/"))
	_, err := newClient(t, fake).CreateMeeting(t.Context(), host, incident())
	if diff := cmp.Diff([]string{"ErrUnavailable", "ErrInDoubt"}, reasons(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if requests := fake.Requests(); len(requests) != 2 {
		t.Errorf("%d requests, want the token and the create", len(requests))
	}
}
