package zoomtest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// A receiver that decodes and encodes such a body again has other bytes, and a signature
// that fails.
func TestDeliveriesAreWrittenAsZoomWritesThem(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newCaller(t, fake)
	client.must(t, http.MethodPost, "/users/host@example.com/meetings", `{"topic":"Fire \ud83d\ude92 – it's <down>"}`)
	body := fake.Webhook(zoomtest.Event{Type: zoom.EventMeetingStarted, MeetingID: fake.Meetings()[0].ID}).Body
	if want := []byte(`"topic":"Fire \uD83D\uDE92 – it's <down>"`); !bytes.Contains(body, want) || !utf8.Valid(body) {
		t.Errorf("%s lacks %s", body, want)
	}
	var decoded any
	if err := json.Unmarshal(body, &decoded); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(decoded); err != nil || bytes.Equal(again, body) {
		t.Errorf("written again it is the same: %s, %v", again, err)
	}
}

func TestMeetingIDsAreNumbersOrTextsByEvent(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	isText := func(kind string) bool {
		var event struct {
			Payload struct {
				Object struct{ ID json.RawMessage }
			}
		}
		if err := json.Unmarshal(fake.Webhook(zoomtest.Event{Type: kind, MeetingID: 92674392836}).Body, &event); err != nil {
			t.Fatal(err)
		}
		return event.Payload.Object.ID[0] == '"'
	}
	got := map[string]bool{}
	for _, kind := range []string{
		zoom.EventMeetingCreated, zoom.EventMeetingUpdated, zoom.EventMeetingDeleted,
		zoom.EventMeetingStarted, zoom.EventMeetingEnded, zoom.EventParticipantJoined,
	} {
		got[kind] = isText(kind)
	}
	want := map[string]bool{
		"meeting.created": false, "meeting.updated": false, "meeting.deleted": false,
		"meeting.started": true, "meeting.ended": true, "meeting.participant_joined": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids that are texts (-want +got):\n%s", diff)
	}
}

func TestARedeliveryIsTheSameEventSignedAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithWebhookSecret("s"))
		first := fake.Webhook(zoomtest.Event{Type: zoom.EventMeetingEnded, MeetingID: 1})
		<-time.After(time.Hour)
		again := fake.Redeliver(first)
		if diff := cmp.Diff(string(first.Body), string(again.Body)); diff != "" {
			t.Errorf("body (-first +again):\n%s", diff)
		}
		if first.Header.Get("X-Zm-Trackingid") == again.Header.Get("X-Zm-Trackingid") {
			t.Error("the tracking id tells that it is the same event, which Zoom's does not")
		}
		verifier, err := zoom.NewVerifier([]string{"s"})
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(again.Header, again.Body); err != nil {
			t.Error(err)
		}
	})
}

func TestValidationIsSigned(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New()
	sent := fake.Webhook(zoomtest.Event{Type: zoom.EventURLValidation, PlainToken: "plain-token-1"})
	verifier, err := zoom.NewVerifier([]string{fake.WebhookSecret()})
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Verify(sent.Header, sent.Body); err != nil {
		t.Fatal(err)
	}
	if answer, ok := verifier.Challenge(sent.Header, sent.Body); !ok || !bytes.Contains(answer, []byte("plain-token-1")) {
		t.Errorf("answered %s", answer)
	}
}

// Its time comes in three variants.
func TestDeauthorizationsNameTheirTimeInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New()
		var got []string
		for range 3 {
			var event struct {
				Time    json.RawMessage `json:"event_ts"`
				Payload struct {
					Time json.RawMessage `json:"event_ts"`
				} `json:"payload"`
			}
			if err := json.Unmarshal(fake.Webhook(zoomtest.Event{Type: zoom.EventAppDeauthorized}).Body, &event); err != nil {
				t.Fatal(err)
			}
			got = append(got, string(event.Time)+"|"+string(event.Payload.Time))
		}
		want := []string{`|946684800000`, `|"2000-01-01 00:00:00"`, `946684800000|`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("times (-want +got):\n%s", diff)
		}
	})
}
