package pagerdutytest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// Event describes a V3 webhook event for [Server.Webhook].
type Event struct {
	ID         string // default: counted up
	Type       string // such as "incident.triggered"; the fake shapes the data after it
	IncidentID string
	AgentID    string // the user who caused it; empty is null, as for automation
	OccurredAt time.Time
	Workflow   pagerduty.Reference // for incident.workflow events
	Note       string              // for incident.annotated
}

// Delivery is a webhook request that PagerDuty sends. Send the same one again for a
// redelivery.
type Delivery = fakes.Delivery

// Webhook returns a signed V3 event with the state of the incident and the user.
func (s *Server) Webhook(e Event) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.event(e, &receiver{Subscription: Subscription{ID: "PSUBSCR", Secret: s.secret}})
}

// CustomAction returns what a custom incident action sends, in the V2 format and without
// a signature; set the header that authenticates it yourself. An empty agentID is null.
// The body has one message for each incident.
func (s *Server) CustomAction(incidentID, agentID string, more ...string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.action(agentID, append([]string{incidentID}, more...)...)
}

// Workflow returns the POST of an incident workflow's webhook step with a template such
// as {"incident_id":"{{incident.id}}"}. The references incident.id,
// incident.incident_number, incident.title and incident.url are replaced without
// escaping, so a title with quotes can change the JSON.
func (s *Server) Workflow(incidentID, template string) Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.incidentOrNew(incidentID)
	body := strings.NewReplacer(
		"{{incident.id}}", found.ID, "{{incident.incident_number}}", strconv.Itoa(found.Number),
		"{{incident.title}}", found.Title, "{{incident.url}}", account+"/incidents/"+found.ID,
	).Replace(template)
	return Delivery{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
}

// The following functions are called with the lock held.

// emit queues an event for every subscription to it.
func (s *Server) emit(e Event) {
	incident := s.incidentOrNew(e.IncidentID)
	for _, r := range s.subscriptions {
		if r.wants(e.Type, incident) {
			r.queue(e.IncidentID, s.event(e, r))
		}
	}
}

func (r *receiver) wants(eventType string, i *Incident) bool {
	if !r.Active || r.Disabled || !slices.Contains(r.Events, eventType) {
		return false
	}
	switch r.FilterType {
	case "service_reference":
		return i.Service.ID == r.FilterID
	case "team_reference":
		return slices.ContainsFunc(i.Teams, func(t pagerduty.Reference) bool { return t.ID == r.FilterID })
	}
	return true
}

// event returns the delivery of an event to one subscription, signed with its secret.
func (s *Server) event(e Event, to *receiver) Delivery {
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
	header.Set("X-Webhook-Subscription", to.ID)
	maps.Copy(header, pagerduty.Sign(to.Secret, body))
	maps.Copy(header, to.Headers)
	return Delivery{Header: header, Body: body}
}

// action returns the delivery of a press, with a message for each incident.
func (s *Server) action(agentID string, incidentIDs ...string) Delivery {
	at := time.Now().UTC().Format(time.RFC3339)
	messages := []any{}
	for _, id := range incidentIDs {
		entry := map[string]any{
			"id": s.mint("R"), "type": "custom_log_entry", "agent": s.agent(agentID), "created_at": at,
			"incident": map[string]any{}, "service": map[string]any{},
		}
		messages = append(messages, map[string]any{
			"id": s.mint("00000000-0000-4000-8000-000000"), "event": "incident.custom", "created_on": at,
			"incident": s.v2Incident(id), "webhook": map[string]any{}, "log_entries": []any{entry},
		})
	}
	return Delivery{Header: s.deliveryHeader("PagerDuty-Webhook/V2.0"), Body: encode(map[string]any{"messages": messages})}
}

func (s *Server) incidentOrNew(id string) *Incident {
	if found := s.incident(id); found != nil {
		return found
	}
	return &Incident{ID: id, Status: "triggered"}
}

func (s *Server) deliveryHeader(agent string) http.Header {
	return http.Header{
		"Content-Type": {"application/json"},
		"User-Agent":   {agent},
		"X-Webhook-Id": {s.mint("00000000-0000-4000-8000-000000")},
	}
}

// agent returns a reference without a name, as webhooks may have it.
func (s *Server) agent(id string) any {
	if id == "" {
		return nil
	}
	return map[string]any{"id": id, "type": "user_reference", "html_url": account + "/users/" + id}
}

// data returns the event's data, in the shape of its type, with the incident or a
// reference to it.
func (s *Server) data(e Event) map[string]any {
	found := s.incidentOrNew(e.IncidentID)
	about := func(kind string, fields map[string]any) map[string]any {
		fields["type"] = kind
		fields["incident"] = map[string]any{"id": e.IncidentID, "type": "incident_reference", "summary": nil}
		return fields
	}
	switch e.Type {
	case "pagey.ping":
		return map[string]any{"message": "Hello from your friend Pagey!", "type": "ping"}
	case "service.created", "service.updated", "service.deleted":
		return map[string]any{"id": found.Service.ID, "type": "service", "summary": found.Service.Summary}
	case "service.custom_field_values.updated":
		return map[string]any{"type": "service_field_values", "service": reference(found.Service, "services")}
	case "incident.conference_bridge.updated":
		return about("incident_conference_bridge", map[string]any{
			"conference_url": orNull(found.Bridge.URL), "conference_numbers": conferenceNumbers(found.Bridge.DialIn),
		})
	case "incident.workflow.started", "incident.workflow.completed":
		return about("incident_workflow_instance", map[string]any{
			"id": "01TESTINSTANCE", "summary": e.Workflow.Summary,
			"incident_workflow": map[string]any{
				"id": e.Workflow.ID, "type": "incident_workflow_reference", "summary": orNull(e.Workflow.Summary),
			},
			"workflow_trigger": map[string]any{"id": "01TESTTRIGGER", "type": "workflow_trigger_reference"},
			"service":          reference(found.Service, "services"),
		})
	case "incident.responder.added", "incident.responder.replied":
		return about("incident_responder", map[string]any{
			"user": s.agent(e.AgentID), "escalation_policy": nil, "message": "Please help", "state": "pending",
		})
	case "incident.annotated":
		return about("incident_note", map[string]any{"id": "PNOTE01", "content": e.Note, "trimmed": false})
	case "incident.status_update_published":
		return about("incident_status_update", map[string]any{"id": "PUPDATE01", "message": "Working on it", "trimmed": false})
	case "incident.custom_field_values.updated":
		return about("incident_field_values", map[string]any{"custom_fields": []any{}, "changed_field_ids": []any{}})
	case "incident.role.assigned":
		return about("incident_role_assignment", map[string]any{"assignee": s.agent(e.AgentID)})
	case "incident.task.created", "incident.task.updated", "incident.task.completed":
		return about("incident_task", map[string]any{"id": "PTASK01", "summary": nil})
	case "incident.action_invocation.created", "incident.action_invocation.updated",
		"incident.action_invocation.terminated":
		return about("incident_action_invocation", map[string]any{"id": "01TESTINVOCATION", "state": "created"})
	}
	return s.v3Incident(found)
}

func conferenceNumbers(number string) []any {
	if number == "" {
		return []any{}
	}
	return []any{map[string]any{"label": "", "number": number}}
}

// v3Incident returns an incident with "number", "assignees" and the bridge.
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
			"conference_number": orNull(i.Bridge.DialIn), "conference_url": orNull(i.Bridge.URL),
		}
	}
	return shown
}

// v2Incident returns an incident with "incident_number" and without the bridge.
func (s *Server) v2Incident(id string) map[string]any {
	shown := s.restIncident(s.incidentOrNew(id))
	shown["metadata"] = map[string]any{}
	return shown
}
