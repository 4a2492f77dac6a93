package zoomtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// WithWebhookSecret sets the secret token that signs webhooks.
func WithWebhookSecret(secret string) Option { return func(s *Server) { s.webhookSecret = secret } }

// WebhookSecret returns the secret token that signs webhooks.
func (s *Server) WebhookSecret() string { return s.webhookSecret }

// Event describes a webhook event for [Server.Webhook]. Fields that its type does not
// have are ignored.
type Event struct {
	Type       string    // such as "meeting.started"; the fake shapes the payload after it
	Time       time.Time // default: now
	MeetingID  int64     // of a meeting that the fake has or had, or any other
	UserName   string    // the participant of a participant event
	Email      string    // of a Zoom user; "" for an outsider, as Zoom sends it
	PlainToken string    // of endpoint.url_validation
	UserID     string    // the user who removed the app, in app_deauthorized
	ClientID   string    // the app, in app_deauthorized; default: the app that users install
}

// Delivery is a webhook request that Zoom sends.
type Delivery = fakes.Delivery

// Webhook returns a signed delivery with the state of the meeting. Its bytes are like
// Zoom's: an emoji is written as ASCII escapes, a dash or an apostrophe as it is. Where
// Zoom has been seen to send a field in several shapes, the fake sends them in turn.
func (s *Server) Webhook(e Event) Delivery {
	s.fake.Lock()
	defer s.fake.Unlock()
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	event := map[string]any{"event": e.Type, "event_ts": e.Time.UnixMilli(), "payload": s.payload(e)}
	if e.Type == zoom.EventAppDeauthorized {
		s.placeTime(event, e.Time)
	}
	return s.deliver(likeZoom(event))
}

// Uninstall removes the app as its user does in Zoom's marketplace. It ends every token
// of that user and returns the app_deauthorized event. It panics on a name that no user
// has.
func (s *Server) Uninstall(user string) Delivery {
	s.fake.Lock()
	found := s.userNamed(user)
	if found == nil {
		s.fake.Unlock()
		panic("zoomtest: no user is " + user)
	}
	for _, g := range s.grants {
		if g.user == found {
			g.revoked = true
		}
	}
	s.fake.Unlock()
	return s.Webhook(Event{Type: zoom.EventAppDeauthorized, UserID: found.ID})
}

// Redeliver returns the same event once more, signed anew. Nothing in it marks it as
// repeated.
func (s *Server) Redeliver(d Delivery) Delivery {
	s.fake.Lock()
	defer s.fake.Unlock()
	return s.deliver(bytes.Clone(d.Body))
}

// The following functions are called with the lock held.

func (s *Server) deliver(body []byte) Delivery {
	header := zoom.Sign(s.webhookSecret, time.Now(), body)
	header.Set("User-Agent", "Zoom Marketplace/1.0a")
	header.Set("X-Zm-Trackingid", fmt.Sprintf("v=2.0;clid=fake;rid=WEB_delivery_%d", s.turn("delivery")))
	return Delivery{Header: header, Body: body}
}

func (s *Server) payload(e Event) map[string]any {
	switch e.Type {
	case zoom.EventURLValidation:
		return map[string]any{"plainToken": e.PlainToken}
	case zoom.EventAppDeauthorized:
		return map[string]any{
			"account_id": account, "user_id": e.UserID, "client_id": orElse(e.ClientID, appClient),
			"signature":            "827edc3452044f0bc86bdd5684afb7d1e6becfa1a767f24df1b287853cf73000",
			"deauthorization_time": e.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		}
	}
	return s.meetingPayload(e, s.known(e.MeetingID))
}

func (s *Server) meetingPayload(e Event, m *meeting) map[string]any {
	object := map[string]any{
		"id": strconv.FormatInt(m.ID, 10), "uuid": m.UUID, "host_id": m.user.ID, "topic": m.Topic, "type": m.Type,
		"start_time": m.StartTime.UTC().Format(zoomTime), "duration": int(m.Duration.Minutes()), "timezone": m.timezone,
	}
	payload := map[string]any{"account_id": account, "object": object}
	hasOperator := false
	switch e.Type {
	case zoom.EventMeetingCreated, zoom.EventMeetingUpdated:
		object["id"], hasOperator = m.ID, true // a number here
		object["join_url"], object["password"] = m.JoinURL, m.Password
		object["settings"] = map[string]any{
			"join_before_host": m.Settings["join_before_host"], "jbh_time": m.Settings["jbh_time"],
			"use_pmi": m.Settings["use_pmi"], "alternative_hosts": m.Settings["alternative_hosts"],
		}
	case zoom.EventMeetingDeleted:
		object["id"], hasOperator = m.ID, true
	case zoom.EventMeetingEnded:
		object["end_time"] = e.Time.UTC().Format(zoomTime)
		hasOperator = s.turn(e.Type)%2 == 1 // in the example, not in the schema
	}
	if e.Type == zoom.EventMeetingUpdated {
		payload["scope"], payload["time_stamp"] = "single", e.Time.UnixMilli()
		payload["old_object"] = map[string]any{"id": m.ID, "topic": m.Topic}
	}
	if strings.HasPrefix(e.Type, "meeting.participant_") {
		object["participant"] = s.participant(e)
	}
	if hasOperator {
		payload["operator"], payload["operator_id"], payload["operation"] = m.Host, m.user.ID, "single"
	}
	return payload
}

// known returns the meeting with that id, a deleted one too, or a made-up one.
func (s *Server) known(id int64) *meeting {
	for _, m := range s.meetings {
		if m.ID == id {
			return m
		}
	}
	return &meeting{user: &User{}, Meeting: Meeting{ID: id, Type: 2}}
}

// participant names the time as the schema and the example of Zoom do, in turn.
func (s *Server) participant(e Event) map[string]any {
	if e.Type == zoom.EventParticipantEarly || e.Type == zoom.EventParticipantWaiting {
		return map[string]any{"id": "", "user_name": e.UserName, "customer_key": nil}
	}
	person := map[string]any{
		"user_id": "16778240", "user_name": e.UserName, "id": "", "participant_uuid": "P-" + e.UserName,
		"email": e.Email, "registrant_id": nil, "phone_number": "",
	}
	if user := s.userNamed(e.Email); user != nil {
		person["id"], person["participant_user_id"] = user.ID, user.ID
	}
	now, asInExample := e.Time.UTC().Format(zoomTime), s.turn(e.Type)%2 == 1
	switch {
	case e.Type == zoom.EventParticipantLeft:
		person["leave_time"], person["leave_reason"] = now, "left the meeting."
		if asInExample {
			person["date_time"] = now
		}
	case asInExample:
		person["date_time"] = now
	default:
		person["join_time"] = now
	}
	return person
}

// placeTime writes the time of app_deauthorized as a number or a string in the payload,
// or as a number above it.
func (s *Server) placeTime(event map[string]any, at time.Time) {
	payload, ok := event["payload"].(map[string]any)
	if !ok {
		return
	}
	switch s.turn(zoom.EventAppDeauthorized) % 3 {
	case 0:
		payload["event_ts"] = at.UnixMilli()
		delete(event, "event_ts")
	case 1:
		payload["event_ts"] = at.UTC().Format(time.DateTime)
		delete(event, "event_ts")
	}
}

// likeZoom encodes JSON with everything above U+FFFF as two escapes, and the rest as it
// is.
func likeZoom(v any) []byte {
	var plain, out bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("zoomtest: %v", err)) // only the fake's own values come here
	}
	for _, r := range strings.TrimSpace(plain.String()) {
		if r > 0xffff {
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04X\u%04X`, high, low)
			continue
		}
		out.WriteRune(r)
	}
	return out.Bytes()
}
