package pagerduty

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Incident is what this package reads of a PagerDuty incident, from a call or a webhook. Fields that the source did
// not carry are zero.
type Incident struct {
	ID               string
	Number           int
	Title            string
	Status           string // "triggered", "acknowledged" or "resolved"
	Urgency          string // "high" or "low"
	HTMLURL          string // the incident's page
	CreatedAt        time.Time
	ResolvedAt       time.Time
	Service          *Reference
	EscalationPolicy *Reference
	Priority         *Reference
	Teams            []Reference
	Assignees        []Reference

	// ConferenceBridge is nil when there is none, or when the source does not tell.
	ConferenceBridge *ConferenceBridge
	// BridgeKnown reports whether the source spoke of the conference bridge at all: the answer to a write and V2
	// payloads do not, and then a nil ConferenceBridge says nothing.
	BridgeKnown bool
}

// Reference names another object of PagerDuty's: a user, service, team, priority and so on.
type Reference struct {
	ID      string
	Type    string // such as "user_reference"
	Summary string // its name; webhooks may leave it out
}

// Incident reads the incident with the given id or number, its conference bridge included. The ID of the answer is
// always the id. See https://developer.pagerduty.com/api-reference/005299ed43553-get-an-incident.
func (c *Client) Incident(ctx context.Context, id string) (*Incident, error) {
	const op = "get incident"
	if !validID(id) {
		return nil, invalid(op, "", "the incident id must be letters and digits")
	}
	r := request{
		op: op, incidentID: id,
		method: http.MethodGet, path: "/incidents/" + id,
		query: url.Values{"include[]": {"conference_bridge"}}, // without it the bridge is never there
	}
	answer, err := c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	return answeredIncident(r, answer)
}

func answeredIncident(r request, answer object) (*Incident, error) {
	incident := decodeIncident(answer.object("incident"))
	if !validID(incident.ID) {
		return nil, unreadableError(r)
	}
	return incident, nil
}

// decodeIncident reads an incident in REST's, V3's or V2's spelling.
func decodeIncident(o object) *Incident {
	incident := &Incident{
		ID:               o.text("id"),
		Number:           o.number("incident_number", "number"),
		Title:            o.text("title", "summary"),
		Status:           o.text("status"),
		Urgency:          o.text("urgency"),
		HTMLURL:          o.text("html_url"),
		CreatedAt:        o.time("created_at"),
		ResolvedAt:       o.time("resolved_at"),
		Service:          o.object("service").reference(),
		EscalationPolicy: o.object("escalation_policy").reference(),
		Priority:         o.object("priority").reference(),
		Teams:            references(o.objects("teams")),
		Assignees:        references(o.objects("assignees")),
		ConferenceBridge: decodeConferenceBridge(o.object("conference_bridge")),
	}
	_, incident.BridgeKnown = o["conference_bridge"]
	for _, assignment := range o.objects("assignments") {
		incident.Assignees = append(incident.Assignees, references([]object{assignment.object("assignee")})...)
	}
	incident.Title = strings.TrimSpace(incident.Title)
	return incident
}
