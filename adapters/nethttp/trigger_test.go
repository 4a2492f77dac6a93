package nethttp_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/incidentbridge/incidentbridge/bridge"
)

func message(id, incident string) string {
	return `{"id":"` + id + `","event":"incident.custom","incident":{"id":"` + incident + `"}}`
}

func TestTriggersBecomeRequests(t *testing.T) {
	t.Parallel()
	occurred := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	// carried is what event tells of the incident.
	carried := func(link *bridge.Link) *bridge.Incident {
		return &bridge.Incident{
			ID: "PABC123", Number: 42, Title: "Disk full", Status: "triggered", Urgency: "high",
			Priority: bridge.Named{ID: "PPRI1", Name: "P1"}, Service: bridge.Named{ID: "PSVC1", Name: "Storage"},
			Assignees: []string{"PUSER2"}, Bridge: link,
		}
	}
	triggered := event("incident.triggered")
	withBridge := strings.Replace(triggered, `"conference_bridge":null`,
		`"conference_bridge":{"conference_number":"+1 2","conference_url":"https://example.com"}`, 1)
	withoutWord := strings.Replace(triggered, `"conference_bridge":null,`, "", 1)
	byService := strings.Replace(triggered, `"agent":null`, `"agent":{"id":"PSVC1","type":"service_reference"}`, 1)
	automatic := bridge.Request{
		IncidentID: "PABC123", Trigger: bridge.Trigger{Kind: bridge.TriggerAutomatic, Event: "incident.triggered"},
		IdempotencyKey: "01EVENT", OccurredAt: occurred, Incident: carried(&bridge.Link{}),
	}
	tests := []struct {
		name string
		send request
		want bridge.Request
	}{
		{"workflow started", webhook(workflowStarted), bridge.Request{
			IncidentID: "PABC123", Requester: bridge.Requester{ID: "PUSER1"},
			Trigger: bridge.Trigger{
				Kind: bridge.TriggerWorkflow, Event: bridge.WorkflowStarted, WorkflowID: "PWF1", WorkflowName: "Open a call",
			},
			IdempotencyKey: "01EVENT", OccurredAt: occurred.Add(532 * time.Millisecond), NoteOnRefusal: true,
		}},
		{"event without a bridge", webhook(triggered), automatic},
		{"event by a service", webhook(byService), automatic},
		{"event with a bridge", webhook(withBridge), func() bridge.Request {
			r := automatic
			r.Incident = carried(&bridge.Link{URL: "https://example.com", DialIn: "+1 2"})
			return r
		}()},
		{"event silent about the bridge", webhook(withoutWord), func() bridge.Request {
			r := automatic
			r.Incident = carried(nil)
			return r
		}()},
		{
			"event without an id", webhook(strings.Replace(triggered, `"id":"01EVENT",`, "", 1)).with("X-Webhook-Id", "delivery-1"),
			func() bridge.Request {
				r := automatic
				r.IdempotencyKey = "delivery-1"
				return r
			}(),
		},
		{"custom action", trusted(http.MethodPost, "/actions/pagerduty", customAction).with("X-Webhook-Id", "delivery-1"), bridge.Request{
			IncidentID: "PABC123", Requester: bridge.Requester{ID: "PUSER1"}, Trigger: bridge.Trigger{Kind: bridge.TriggerManual},
			IdempotencyKey: "m-1", OccurredAt: occurred, NoteOnRefusal: true,
			Incident: &bridge.Incident{ID: "PABC123", Number: 42, Title: "Disk full", Status: "triggered", Urgency: "high"},
		}},
		{"custom action without an id", trusted(http.MethodPost, "/actions/pagerduty", `{"messages":[`+message("", "PABC123")+`]}`).
			with("X-Webhook-Id", "delivery-1"), bridge.Request{
			IncidentID: "PABC123", Trigger: bridge.Trigger{Kind: bridge.TriggerManual}, IdempotencyKey: "delivery-1", NoteOnRefusal: true,
			Incident: &bridge.Incident{ID: "PABC123"},
		}},
		{"workflow's body", trusted(http.MethodPost, "/actions/pagerduty", workflowBody).with("X-Webhook-Id", "delivery-1"), bridge.Request{
			IncidentID: "PABC123", IdempotencyKey: "delivery-1",
		}},
		{
			"workflow's whole body", trusted(http.MethodPost, "/actions/pagerduty",
				`{"incident_id":42,"requester_id":"PUSER1","requester_email":"ada@example.com","idempotency_key":"k","trigger":"manual"}`),
			bridge.Request{
				IncidentID: "42", Requester: bridge.Requester{ID: "PUSER1", Email: "ada@example.com"},
				Trigger: bridge.Trigger{Kind: bridge.TriggerManual}, IdempotencyKey: "k",
			},
		},
		{"api", trusted(http.MethodPost, bridgePath, ""), bridge.Request{IncidentID: "PABC123"}},
		{
			"api with a key", trusted(http.MethodPost, bridgePath, "{}").with("Idempotency-Key", "k"),
			bridge.Request{IncidentID: "PABC123", IdempotencyKey: "k"},
		},
		{
			"api with two keys", trusted(http.MethodPost, bridgePath, `{"idempotency_key":"body","trigger":"api"}`).with("Idempotency-Key", "k"),
			bridge.Request{IncidentID: "PABC123", IdempotencyKey: "body", Trigger: bridge.Trigger{Kind: bridge.TriggerAPI}},
		},
		{
			"api by number", trusted(http.MethodPost, "/api/v1/incidents/42/bridge", `{"requester_email":"ada@example.com"}`),
			bridge.Request{IncidentID: "42", Requester: bridge.Requester{Email: "ada@example.com"}},
		},
		{
			"api by link", trusted(http.MethodPost, "/api/v1/incidents/"+url.PathEscape("https://acme.pagerduty.com/incidents/PABC123")+"/bridge", `{}`),
			bridge.Request{IncidentID: "https://acme.pagerduty.com/incidents/PABC123"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			svc := &stub{bridge: attached()}
			if got := send(t, handler(t, svc), tt.send); got.status != http.StatusCreated {
				t.Fatalf("got %s\n%s", got, got.body)
			}
			if diff := cmp.Diff([]bridge.Request{tt.want}, svc.asked, cmpopts.IgnoreUnexported(bridge.Request{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEventsReachTheRightMethod(t *testing.T) {
	t.Parallel()
	tests := []struct {
		event string
		want  []string
	}{
		{"incident.triggered", []string{"open PABC123"}},
		{"incident.priority_updated", []string{"open PABC123"}},
		{"incident.something.new", []string{"open PABC123"}},
		{"incident.resolved", []string{"close PABC123 resolved"}},
		{"incident.reopened", []string{"verify PABC123", "open PABC123"}},
		{"incident.conference_bridge.updated", []string{"verify PABC123"}},
	}
	for _, tt := range tests {
		t.Run(tt.event, func(t *testing.T) {
			t.Parallel()
			svc := &stub{bridge: attached()}
			got := send(t, handler(t, svc), webhook(event(tt.event)))
			if got.status >= 300 {
				t.Errorf("got %s", got)
			}
			if diff := cmp.Diff(tt.want, svc.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBridgeOfAnEventIsPassedOn(t *testing.T) {
	t.Parallel()
	svc := &stub{bridge: attached()}
	body := `{"event":{"id":"01EVENT","event_type":"incident.conference_bridge.updated","resource_type":"incident","data":{` +
		`"type":"incident_conference_bridge","incident":{"id":"PABC123","type":"incident_reference"},` +
		`"conference_numbers":[],"conference_url":"https://meet.example.com/humans"}}}`
	if got := send(t, handler(t, svc), webhook(body)); got.String() != "200 verified" {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff([]string{"verify PABC123 https://meet.example.com/humans"}, svc.calls); diff != "" {
		t.Error(diff)
	}
}

func TestEventsOfNoBridgeAreIgnored(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"incident.resolved", "incident.conference_bridge.updated", "incident.reopened"} {
		got := send(t, handler(t, failing(bridge.ErrNotFound)), webhook(event(kind)))
		if got.String() != "200 ignored" {
			t.Errorf("%s: got %s", kind, got)
		}
	}
}

func TestEventsThatFailAreSentAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"incident.resolved", "incident.conference_bridge.updated", "incident.reopened"} {
		svc := failing(bridge.ErrUnavailable)
		got := send(t, handler(t, svc), webhook(event(kind)))
		if got.String() != "503 unavailable" || slices.Contains(svc.calls, "open PABC123") {
			t.Errorf("%s: got %s after %v", kind, got, svc.calls)
		}
	}
}
