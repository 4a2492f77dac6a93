package zoom

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// The events that matter to a bridge. Any other may arrive, and is to be answered with 2xx all the same.
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
	EventURLValidation      = "endpoint.url_validation" // see Delivery.Challenge
)

// Event is what a webhook delivery tells. Any field but Type may be empty. Deliveries repeat, come out of order and
// have no id: [Event.Key] knows one again. Links and passcodes that an event carries are never read from it.
type Event struct {
	Type        string
	Time        time.Time
	AccountID   string
	ClientID    string // the app, in app_deauthorized
	UserID      string // whoever removed the app, in app_deauthorized
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

// Key is the same for every delivery of one event, and another for every other event, as far as can be told: Zoom gives
// events no id. It is a hash, fit for a log.
func (e *Event) Key() string {
	parts := []string{e.Type, e.MeetingID, e.MeetingUUID, strconv.FormatInt(e.Time.UnixMilli(), 10), e.AccountID, e.UserID}
	if p := e.Participant; p != nil {
		parts = append(parts, p.ID, p.UserID, p.UUID, p.Name)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// ParseEvent reads the body of a delivery that was verified. Types it does not know and fields in odd shapes are fine;
// only a body that is no JSON object, or names no event, is an error (ErrInvalid).
//
// See https://developers.zoom.us/docs/api/meetings/events/.
func ParseEvent(body []byte) (*Event, error) {
	const op = "parse event"
	o, err := parseObject(body)
	if err != nil {
		return nil, invalid(op, err)
	}
	event := &Event{Type: o.text("event"), Time: o.time("event_ts")}
	if event.Type == "" {
		return nil, invalid(op, errors.New("no event named"))
	}
	payload := o.object("payload")
	if event.Time.IsZero() {
		event.Time = payload.time("event_ts")
	}
	event.AccountID = payload.text("account_id")
	event.ClientID = payload.text("client_id")
	event.UserID = payload.text("user_id")
	event.DeauthorizedAt = payload.time("deauthorization_time")

	meeting := payload.object("object")
	event.MeetingID = meeting.text("id")
	event.MeetingUUID = meeting.text("uuid")
	event.HostID = meeting.text("host_id")
	event.Topic = meeting.text("topic")
	event.StartedAt = meeting.time("start_time")
	event.EndedAt = meeting.time("end_time")
	if participant := meeting.object("participant"); participant != nil {
		event.Participant = participantFrom(participant, event.Type)
	}
	return event, nil
}

func participantFrom(o object, eventType string) *Participant {
	p := &Participant{
		ID:          o.text("id"),
		UserID:      o.text("user_id"),
		UUID:        o.text("participant_uuid"),
		Name:        o.text("user_name"),
		Email:       o.text("email"),
		JoinedAt:    o.time("join_time"),
		LeftAt:      o.time("leave_time"),
		Phone:       o.text("phone_number"),
		LeaveReason: o.text("leave_reason"),
	}
	// Zoom's examples call the moment of the event date_time, its schema by the names above.
	moment := o.time("date_time")
	switch {
	case eventType == EventParticipantLeft && p.LeftAt.IsZero():
		p.LeftAt = moment
	case eventType != EventParticipantLeft && p.JoinedAt.IsZero():
		p.JoinedAt = moment
	}
	return p
}
