package zoom

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// The events that matter to a bridge. Others may arrive, and are to be answered with 2xx
// as well.
const (
	EventMeetingCreated     = "meeting.created"
	EventMeetingUpdated     = "meeting.updated"
	EventMeetingDeleted     = "meeting.deleted"
	EventMeetingStarted     = "meeting.started"
	EventMeetingEnded       = "meeting.ended"
	EventParticipantJoined  = "meeting.participant_joined"
	EventParticipantLeft    = "meeting.participant_left"        // may come more than a minute late
	EventParticipantEarly   = "meeting.participant_jbh_joined"  // somebody is in before the host
	EventParticipantWaiting = "meeting.participant_jbh_waiting" // somebody waits for a host: nobody gets in
	EventAppDeauthorized    = "app_deauthorized"
	EventURLValidation      = "endpoint.url_validation" // see Verifier.Challenge
)

// Event is the content of a webhook delivery. Any field but Type may be empty. Deliveries
// repeat, arrive out of order and have no id: [Event.Key] identifies an event. Links and
// passcodes are never read from it.
type Event struct {
	Type        string
	Time        time.Time
	AccountID   string
	ClientID    string // the app, in app_deauthorized
	UserID      string // the user who removed the app, in app_deauthorized
	MeetingID   string
	MeetingUUID string // of the session: a meeting that starts again has another
	HostID      string
	Topic       string
	StartedAt   time.Time
	EndedAt     time.Time    // in meeting.ended
	Participant *Participant // nil when the event is about none

	DeauthorizedAt time.Time // in app_deauthorized
}

// Participant is somebody in a meeting.
type Participant struct {
	ID          string // the Zoom user; empty for outsiders
	UserID      string // within this meeting
	UUID        string // within this meeting
	Name        string
	Email       string // empty for outsiders
	Phone       string // of somebody who dialed in
	JoinedAt    time.Time
	LeftAt      time.Time
	LeaveReason string
}

// Key returns a hash that is the same for every delivery of an event and differs between
// events, as far as their content does: Zoom gives events no id. It may be logged.
func (e *Event) Key() string {
	at := strconv.FormatInt(e.Time.UnixMilli(), 10)
	parts := []string{e.Type, e.MeetingID, e.MeetingUUID, at, e.AccountID, e.UserID}
	if p := e.Participant; p != nil {
		parts = append(parts, p.ID, p.UserID, p.UUID, p.Name)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// ParseEvent reads the body of a delivery that was verified. Unknown types and malformed
// fields are accepted; only a body that is no JSON object, or names no event, is
// [ErrInvalid].
//
// See https://developers.zoom.us/docs/api/meetings/events/.
func ParseEvent(body []byte) (*Event, error) {
	const op = "parse event"
	o, err := lenientjson.Parse(body)
	if err != nil {
		return nil, invalid(op, err)
	}
	event := &Event{Type: o.String("event"), Time: o.Time("event_ts")}
	if event.Type == "" {
		return nil, invalid(op, errors.New("no event named"))
	}
	payload := o.Object("payload")
	if event.Time.IsZero() {
		event.Time = payload.Time("event_ts")
	}
	event.AccountID = payload.String("account_id")
	event.ClientID = payload.String("client_id")
	event.UserID = payload.String("user_id")
	event.DeauthorizedAt = payload.Time("deauthorization_time")

	meeting := payload.Object("object")
	event.MeetingID = meeting.String("id")
	event.MeetingUUID = meeting.String("uuid")
	event.HostID = meeting.String("host_id")
	event.Topic = meeting.String("topic")
	event.StartedAt = meeting.Time("start_time")
	event.EndedAt = meeting.Time("end_time")
	if participant := meeting.Object("participant"); participant != nil {
		event.Participant = participantFrom(participant, event.Type)
	}
	return event, nil
}

func participantFrom(o lenientjson.Object, eventType string) *Participant {
	p := &Participant{
		ID:          o.String("id"),
		UserID:      o.String("user_id"),
		UUID:        o.String("participant_uuid"),
		Name:        o.String("user_name"),
		Email:       o.String("email"),
		JoinedAt:    o.Time("join_time"),
		LeftAt:      o.Time("leave_time"),
		Phone:       o.String("phone_number"),
		LeaveReason: o.String("leave_reason"),
	}
	// Zoom's examples have the time of the event in date_time, its schema in the fields
	// above.
	moment := o.Time("date_time")
	switch {
	case eventType == EventParticipantLeft && p.LeftAt.IsZero():
		p.LeftAt = moment
	case eventType != EventParticipantLeft && p.JoinedAt.IsZero():
		p.JoinedAt = moment
	}
	return p
}
