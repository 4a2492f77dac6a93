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

func TestParseCustomAction(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		body string
		want []pagerduty.CustomAction
	}{
		{
			"as documented",
			`{"messages":[{"id":"m1","event":"incident.custom","created_on":"2026-11-23T14:00:00Z",
			  "incident":{"id":"P1","incident_number":1,"title":"down","status":"triggered","metadata":{},
			    "service":{"id":"PS","name":"Shop"},"html_url":"https://example.pagerduty.com/incidents/P1"},
			  "webhook":{},
			  "log_entries":[{"type":"custom_log_entry","agent":{"id":"PADA","type":"user_reference","summary":"Ada"},
			    "incident":{},"service":{}}]}]}`,
			[]pagerduty.CustomAction{{
				ID: "m1", Event: "incident.custom", CreatedOn: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC),
				Incident: &pagerduty.Incident{
					ID: "P1", Number: 1, Title: "down", Status: "triggered",
					Service: &pagerduty.Reference{ID: "PS", Summary: "Shop"},
					HTMLURL: "https://example.pagerduty.com/incidents/P1",
				},
				Agent: &pagerduty.Reference{ID: "PADA", Type: "user_reference", Summary: "Ada"},
			}},
		},
		{
			"several messages, numbers and nulls",
			`{"messages":[
			  {"id":1,"created_on":"yesterday","incident":{"id":"P1","number":2},"log_entries":[{"agent":null},{"agent":{"id":"PB"}}]},
			  null, 7,
			  {"id":"m2","created_on":"2026-11-23T14:00:00-0500","incident":null,"log_entries":null}]}`,
			[]pagerduty.CustomAction{
				{
					ID: "1", Incident: &pagerduty.Incident{ID: "P1", Number: 2},
					Agent: &pagerduty.Reference{ID: "PB"},
				},
				{ID: "m2", CreatedOn: time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)},
			},
		},
		{"no message", `{"messages": [] }`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := pagerduty.ParseCustomAction([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseCustomActionRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"messages":null}`, `{"messages":{}}`, `{"messages":"[]"}`, `{"incident_id":"P1"}`, `{"messages":[`,
	} {
		if actions, err := pagerduty.ParseCustomAction([]byte(body)); !errors.Is(err, pagerduty.ErrInvalid) {
			t.Errorf("ParseCustomAction(%q) = %v, %v; want ErrInvalid", body, actions, err)
		}
	}
}

func TestParseWorkflow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		body string
		want *pagerduty.WorkflowRequest
	}{
		{"id alone", `{"incident_id":"P1"}`, &pagerduty.WorkflowRequest{IncidentID: "P1"}},
		{"number", `{"incident_id": 12 }`, &pagerduty.WorkflowRequest{IncidentID: "12"}},
		{
			"everything and more",
			`{"incident_id":"P1","requester_id":"PADA","requester_email":"ada@example.com","idempotency_key":"k","trigger":"manual",
			  "number":"1234","title":{"x":[]}}`,
			&pagerduty.WorkflowRequest{
				IncidentID: "P1", RequesterID: "PADA", RequesterEmail: "ada@example.com", IdempotencyKey: "k", Trigger: "manual",
			},
		},
		{
			"nulls", `{"incident_id":"P1","requester_id":null,"requester_email":null,"idempotency_key":null,"trigger":null}`,
			&pagerduty.WorkflowRequest{IncidentID: "P1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := pagerduty.ParseWorkflow([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseWorkflowNamesTheBadField(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"no JSON", `incident_id=P1`, "JSON"},
		{"template that injected JSON", `{"incident_id":"P1","title":"a" quoted" word"}`, "JSON"},
		{"title that adds an incident", `{"incident_id":"P1","title":"a","incident_id":"P2"}`, "incident_id is given twice"},
		{"title that adds a requester", `{"requester_id":"PX","incident_id":"P1","requester_id":"PADA"}`, "requester_id is given twice"},
		{"list", `["P1"]`, "JSON"},
		{"no id", `{"requester_id":"PADA"}`, "incident_id is missing"},
		{"null id", `{"incident_id":null}`, "incident_id is missing"},
		{"empty id", `{"incident_id":""}`, "incident_id is missing"},
		{"id with a line break", `{"incident_id":"P1\n"}`, "incident_id"},
		{"id of another type", `{"incident_id":{"id":"P1"}}`, "incident_id"},
		{"requester of another type", `{"incident_id":"P1","requester_id":["PADA"]}`, "requester_id"},
		{"flag for an e-mail", `{"incident_id":"P1","requester_email":true}`, "requester_email"},
		{"line break in the key", `{"incident_id":"P1","idempotency_key":"a\nb"}`, "idempotency_key"},
		{"endless trigger", `{"incident_id":"P1","trigger":"` + strings.Repeat("x", 600) + `"}`, "trigger"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := pagerduty.ParseWorkflow([]byte(tt.body))
			if !errors.Is(err, pagerduty.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseWorkflow = %v, %v; want ErrInvalid with %q", got, err, tt.want)
			}
		})
	}
}

func TestParseWorkflowIsNotFooledByATitle(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	tests := []struct {
		name, title, template string
		ok                    bool
	}{
		{"ids alone", `a"}`, `{"incident_id":"{{incident.id}}","number":"{{incident.incident_number}}"}`, true},
		{"harmless title", "down", `{"incident_id":"{{incident.id}}","title":"{{incident.title}}"}`, true},
		{"title with a quote", `the "shop"`, `{"incident_id":"{{incident.id}}","title":"{{incident.title}}"}`, false},
		{"title with a field", `x","incident_id":"POTHER`, `{"incident_id":"{{incident.id}}","title":"{{incident.title}}"}`, false},
		{"title with an end", `x"} {"incident_id":"POTHER`, `{"incident_id":"{{incident.id}}","title":"{{incident.title}}"}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			id := fake.AddIncident(tt.title)
			got, err := pagerduty.ParseWorkflow(fake.Workflow(id, tt.template).Body)
			if tt.ok && (err != nil || got.IncidentID != id) {
				t.Errorf("got %+v, %v; want the incident %s", got, err, id)
			}
			if !tt.ok && !errors.Is(err, pagerduty.ErrInvalid) {
				t.Errorf("got %+v, %v; want ErrInvalid", got, err)
			}
		})
	}
}

func TestParseCustomActionReadsEveryMessage(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	first, second := fake.AddIncident("one"), fake.AddIncident("two")
	actions, err := pagerduty.ParseCustomAction(fake.CustomAction(first, "PADA", second).Body)
	if err != nil || len(actions) != 2 {
		t.Fatalf("actions %v, %v; want two", actions, err)
	}
	if actions[0].Incident.ID != first || actions[1].Incident.ID != second || actions[0].ID == actions[1].ID {
		t.Errorf("actions %+v, want one for each incident, with ids of their own", actions)
	}
}
