package zoom_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
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
			"waits for the host",
			`{"event":"meeting.participant_jbh_waiting","payload":{"object":{"id":"1","participant":{"user_name":"Ada","id":null}}}}`,
			&zoom.Event{
				Type: zoom.EventParticipantWaiting, MeetingID: "1", Participant: &zoom.Participant{Name: "Ada"},
			},
		},
		{
			"ended, with an operator as in the example",
			`{"event":"meeting.ended","payload":{"operator":"x","operator_id":"y","operation":"single","object":{"id":"1",` +
				`"topic":"Fire","start_time":"2026-11-23T07:00:00Z","end_time":"2026-11-23T07:00:00Z"}}}`,
			&zoom.Event{
				Type: zoom.EventMeetingEnded, MeetingID: "1", Topic: "Fire", StartedAt: moment, EndedAt: moment,
			},
		},
		{
			"left, by phone, both names of the moment",
			`{"event":"meeting.participant_left","payload":{"object":{"participant":{"phone_number":"8615250064084",` +
				`"date_time":"2021-07-13T21:44:51Z","leave_time":"2026-11-23T07:00:00Z","leave_reason":"left"}}}}`,
			&zoom.Event{
				Type:        zoom.EventParticipantLeft,
				Participant: &zoom.Participant{Phone: "8615250064084", LeftAt: moment, LeaveReason: "left"},
			},
		},
		{
			"app removed, a number inside",
			`{"event":"app_deauthorized","payload":{"event_ts":1795417200000,"user_data_retention":"false"}}`,
			&zoom.Event{Type: zoom.EventAppDeauthorized, Time: moment},
		},
		{
			"nulls everywhere",
			`{"event":"meeting.participant_joined","event_ts":null,"payload":{"account_id":null,"object":{"id":null,"uuid":null,` +
				`"host_id":null,"topic":null,"start_time":null,"participant":{"id":null,"user_id":null,"join_time":null}}}}`,
			&zoom.Event{Type: zoom.EventParticipantJoined, Participant: &zoom.Participant{}},
		},
		{"payload null", `{"event":"meeting.started","payload":null}`, &zoom.Event{Type: zoom.EventMeetingStarted}},
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

// What the fake sends is verified, understood, and known again when it comes a second
// time.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host, "ada@example.com"))
		made, err := newClient(t, fake).CreateMeeting(t.Context(), host, zoom.MeetingRequest{Topic: "Fire 🚒 – it's down"})
		if err != nil {
			t.Fatal(err)
		}
		verifier := newVerifier(t, "the next secret", fake.WebhookSecret())
		keys := map[string]string{}
		for _, kind := range []string{
			zoom.EventMeetingCreated, zoom.EventMeetingUpdated, zoom.EventMeetingStarted, zoom.EventMeetingEnded,
			zoom.EventMeetingDeleted, zoom.EventParticipantJoined, zoom.EventParticipantLeft, zoom.EventParticipantEarly,
			zoom.EventParticipantWaiting, zoom.EventAppDeauthorized, "phone.caller_ended",
		} {
			for turn := range 3 { // shapes change from turn to turn
				<-time.After(time.Second)
				sent := fake.Webhook(zoomtest.Event{
					Type: kind, MeetingID: made.ID, UserName: "Ada", Email: "ada@example.com", UserID: "U",
				})
				event := understood(t, verifier, sent)
				if event.Type != kind || !event.Time.Equal(time.Now()) {
					t.Errorf("%s %d: type %q, time %s, want %s", kind, turn, event.Type, event.Time, time.Now())
				}
				if kind == zoom.EventAppDeauthorized {
					if event.UserID != "U" || event.ClientID != "APP-CLIENT" || !event.DeauthorizedAt.Equal(time.Now()) {
						t.Errorf("%d: %+v", turn, event)
					}
				} else if event.MeetingID != strconv.FormatInt(made.ID, 10) || event.MeetingUUID != made.UUID {
					t.Errorf("%s %d: meeting %q, session %q", kind, turn, event.MeetingID, event.MeetingUUID)
				}
				<-time.After(5 * time.Minute)
				if again := understood(t, verifier, fake.Redeliver(sent)); again.Key() != event.Key() {
					t.Errorf("%s %d: a redelivery is not known again", kind, turn)
				}
				if other, taken := keys[event.Key()]; taken {
					t.Errorf("%s %d: the same key as %s", kind, turn, other)
				}
				keys[event.Key()] = kind
			}
		}
	})
}

// Two people may come in the same millisecond.
func TestKeysTellEventsApart(t *testing.T) {
	t.Parallel()
	const body = `{"event":"meeting.participant_joined","event_ts":1795417200000,"payload":{"account_id":"A","object":{"id":"1",` +
		`"uuid":"u","participant":{"user_id":"7","user_name":"Ada","id":"U","participant_uuid":"P"}}}}`
	keys := map[string]string{}
	for _, change := range [][2]string{
		{"", ""},
		{"joined", "left"},
		{"1795417200000", "1795417200001"},
		{`"A"`, `"B"`},
		{`"id":"1"`, `"id":"2"`},
		{`"u"`, `"v"`},
		{`"7"`, `"8"`},
		{"Ada", "Ben"},
		{`"U"`, `""`},
		{`"P"`, `null`},
	} {
		event, err := zoom.ParseEvent([]byte(strings.Replace(body, change[0], change[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := keys[event.Key()]; taken {
			t.Errorf("%q has the key of %q", change, other)
		}
		keys[event.Key()] = change[0]
	}
}

func understood(t *testing.T, verifier *zoom.Verifier, d zoomtest.Delivery) *zoom.Event {
	t.Helper()
	request, err := d.Request(t.Context(), "https://example.com/webhooks/zoom")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(request.Header, body); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	event, err := zoom.ParseEvent(body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return event
}

// An event of a created meeting holds the link and the passcode.
func TestEventsHoldNoSecret(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	made := mustCreate(t, newClient(t, fake))
	sent := fake.Webhook(zoomtest.Event{Type: zoom.EventMeetingCreated, MeetingID: made.ID})
	if !bytes.Contains(sent.Body, []byte(made.Password)) {
		t.Fatal("the delivery holds no passcode, so nothing was tried")
	}
	text := fmt.Sprintf("%+v", *understood(t, newVerifier(t, fake.WebhookSecret()), sent))
	if strings.Contains(text, string(made.Password)) || strings.Contains(text, "zoom.us") {
		t.Errorf("the event prints %s", text)
	}
}

// The signature is Zoom's proof; payload.signature of app_deauthorized is a mere
// identifier.
func TestDeauthorizationIsProvedByTheHeader(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New()
	sent := fake.Webhook(zoomtest.Event{Type: zoom.EventAppDeauthorized, UserID: "U"})
	forged := bytes.Replace(sent.Body, []byte(`"U"`), []byte(`"V"`), 1)
	if bytes.Equal(forged, sent.Body) {
		t.Fatal("nothing was forged")
	}
	err := newVerifier(t, fake.WebhookSecret()).Verify(sent.Header, forged)
	if !errors.Is(err, zoom.ErrBadSignature) {
		t.Errorf("got %v, want ErrBadSignature", err)
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
