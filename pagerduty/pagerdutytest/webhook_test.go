package pagerdutytest_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func TestWebhooksAreWhatTheSDKReads(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	ada := fake.AddUser("ada@example.com")
	bridge := pagerduty.ConferenceBridge{URL: "https://a.example?a&b", DialIn: "+1 202"}
	id := fake.AddIncident("down", func(i *pagerdutytest.Incident) { i.Bridge, i.Assignees = bridge, []string{ada} })
	verifier, err := pagerduty.NewVerifier([]string{fake.Secret()})
	if err != nil {
		t.Fatal(err)
	}
	workflow := pagerduty.Reference{ID: "PWF", Type: "incident_workflow_reference", Summary: "Open a call"}
	tests := []struct {
		eventType, agent string
		check            func(*pagerduty.Event) bool
	}{
		{"incident.triggered", "", func(e *pagerduty.Event) bool {
			return e.Agent == nil && e.Incident.Title == "down" && *e.Incident.ConferenceBridge == bridge &&
				e.Incident.Number == 1001 && e.Incident.Assignees[0].ID == ada
		}},
		{"incident.workflow.started", ada, func(e *pagerduty.Event) bool {
			return e.Agent.ID == ada && *e.Workflow == workflow && e.Incident == nil
		}},
		{"incident.conference_bridge.updated", ada, func(e *pagerduty.Event) bool { return *e.ConferenceBridge == bridge }},
		{"incident.annotated", ada, func(e *pagerduty.Event) bool { return e.Incident == nil }},
		{"incident.responder.added", ada, func(e *pagerduty.Event) bool { return e.Incident == nil }},
		{"incident.invented", ada, func(e *pagerduty.Event) bool { return e.Incident.ID == id }},
	}
	for _, tt := range tests {
		t.Run(tt.eventType, func(t *testing.T) {
			t.Parallel()
			delivery := fake.Webhook(pagerdutytest.Event{
				Type: tt.eventType, IncidentID: id, AgentID: tt.agent, Workflow: workflow,
			})
			if err := verifier.Verify(delivery.Header, delivery.Body); err != nil {
				t.Fatal(err)
			}
			event, err := pagerduty.ParseEvent(delivery.Body)
			if err != nil {
				t.Fatal(err)
			}
			if event.Type != tt.eventType || event.IncidentID != id || event.ID == "" || !tt.check(event) {
				t.Errorf("event %+v from %s", event, delivery.Body)
			}
		})
	}
}

func TestCustomActionIsWhatTheSDKReads(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	delivery := fake.CustomAction(id, "PADA")
	if delivery.Header.Get("X-PagerDuty-Signature") != "" {
		t.Error("it is signed, which PagerDuty's are not")
	}
	actions, err := pagerduty.ParseCustomAction(delivery.Body)
	if err != nil || len(actions) != 1 {
		t.Fatalf("actions %v, %v; want one", actions, err)
	}
	got := actions[0]
	if got.Incident.ID != id || got.Incident.Number != 1001 || got.Incident.BridgeKnown || got.Agent.ID != "PADA" || got.ID == "" {
		t.Errorf("action %+v from %s", got, delivery.Body)
	}
}

func TestRedeliveryIsTheSameRequest(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	delivery := fake.Webhook(pagerdutytest.Event{Type: "incident.triggered", IncidentID: id})
	var bodies [][]byte
	var ids []string
	for range 2 {
		r, err := delivery.Request(t.Context(), "https://bridge.example.com/webhooks/pagerduty")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		bodies, ids = append(bodies, body), append(ids, r.Header.Get("X-Webhook-Id"))
	}
	if !bytes.Equal(bodies[0], bodies[1]) || ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("second delivery %s %s, want the first again: %s %s", ids[1], bodies[1], ids[0], bodies[0])
	}
	if other := fake.Webhook(pagerdutytest.Event{Type: "incident.triggered", IncidentID: id}); bytes.Equal(other.Body, delivery.Body) {
		t.Error("a second event is the first one again")
	}
}
