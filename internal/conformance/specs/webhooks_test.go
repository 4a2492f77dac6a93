package specs_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/conformance/specs"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// zoomExampleExceptions are where Zoom's own examples contradict Zoom's own schemas.
func zoomExampleExceptions() []specs.Exception {
	const (
		lacks   = "the example has the operator, the schema does not"
		renamed = "the example has another name for the time than the schema"
		dated   = "the schema says number, the example has a date in a text"
	)
	return []specs.Exception{
		{Operation: "app_deauthorized", Side: specs.Fake, Field: "body.payload.event_ts", Why: dated},
		{Operation: "meeting.ended", Side: specs.Fake, Field: "body.payload.operation", Why: lacks},
		{Operation: "meeting.ended", Side: specs.Fake, Field: "body.payload.operator", Why: lacks},
		{Operation: "meeting.ended", Side: specs.Fake, Field: "body.payload.operator_id", Why: lacks},
		{
			Operation: "meeting.participant_joined", Side: specs.Fake,
			Field: "body.payload.object.participant.date_time", Why: renamed,
		},
		{
			Operation: "meeting.participant_joined", Side: specs.Fake,
			Field: "body.payload.object.participant.join_time", Why: renamed,
		},
		{
			Operation: "meeting.participant_left", Side: specs.Fake,
			Field: "body.payload.object.participant.date_time", Why: renamed,
		},
	}
}

// What ParseEvent makes of Zoom's own examples is what they say.
func TestZoomExamplesAreRead(t *testing.T) {
	t.Parallel()
	contract := contract(t, "zoom.webhooks.json", zoomExampleExceptions())
	for _, event := range contract.Webhooks() {
		examples := contract.WebhookExamples(event)
		if len(examples) == 0 {
			t.Errorf("%s has no example", event)
		}
		for _, body := range examples {
			t.Run(event, func(t *testing.T) {
				for _, v := range contract.CheckWebhook(event, body) {
					t.Error(v)
				}
				read, err := zoom.ParseEvent(body)
				must(t, err)
				if diff := cmp.Diff(said(t, body), got(read)); diff != "" {
					t.Errorf("ParseEvent (-example +read):\n%s", diff)
				}
			})
		}
	}
	for _, idle := range contract.Unneeded() {
		t.Errorf("nothing needs this exception: %+v", idle)
	}
}

// What the fake sends is what Zoom publishes, in each of the shapes that it takes in
// turn, and ParseEvent reads it.
func TestZoomWebhooksKeepTheirContract(t *testing.T) {
	t.Parallel()
	contract := contract(t, "zoom.webhooks.json", zoomWebhookExceptions())
	fake := zoomtest.New()
	user := fake.AddUser(host)
	client, err := zoom.NewClient(zoom.ServerToServer(fake.AccountCredentials()), zoom.WithTransport(fake.Transport()))
	must(t, err)
	meeting, err := client.CreateMeeting(t.Context(), host, zoom.MeetingRequest{Topic: "🚒 It's down – all of it", StartTime: time.Now()})
	must(t, err)
	verifier, err := zoom.NewVerifier([]string{fake.WebhookSecret()})
	must(t, err)
	for _, event := range contract.Webhooks() {
		for turn := range 4 {
			t.Run(fmt.Sprint(event, " ", turn), func(t *testing.T) {
				sent := fake.Webhook(zoomtest.Event{
					Type: event, MeetingID: meeting.ID, UserName: "Ada", Email: []string{"", host}[turn/2], UserID: user,
				})
				report := reportTo(t)
				for _, v := range contract.CheckWebhook(event, sent.Body) {
					report(v)
				}
				err := verifier.Verify(sent.Header, sent.Body)
				must(t, err)
				read, err := zoom.ParseEvent(sent.Body)
				must(t, err)
				if diff := cmp.Diff(said(t, sent.Body), got(read)); diff != "" {
					t.Errorf("ParseEvent (-sent +read):\n%s", diff)
				}
			})
		}
	}
	for _, idle := range contract.Unneeded() {
		t.Errorf("nothing needs this exception: %+v", idle)
	}
}

// zoomWebhookExceptions let the fake send what Zoom's examples show, and what it was seen
// to send.
func zoomWebhookExceptions() []specs.Exception {
	const unfriendly = "nobody has seen null here, but Zoom writes it elsewhere and the document has none: the fake tries the decoders"
	return append(zoomExampleExceptions(),
		specs.Exception{
			Operation: "app_deauthorized", Side: specs.Fake, Field: "body.event_ts",
			Why: "deliveries with the time at the top, as every other event has it, have been reported",
		},
		specs.Exception{Operation: "*", Side: specs.Fake, Field: "body.payload.object.participant.customer_key", Why: unfriendly},
		specs.Exception{Operation: "*", Side: specs.Fake, Field: "body.payload.object.participant.registrant_id", Why: unfriendly},
	)
}

// facts are what an event says, by the name in the vendor's document.
type facts map[string]string

// said finds the facts in a body without the help of the code under test.
func said(t *testing.T, body []byte) facts {
	t.Helper()
	var sent struct {
		Event   string `json:"event"`
		Payload struct {
			AccountID string                     `json:"account_id"`
			ClientID  string                     `json:"client_id"`
			UserID    string                     `json:"user_id"`
			Object    map[string]json.RawMessage `json:"object"`
		} `json:"payload"`
	}
	must(t, json.Unmarshal(body, &sent))
	text := func(raw json.RawMessage) string {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			s = string(raw) // a number
		}
		return s
	}
	joined, left := sent.Event == zoom.EventParticipantJoined, sent.Event == zoom.EventParticipantLeft
	var participant map[string]json.RawMessage
	if raw := sent.Payload.Object["participant"]; raw != nil {
		must(t, json.Unmarshal(raw, &participant))
	}
	return facts{
		"event":               sent.Event,
		"account_id":          sent.Payload.AccountID,
		"client_id":           sent.Payload.ClientID,
		"user_id":             sent.Payload.UserID,
		"object.id":           text(sent.Payload.Object["id"]),
		"object.uuid":         text(sent.Payload.Object["uuid"]),
		"object.host_id":      text(sent.Payload.Object["host_id"]),
		"participant":         fmt.Sprint(participant != nil),
		"participant.id":      text(participant["id"]),
		"participant.user_id": text(participant["user_id"]),
		"participant.name":    text(participant["user_name"]),
		"participant.email":   text(participant["email"]),
		"participant.joined":  text(orElse(participant["join_time"], onlyIf(joined, participant["date_time"]))),
		// The example of a leaver has both, and what it calls date_time is when that
		// person joined.
		"participant.left": text(orElse(participant["leave_time"], onlyIf(left, participant["date_time"]))),
	}
}

func orElse(raw, other json.RawMessage) json.RawMessage {
	if raw == nil {
		return other
	}
	return raw
}

func onlyIf(yes bool, raw json.RawMessage) json.RawMessage {
	if !yes {
		return nil
	}
	return raw
}

func got(e *zoom.Event) facts {
	p := e.Participant
	if p == nil {
		p = &zoom.Participant{}
	}
	return facts{
		"event":               e.Type,
		"account_id":          e.AccountID,
		"client_id":           e.ClientID,
		"user_id":             e.UserID,
		"object.id":           e.MeetingID,
		"object.uuid":         e.MeetingUUID,
		"object.host_id":      e.HostID,
		"participant":         fmt.Sprint(e.Participant != nil),
		"participant.id":      p.ID,
		"participant.user_id": p.UserID,
		"participant.name":    p.Name,
		"participant.email":   p.Email,
		"participant.joined":  stamp(p.JoinedAt),
		"participant.left":    stamp(p.LeftAt),
	}
}

// stamp writes a time as Zoom does, and nothing for none.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
