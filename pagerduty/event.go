package pagerduty

import (
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// Event is a V3 webhook event. PagerDuty adds types at any time: an unknown one has the
// fields of its envelope.
//
// See https://developer.pagerduty.com/docs/webhooks-overview.
type Event struct {
	ID           string
	Type         string // such as "incident.triggered"
	ResourceType string // "incident", "service" or "pagey"
	OccurredAt   time.Time
	Agent        *Reference // who caused it, not always a user; may be nil
	IncidentID   string     // the incident it is about; empty when there is none

	// Incident is the incident itself when the event has it, else nil: several types only
	// refer to it.
	Incident *Incident
	// Workflow is the incident workflow of an incident.workflow event, else nil.
	Workflow *Reference
	// ConferenceBridge is the new bridge of an incident.conference_bridge.updated event,
	// empty when it was cleared, and nil for every other event.
	ConferenceBridge *ConferenceBridge
	// Responder is who was asked to join, or who replied, in an incident.responder event,
	// else nil.
	Responder *Responder
	// Note is the note of an incident.annotated event, without its author, who is the
	// Agent; else nil.
	Note *Note
}

// Responder is somebody who was asked to join an incident.
type Responder struct {
	User             *Reference // nil when a policy was asked
	EscalationPolicy *Reference // nil when a user was asked
	Message          string
	State            string // such as "pending", "accepted" or "declined"
}

// ParseEvent reads the body of a V3 webhook that was verified. Missing, null and
// malformed fields are left zero; only a body that is no event is [ErrInvalid].
func ParseEvent(body []byte) (*Event, error) {
	const op = "parse event"
	content, err := lenientjson.Parse(body)
	if err != nil {
		return nil, invalid(op, "", "the body is not a JSON object")
	}
	envelope := content.Object("event")
	event := &Event{
		ID:           envelope.String("id"),
		Type:         envelope.String("event_type"),
		ResourceType: envelope.String("resource_type"),
		OccurredAt:   envelope.Time("occurred_at"),
		Agent:        referenceFrom(envelope.Object("agent")),
	}
	if event.Type == "" {
		return nil, invalid(op, "", "event.event_type is missing")
	}
	event.readData(envelope.Object("data"))
	return event, nil
}

func (e *Event) readData(data lenientjson.Object) {
	kind := data.String("type")
	switch kind {
	case "incident":
		e.Incident = decodeIncident(data)
		e.IncidentID = e.Incident.ID
	case "incident_reference":
		e.IncidentID = data.String("id")
	default:
		e.IncidentID = data.Object("incident").String("id")
	}
	e.Workflow = referenceFrom(data.Object("incident_workflow"))
	switch {
	case kind == "incident_conference_bridge", e.Type == "incident.conference_bridge.updated":
		e.ConferenceBridge = e.updatedBridge(data)
	case kind == "incident_responder":
		e.Responder = &Responder{
			User:             referenceFrom(data.Object("user")),
			EscalationPolicy: referenceFrom(data.Object("escalation_policy")),
			Message:          data.String("message"),
			State:            data.String("state"),
		}
	case kind == "incident_note":
		e.Note = decodeNote(data)
	}
}

// updatedBridge reads the bridge from data, or from the incident when data is one.
func (e *Event) updatedBridge(data lenientjson.Object) *ConferenceBridge {
	bridge := decodeConferenceBridge(data)
	if bridge == nil && e.Incident != nil {
		bridge = e.Incident.ConferenceBridge
	}
	if bridge == nil {
		return &ConferenceBridge{}
	}
	bridge.URL, bridge.DialIn = strings.TrimSpace(bridge.URL), strings.TrimSpace(bridge.DialIn)
	return bridge
}
