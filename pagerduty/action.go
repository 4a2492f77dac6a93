package pagerduty

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// maxFieldBytes bounds each field of a workflow's body.
const maxFieldBytes = 512

// CustomAction is one press of a custom incident action's button. PagerDuty sends it
// unsigned, in its V2 format, and repeats it for 48 hours until the answer is 2xx:
// authenticate it by a header and remember the ID.
type CustomAction struct {
	ID        string
	Event     string // "incident.custom"
	CreatedOn time.Time
	Incident  *Incident  // nil when the message has none
	Agent     *Reference // who pressed; nil when PagerDuty does not say
}

// ParseCustomAction reads the body that a custom incident action sends, which may have
// several messages. Missing, null and malformed fields are left zero; only a body without
// a list of messages is [ErrInvalid].
func ParseCustomAction(body []byte) ([]CustomAction, error) {
	const op = "parse custom action"
	content, err := lenientjson.Parse(body)
	if err != nil {
		return nil, invalid(op, "", "the body is not a JSON object")
	}
	if !strings.HasPrefix(string(content["messages"]), "[") {
		return nil, invalid(op, "", "messages is missing or not a list")
	}
	var actions []CustomAction
	for _, message := range content.Objects("messages") {
		action := CustomAction{
			ID:        message.String("id"),
			Event:     message.String("event"),
			CreatedOn: message.Time("created_on"),
		}
		if incident := message.Object("incident"); incident != nil {
			action.Incident = decodeIncident(incident)
		}
		for _, entry := range message.Objects("log_entries") {
			if action.Agent == nil {
				action.Agent = referenceFrom(entry.Object("agent"))
			}
		}
		actions = append(actions, action)
	}
	return actions, nil
}

// WorkflowRequest is what a workflow's webhook step, or any program of yours, sends to
// ask for a bridge.
type WorkflowRequest struct {
	IncidentID     string // required: an id, number or link, see [ParseIncidentID]
	RequesterID    string
	RequesterEmail string
	IdempotencyKey string
	Trigger        string // "manual", "workflow" or "api"; its meaning is the receiver's
}

// ParseWorkflow reads the body {"incident_id", "requester_id", "requester_email",
// "idempotency_key", "trigger"}. All but the first may be missing or null, and a number
// counts as a string. [ErrInvalid] names the field that is bad; fields that are not
// listed are ignored. A field that is there twice is bad too: if the template contained
// the incident's title, its author could add fields.
func ParseWorkflow(body []byte) (*WorkflowRequest, error) {
	const op = "parse workflow body"
	content, err := lenientjson.Parse(body)
	if err != nil {
		return nil, invalid(op, "", "the body is not a JSON object")
	}
	if name := repeated(body); name != "" {
		return nil, invalid(op, "", name+" is given twice: a template may contain ids only")
	}
	request := &WorkflowRequest{}
	fields := []struct {
		name string
		into *string
	}{
		{"incident_id", &request.IncidentID},
		{"requester_id", &request.RequesterID},
		{"requester_email", &request.RequesterEmail},
		{"idempotency_key", &request.IdempotencyKey},
		{"trigger", &request.Trigger},
	}
	for _, field := range fields {
		if !readField(content[field.name], field.into) {
			return nil, invalid(op, "", field.name+" must be a string or a number, and not a long one")
		}
	}
	if request.IncidentID == "" {
		return nil, invalid(op, "", "incident_id is missing")
	}
	return request, nil
}

// repeated returns a name that a JSON object has twice, or "".
func repeated(body []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if _, err := decoder.Token(); err != nil {
		return ""
	}
	seen := map[string]bool{}
	for decoder.More() {
		key, err := decoder.Token()
		name, isName := key.(string)
		var value json.RawMessage
		if err != nil || !isName || decoder.Decode(&value) != nil {
			return ""
		}
		if seen[name] {
			return name
		}
		seen[name] = true
	}
	return ""
}

func readField(raw json.RawMessage, into *string) bool {
	if len(raw) == 0 || string(raw) == "null" {
		return true
	}
	text, ok := lenientjson.Scalar(raw)
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if !ok || len(text) > maxFieldBytes || strings.ContainsFunc(text, control) {
		return false
	}
	*into = text
	return true
}
