package zoom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestUpdateMeetingSendsOnlyWhatIsSet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		request zoom.MeetingRequest
		want    string
	}{
		{"topic", zoom.MeetingRequest{Topic: "new"}, `{"topic":"new"}`},
		{"nothing", zoom.MeetingRequest{}, `{}`},
		{
			"an explicit false",
			zoom.MeetingRequest{Settings: zoom.MeetingSettings{WaitingRoom: new(false)}},
			`{"settings":{"waiting_room":false}}`,
		},
		{"a passcode", zoom.MeetingRequest{Password: "123456"}, `{"password":"123456"}`},
		{
			"alternative hosts",
			zoom.MeetingRequest{Settings: zoom.MeetingSettings{AlternativeHosts: []string{host, "b@example.com"}}},
			`{"settings":{"alternative_hosts":"host@example.com;b@example.com"}}`,
		},
		{
			"tracking fields",
			zoom.MeetingRequest{TrackingFields: []zoom.TrackingField{{Field: "incident", Value: "PABC123"}}},
			`{"tracking_fields":[{"field":"incident","value":"PABC123"}]}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(host, "b@example.com"))
			client := newClient(t, fake)
			before := mustCreate(t, client)
			if err := client.UpdateMeeting(t.Context(), before.ID, test.request); err != nil {
				t.Fatal(err)
			}
			request := fake.Requests(zoomtest.UpdateMeeting)[0]
			if diff := cmp.Diff(test.want, string(request.Body)); diff != "" {
				t.Errorf("body (-want +sent):\n%s", diff)
			}
			if request.Method != "PATCH" || request.Status != 204 {
				t.Errorf("%s answered %d, want PATCH and an empty 204", request.Method, request.Status)
			}
			after, err := client.Meeting(t.Context(), before.ID)
			if err != nil {
				t.Fatal(err)
			}
			if after.Duration != before.Duration || after.Agenda != before.Agenda || after.JoinURL != before.JoinURL {
				t.Errorf("the update changed what it did not name: %v, %q", after.Duration, after.Agenda)
			}
		})
	}
}

func TestUpdateMeetingCountsToTheHostsDay(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithDailyLimit(3))
	client, ctx := newClient(t, fake), t.Context()
	id := mustCreate(t, client).ID
	rename := func() error { return client.UpdateMeeting(ctx, id, zoom.MeetingRequest{Topic: "x"}) }
	for range 2 {
		if err := rename(); err != nil {
			t.Fatal(err)
		}
	}
	_, createErr := client.CreateMeeting(ctx, host, incident())
	for name, err := range map[string]error{"update": rename(), "create": createErr} {
		if diff := cmp.Diff([]string{"ErrRateLimited", "ErrDailyLimit"}, reasons(err)); diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if err := client.EndMeeting(ctx, id); err != nil {
		t.Errorf("an end counts too: %v", err)
	}
}

func TestUpdateMeetingThatIsGone(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	err := newClient(t, fake).UpdateMeeting(t.Context(), 1, zoom.MeetingRequest{Topic: "x"})
	if diff := cmp.Diff([]string{"ErrNotFound"}, reasons(err)); diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
