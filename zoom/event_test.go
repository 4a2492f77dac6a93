package zoom_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
)

func TestParseEvent(t *testing.T) {
	t.Parallel()
	moment := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		body string
		want *zoom.Event
	}{
		{
			"id as text",
			`{"event":"meeting.started","event_ts":1795417200000,"payload":{"account_id":"A","object":{"id":"85746065",` +
				`"uuid":"4444AAAiAAAAAiAiAiiAii==","host_id":"H","type":2}}}`,
			&zoom.Event{
				Type: zoom.EventMeetingStarted, Time: moment, AccountID: "A",
				MeetingID: "85746065", MeetingUUID: "4444AAAiAAAAAiAiAiiAii==", HostID: "H",
			},
		},
		{
			"id as number",
			`{"event":"meeting.deleted","event_ts":"1795417200000","payload":{"object":{"id":92674392836}}}`,
			&zoom.Event{Type: zoom.EventMeetingDeleted, Time: moment, MeetingID: "92674392836"},
		},
		{
			"joined",
			`{"event":"meeting.participant_joined","payload":{"object":{"id":"1","participant":{"user_id":16778240,` +
				`"user_name":"Ada","id":"","participant_uuid":"P","email":"","join_time":"2026-11-23T07:00:00Z"}}}}`,
			&zoom.Event{
				Type: zoom.EventParticipantJoined, MeetingID: "1",
				Participant: &zoom.Participant{UserID: "16778240", UUID: "P", Name: "Ada", JoinedAt: moment},
			},
		},
		{
			"joined, as in the examples",
			`{"event":"meeting.participant_joined","payload":{"object":{"participant":{"date_time":"2026-11-23T07:00:00Z"}}}}`,
			&zoom.Event{Type: zoom.EventParticipantJoined, Participant: &zoom.Participant{JoinedAt: moment}},
		},
		{
			"left, as in the examples",
			`{"event":"meeting.participant_left","payload":{"object":{"participant":{"date_time":"2026-11-23T07:00:00Z"}}}}`,
			&zoom.Event{Type: zoom.EventParticipantLeft, Participant: &zoom.Participant{LeftAt: moment}},
		},
		{
			"left",
			`{"event":"meeting.participant_left","payload":{"object":{"participant":{"leave_time":"2026-11-23T08:00:00+01:00",` +
				`"email":"ada@example.com","id":"U"}}}}`,
			&zoom.Event{
				Type:        zoom.EventParticipantLeft,
				Participant: &zoom.Participant{ID: "U", Email: "ada@example.com", LeftAt: moment},
			},
		},
		{
			"app removed",
			`{"event":"app_deauthorized","payload":{"account_id":"A","user_id":"U","signature":"x","client_id":"C",` +
				`"deauthorization_time":"2026-11-23T07:00:00.000Z","event_ts":"2026-11-23 07:00:00"}}`,
			&zoom.Event{
				Type: zoom.EventAppDeauthorized, Time: moment, AccountID: "A", ClientID: "C", UserID: "U", DeauthorizedAt: moment,
			},
		},
		{
			"app removed, other numbers",
			`{"event":"app_deauthorized","event_ts":1795417200000,"payload":{"event_ts":5}}`,
			&zoom.Event{Type: zoom.EventAppDeauthorized, Time: moment},
		},
		{
			"unknown", `{"event":"phone.caller_ended","payload":{"object":{"id":{},"participant":null}}}`,
			&zoom.Event{Type: "phone.caller_ended"},
		},
		{"all odd", `{"event":"x","event_ts":{},"payload":[]}`, &zoom.Event{Type: "x"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := zoom.ParseEvent([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEventRefuses(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `null`, `[]`, `"meeting.started"`, `{`, `{}`, `{"event":null}`, `{"event":{}}`} {
		event, err := zoom.ParseEvent([]byte(body))
		if event != nil || !cmp.Equal(reasons(err), []string{"ErrInvalid"}) {
			t.Errorf("%s: got %v and %v, want ErrInvalid", body, event, err)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(vectorBody))
	f.Add([]byte(`{"event":"app_deauthorized","payload":{"event_ts":"2024-09-08 15:58:40"}}`))
	f.Add([]byte(`{"event":"meeting.participant_left","payload":{"object":{"id":1e3,"participant":{"date_time":-1}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := zoom.ParseEvent(body)
		if (event == nil) == (err == nil) {
			t.Fatalf("got %v and %v, want either", event, err)
		}
		if err == nil && event.Type == "" {
			t.Error("an event without a type")
		}
	})
}
