package pagerduty_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func TestParseEvent(t *testing.T) {
	t.Parallel()
	occurred := time.Date(2026, 11, 23, 14, 0, 0, 123e6, time.UTC)
	envelope := func(eventType, data string) string {
		return `{"event":{"id":"01E","event_type":"` + eventType + `","resource_type":"incident",` +
			`"occurred_at":"2026-11-23T14:00:00.123Z","agent":{"id":"PADA","type":"user_reference"},` +
			`"client":{"name":"app"},"data":` + data + `}}`
	}
	agent := &pagerduty.Reference{ID: "PADA", Type: "user_reference"}
	event := func(eventType string, change func(*pagerduty.Event)) *pagerduty.Event {
		e := &pagerduty.Event{ID: "01E", Type: eventType, ResourceType: "incident", OccurredAt: occurred, Agent: agent}
		change(e)
		return e
	}
	tests := []struct {
		name string
		body string
		want *pagerduty.Event
	}{
		{
			"incident is the data",
			envelope("incident.triggered", `{"id":"P1","type":"incident","number":7,"title":"down","status":"triggered",
			  "urgency":"high","priority":null,"conference_bridge":null,"assignees":[{"id":"PADA","type":"user_reference"}]}`),
			event("incident.triggered", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.Incident = &pagerduty.Incident{
					ID: "P1", Number: 7, Title: "down", Status: "triggered", Urgency: "high", BridgeKnown: true,
					Assignees: []pagerduty.Reference{{ID: "PADA", Type: "user_reference"}},
				}
			}),
		},
		{
			"incident has a bridge",
			envelope("incident.acknowledged", `{"id":"P1","type":"incident",
			  "conference_bridge":{"conference_number":"+1 202","conference_url":"https://a.example"}}`),
			event("incident.acknowledged", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.Incident = &pagerduty.Incident{ID: "P1", BridgeKnown: true}
				e.Incident.ConferenceBridge = &pagerduty.ConferenceBridge{URL: "https://a.example", DialIn: "+1 202"}
			}),
		},
		{
			"incident is referred to",
			envelope("incident.annotated", `{"type":"incident_note","content":"hi","incident":{"id":"P1","summary":null}}`),
			event("incident.annotated", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.Note = &pagerduty.Note{Content: "hi"}
			}),
		},
		{
			"note that was cut short",
			envelope("incident.annotated", `{"id":"PN","type":"incident_note","content":"h","trimmed":true,"incident":{"id":"P1"}}`),
			event("incident.annotated", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.Note = &pagerduty.Note{ID: "PN", Content: "h", Trimmed: true}
			}),
		},
		{
			"responder",
			envelope("incident.responder.added", `{"type":"incident_responder","incident":{"id":"P1"},
			  "user":{"id":"PBOB","type":"user_reference"},"escalation_policy":null,"message":"help","state":"pending"}`),
			event("incident.responder.added", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.Responder = &pagerduty.Responder{
					User: &pagerduty.Reference{ID: "PBOB", Type: "user_reference"}, Message: "help", State: "pending",
				}
			}),
		},
		{
			"responder of nulls",
			envelope("incident.responder.replied", `{"type":"incident_responder","incident":null,
			  "user":null,"escalation_policy":{"id":"PEP"},"message":null,"state":7}`),
			event("incident.responder.replied", func(e *pagerduty.Event) {
				e.Responder = &pagerduty.Responder{EscalationPolicy: &pagerduty.Reference{ID: "PEP"}, State: "7"}
			}),
		},
		{
			"bridge of nulls after clearing",
			envelope("incident.conference_bridge.updated", `{"type":"incident_conference_bridge","incident":{"id":"P1"},
			  "conference_numbers":null,"conference_url":null}`),
			event("incident.conference_bridge.updated", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.ConferenceBridge = &pagerduty.ConferenceBridge{}
			}),
		},
		{
			"bridge without its fields after clearing",
			envelope("incident.conference_bridge.updated", `{"type":"incident_conference_bridge","incident":{"id":"P1"}}`),
			event("incident.conference_bridge.updated", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.ConferenceBridge = &pagerduty.ConferenceBridge{}
			}),
		},
		{
			"bridge of empty texts after clearing",
			envelope("incident.conference_bridge.updated", `{"type":"incident_conference_bridge","incident":{"id":"P1"},
			  "conference_numbers":[{"label":"","number":""}],"conference_url":""}`),
			event("incident.conference_bridge.updated", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.ConferenceBridge = &pagerduty.ConferenceBridge{}
			}),
		},
		{
			"agent that is no user",
			`{"event":{"event_type":"incident.resolved","agent":{"id":"PS","type":"service_reference","summary":null},"data":{"type":"incident","id":"P1"}}}`,
			&pagerduty.Event{
				Type: "incident.resolved", IncidentID: "P1", Incident: &pagerduty.Incident{ID: "P1"},
				Agent: &pagerduty.Reference{ID: "PS", Type: "service_reference"},
			},
		},
		{
			"data is a reference",
			envelope("incident.delegated", `{"id":"P1","type":"incident_reference"}`),
			event("incident.delegated", func(e *pagerduty.Event) { e.IncidentID = "P1" }),
		},
		{
			"workflow",
			envelope("incident.workflow.started", `{"id":"I","type":"incident_workflow_instance",
			  "incident_workflow":{"id":"PWF","type":"incident_workflow_reference","summary":"Open a call"},
			  "incident":{"id":"P1","type":"incident_reference"},"service":{"id":"PS"}}`),
			event("incident.workflow.started", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.Workflow = &pagerduty.Reference{ID: "PWF", Type: "incident_workflow_reference", Summary: "Open a call"}
			}),
		},
		{
			"bridge with a list of numbers",
			envelope("incident.conference_bridge.updated", `{"type":"incident_conference_bridge","incident":{"id":"P1"},
			  "conference_numbers":[null,{"label":"","number":""},{"label":"US","number":"+1 202"}],
			  "conference_url":"https://a.example"}`),
			event("incident.conference_bridge.updated", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.ConferenceBridge = &pagerduty.ConferenceBridge{URL: "https://a.example", DialIn: "+1 202"}
			}),
		},
		{
			"bridge with one number",
			envelope("incident.conference_bridge.updated", `{"type":"incident_conference_bridge","incident":{"id":"P1"},
			  "conference_number":1202,"conference_url":null}`),
			event("incident.conference_bridge.updated", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.ConferenceBridge = &pagerduty.ConferenceBridge{DialIn: "1202"}
			}),
		},
		{
			"bridge that was cleared",
			envelope("incident.conference_bridge.updated", `{"type":"incident_conference_bridge","incident":{"id":"P1"},
			  "conference_numbers":[],"conference_url":null}`),
			event("incident.conference_bridge.updated", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.ConferenceBridge = &pagerduty.ConferenceBridge{}
			}),
		},
		{
			"bridge inside the incident",
			envelope("incident.conference_bridge.updated", `{"type":"incident","id":"P1",
			  "conference_bridge":{"conference_url":"https://a.example"}}`),
			event("incident.conference_bridge.updated", func(e *pagerduty.Event) {
				e.IncidentID = "P1"
				e.ConferenceBridge = &pagerduty.ConferenceBridge{URL: "https://a.example"}
				e.Incident = &pagerduty.Incident{
					ID: "P1", BridgeKnown: true, ConferenceBridge: &pagerduty.ConferenceBridge{URL: "https://a.example"},
				}
			}),
		},
		{
			"type of the future, data of null", envelope("incident.teleported", `null`),
			event("incident.teleported", func(*pagerduty.Event) {}),
		},
		{
			"data of another kind", envelope("incident.triggered", `["x"]`),
			event("incident.triggered", func(*pagerduty.Event) {}),
		},
		{
			"service", envelope("service.updated", `{"id":"PS","type":"service"}`),
			event("service.updated", func(*pagerduty.Event) {}),
		},
		{
			"ping", pingBody,
			&pagerduty.Event{
				ID: "01FKZOXA868SHYEE4DVNWB5P9W", Type: "pagey.ping", ResourceType: "pagey",
				OccurredAt: time.Date(2025, 4, 7, 3, 0, 55, 532e6, time.UTC),
				Agent:      &pagerduty.Reference{ID: "PVE0ZR9", Type: "user_reference"},
			},
		},
		{
			"nulls everywhere",
			`{"event":{"id":null,"event_type":"x","resource_type":null,"occurred_at":null,"agent":null,"client":null,"data":null}}`,
			&pagerduty.Event{Type: "x"},
		},
		{
			"numbers for texts", `{"event":{"id":12,"event_type":"x","data":{"type":"incident","id":34}}}`,
			&pagerduty.Event{ID: "12", Type: "x", IncidentID: "34", Incident: &pagerduty.Incident{ID: "34"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := pagerduty.ParseEvent([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

// eventTypes are those that PagerDuty documents, and one that it does not.
var eventTypes = []string{
	"incident.acknowledged", "incident.annotated", "incident.conference_bridge.updated",
	"incident.custom_field_values.updated", "incident.delegated", "incident.escalated", "incident.incident_type.changed",
	"incident.priority_updated", "incident.reassigned", "incident.reopened", "incident.resolved", "incident.responder.added",
	"incident.responder.replied", "incident.role.assigned", "incident.service_updated", "incident.status_update_published",
	"incident.task.completed", "incident.task.created", "incident.task.updated", "incident.triggered",
	"incident.unacknowledged", "incident.action_invocation.created", "incident.action_invocation.terminated",
	"incident.action_invocation.updated", "incident.workflow.started", "incident.workflow.completed",
	"service.created", "service.custom_field_values.updated", "service.deleted", "service.updated",
	"pagey.ping", "incident.not_invented_yet",
}

func TestParseEventFindsTheIncidentInEveryType(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down", func(i *pagerdutytest.Incident) { i.Bridge = someBridge })
	for _, eventType := range eventTypes {
		t.Run(eventType, func(t *testing.T) {
			t.Parallel()
			body := fake.Webhook(pagerdutytest.Event{
				Type: eventType, IncidentID: id, AgentID: "PADA", Note: "hi", Workflow: pagerduty.Reference{ID: "PWF"},
			}).Body
			got, err := pagerduty.ParseEvent(body)
			if err != nil {
				t.Fatal(err)
			}
			kind, _, _ := strings.Cut(eventType, ".")
			want := ""
			if kind == "incident" {
				want = id
			}
			if got.Type != eventType || got.ResourceType != kind || got.IncidentID != want || got.Agent.ID != "PADA" {
				t.Errorf("event %+v of %s", got, body)
			}
			if got.Incident != nil && (got.Incident.Number != 1001 || *got.Incident.ConferenceBridge != someBridge) {
				t.Errorf("incident %+v of %s", got.Incident, body)
			}
			shapes := map[string]bool{
				"incident.annotated":                 got.Note != nil,
				"incident.responder.added":           got.Responder != nil,
				"incident.responder.replied":         got.Responder != nil,
				"incident.workflow.started":          got.Workflow != nil,
				"incident.workflow.completed":        got.Workflow != nil,
				"incident.conference_bridge.updated": got.ConferenceBridge != nil,
			}
			if found, special := shapes[eventType]; special && !found {
				t.Errorf("event %+v lacks what %s tells", got, body)
			}
		})
	}
}

func TestParseEventRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `null`, `[]`, `"x"`, `{}`, `{"event":null}`, `{"event":{"id":"1"}}`, `{"event":`, "\xff"} {
		if event, err := pagerduty.ParseEvent([]byte(body)); !errors.Is(err, pagerduty.ErrInvalid) {
			t.Errorf("ParseEvent(%q) = %v, %v; want ErrInvalid", body, event, err)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	for _, eventType := range eventTypes {
		f.Add(fake.Webhook(pagerdutytest.Event{Type: eventType, IncidentID: id, AgentID: "PADA"}).Body)
	}
	f.Add(fake.CustomAction(id, "PADA").Body)
	f.Add([]byte(`{"incident_id":"P1","requester_id":7,"trigger":null}`))
	f.Add([]byte(`{"event":{"event_type":"x","data":{"type":"incident","conference_bridge":{"conference_number":1e400}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := pagerduty.ParseEvent(body)
		if (event == nil) == (err == nil) {
			t.Errorf("ParseEvent = %v, %v; want one of them", event, err)
		}
		if event != nil && event.Incident != nil && event.Incident.ID != event.IncidentID {
			t.Errorf("incident %q of an event about %q", event.Incident.ID, event.IncidentID)
		}
		actions, err := pagerduty.ParseCustomAction(body)
		if len(actions) > 0 && err != nil {
			t.Errorf("ParseCustomAction = %v, %v; want one of them", actions, err)
		}
		workflow, err := pagerduty.ParseWorkflow(body)
		if (workflow == nil) == (err == nil) {
			t.Errorf("ParseWorkflow = %v, %v; want one of them", workflow, err)
		}
	})
}
