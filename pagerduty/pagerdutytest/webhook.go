package pagerdutytest

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// Event is a V3 webhook event to be made by [Server.Webhook].
type Event struct {
	ID         string // default: counted up
	Type       string // such as "incident.triggered"; the fake shapes the data after it
	IncidentID string
	AgentID    string // the user who caused it; empty is null, as for automation
	OccurredAt time.Time
	Workflow   pagerduty.Reference // for incident.workflow events
	Note       string              // for incident.annotated
}

// Delivery is a request that PagerDuty sends. Send the same one again for a redelivery.
type Delivery struct {
	Header http.Header
	Body   []byte
}

// Request makes the POST that carries the delivery to target.
func (d Delivery) Request(ctx context.Context, target string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(d.Body))
	if err != nil {
		return nil, err
	}
	r.Header = d.Header.Clone()
	return r, nil
}

// Webhook makes a signed V3 event from what the fake knows of the incident and the user.
func (s *Server) Webhook(e Event) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.ID = orElse(e.ID, s.mint("01EVENT"))
	if e.OccurredAt.IsZero() {
		e.OccurredAt = time.Now()
	}
	kind, _, _ := strings.Cut(e.Type, ".")
	body := encode(map[string]any{"event": map[string]any{
		"id": e.ID, "event_type": e.Type, "resource_type": kind,
		"occurred_at": e.OccurredAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		"agent":       s.agent(e.AgentID), "client": nil, "data": s.data(e),
	}})
	header := s.deliveryHeader("PagerDuty-Webhook/V3.0")
	header.Set("X-PagerDuty-Signature", pagerduty.Sign(s.secret, body))
	return Delivery{header, body}
}

// CustomAction makes what a custom incident action sends, in the V2 format and without a signature; set the header
// that authenticates it yourself. An empty agentID is null.
func (s *Server) CustomAction(incidentID, agentID string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Now().UTC().Format(time.RFC3339)
	entry := map[string]any{
		"id": s.mint("R"), "type": "custom_log_entry", "agent": s.agent(agentID), "created_at": at,
	}
	body := encode(map[string]any{"messages": []any{map[string]any{
		"id": s.mint("00000000-0000-4000-8000-000000"), "event": "incident.custom", "created_on": at,
		"incident": s.v2Incident(incidentID), "webhook": map[string]any{}, "log_entries": []any{entry},
	}}})
	return Delivery{s.deliveryHeader("PagerDuty-Webhook/V2.0"), body}
}

// What follows is called with the lock held.

func (s *Server) deliveryHeader(agent string) http.Header {
	return http.Header{
		"Content-Type":           {"application/json"},
		"User-Agent":             {agent},
		"X-Webhook-Id":           {s.mint("00000000-0000-4000-8000-000000")},
		"X-Webhook-Subscription": {"PSUBSCR"},
	}
}

// agent is a bare reference, without a name, as webhooks may have it.
func (s *Server) agent(id string) any {
	if id == "" {
		return nil
	}
	return map[string]any{"id": id, "type": "user_reference", "html_url": account + "/users/" + id}
}

func (s *Server) data(e Event) map[string]any {
	bare := map[string]any{"id": e.IncidentID, "type": "incident_reference", "summary": nil}
	found := s.incident(e.IncidentID)
	if found == nil {
		found = &Incident{ID: e.IncidentID, Status: "triggered"}
	}
	switch e.Type {
	case "pagey.ping":
		return map[string]any{"message": "Hello from your friend Pagey!", "type": "ping"}
	case "incident.conference_bridge.updated":
		return map[string]any{
			"type": "incident_conference_bridge", "incident": bare, "conference_url": orNull(found.Bridge.URL),
			"conference_numbers": conferenceNumbers(found.Bridge.Number),
		}
	case "incident.workflow.started", "incident.workflow.completed":
		return map[string]any{
			"id": "01TESTINSTANCE", "type": "incident_workflow_instance", "summary": e.Workflow.Summary, "incident": bare,
			"incident_workflow": map[string]any{
				"id": e.Workflow.ID, "type": "incident_workflow_reference", "summary": orNull(e.Workflow.Summary),
			},
			"workflow_trigger": map[string]any{"id": "01TESTTRIGGER", "type": "workflow_trigger_reference"},
			"service":          reference(found.Service, "services"),
		}
	case "incident.responder.added", "incident.responder.replied":
		return map[string]any{
			"type": "incident_responder", "incident": bare, "user": s.agent(e.AgentID), "escalation_policy": nil,
			"message": "Please help", "state": "pending",
		}
	case "incident.annotated":
		return map[string]any{
			"id": "PNOTE01", "type": "incident_note", "incident": bare, "content": e.Note, "trimmed": false,
		}
	}
	return s.v3Incident(found)
}

func conferenceNumbers(number string) []any {
	if number == "" {
		return []any{}
	}
	return []any{map[string]any{"label": "", "number": number}}
}

// v3Incident says "number" and "assignees", and has the bridge in it.
func (s *Server) v3Incident(i *Incident) map[string]any {
	assignees := []any{}
	for _, id := range i.Assignees {
		assignees = append(assignees, s.agent(id))
	}
	shown := s.sharedIncident(i)
	shown["number"] = i.Number
	shown["assignees"] = assignees
	shown["conference_bridge"] = nil
	if i.Bridge != (pagerduty.ConferenceBridge{}) {
		shown["conference_bridge"] = map[string]any{
			"conference_number": orNull(i.Bridge.Number), "conference_url": orNull(i.Bridge.URL),
		}
	}
	return shown
}

// v2Incident says "incident_number" and has no bridge.
func (s *Server) v2Incident(id string) map[string]any {
	found := s.incident(id)
	if found == nil {
		found = &Incident{ID: id, Status: "triggered"}
	}
	shown := s.restIncident(found)
	shown["metadata"] = map[string]any{}
	return shown
}
