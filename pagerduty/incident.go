package pagerduty

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// Incident is what this package reads of a PagerDuty incident, from an answer or a
// webhook. Fields that are not there are zero.
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

	// ConferenceBridge is nil when there is none, or when BridgeKnown is false.
	ConferenceBridge *ConferenceBridge
	// BridgeKnown is true when the source has the field of the conference bridge: the
	// answer to a write and V2 payloads do not.
	BridgeKnown bool
}

// Reference names another object in PagerDuty: a user, service, team, priority and so on.
type Reference struct {
	ID      string
	Type    string // such as "user_reference"
	Summary string // its name; webhooks may leave it out
}

// Incident reads the incident with the given id or number, its conference bridge
// included. The ID of the result is always the id.
//
// See https://developer.pagerduty.com/api-reference/005299ed43553-get-an-incident.
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
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	return answeredIncident(r, answer)
}

func answeredIncident(r request, answer lenientjson.Object) (*Incident, error) {
	incident := decodeIncident(answer.Object("incident"))
	if !validID(incident.ID) {
		return nil, unreadable(r, errors.New("no incident in the answer"))
	}
	return incident, nil
}

// decodeIncident reads an incident of the REST API, or of V3 or V2 webhooks, which name
// some fields differently.
func decodeIncident(o lenientjson.Object) *Incident {
	incident := &Incident{
		ID:               o.String("id"),
		Number:           int(o.Int("incident_number", "number")),
		Title:            o.String("title", "summary"),
		Status:           o.String("status"),
		Urgency:          o.String("urgency"),
		HTMLURL:          o.String("html_url"),
		CreatedAt:        o.Time("created_at"),
		ResolvedAt:       o.Time("resolved_at"),
		Service:          referenceFrom(o.Object("service")),
		EscalationPolicy: referenceFrom(o.Object("escalation_policy")),
		Priority:         referenceFrom(o.Object("priority")),
		Teams:            references(o.Objects("teams")),
		Assignees:        references(o.Objects("assignees")),
		ConferenceBridge: decodeConferenceBridge(o.Object("conference_bridge")),
	}
	incident.BridgeKnown = o.Has("conference_bridge")
	for _, assignment := range o.Objects("assignments") {
		if assignee := referenceFrom(assignment.Object("assignee")); assignee != nil {
			incident.Assignees = append(incident.Assignees, *assignee)
		}
	}
	incident.Title = strings.TrimSpace(incident.Title)
	return incident
}

// referenceFrom returns what o refers to, or nil when it names nothing.
func referenceFrom(o lenientjson.Object) *Reference {
	r := Reference{ID: o.String("id"), Type: o.String("type"), Summary: o.String("summary", "name")}
	if r.ID == "" && r.Summary == "" {
		return nil
	}
	return &r
}

func references(objects []lenientjson.Object) []Reference {
	var found []Reference
	for _, o := range objects {
		if r := referenceFrom(o); r != nil {
			found = append(found, *r)
		}
	}
	return found
}
