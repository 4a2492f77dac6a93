package pagerduty_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func TestIncidentReadsAllOfIt(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	fake := pagerdutytest.New()
	user := fake.AddUser("ada@example.com", func(u *pagerdutytest.User) { u.Name = "Ada" })
	bridge := pagerduty.ConferenceBridge{URL: "https://example.zoom.us/j/1?pwd=a&b", DialIn: "+1 202-555-0100,,1#"}
	id := fake.AddIncident("The shop is down", func(i *pagerdutytest.Incident) {
		i.Number = 4711
		i.CreatedAt = created
		i.Assignees = []string{user}
		i.Priority = &pagerduty.Reference{ID: "PRIO1", Type: "priority_reference", Summary: "P1"}
		i.Teams = []pagerduty.Reference{{ID: "PTEAM1", Type: "team_reference", Summary: "Platform"}}
		i.Bridge = bridge
	})
	want := &pagerduty.Incident{
		ID: id, Number: 4711, Title: "The shop is down", Status: "triggered", Urgency: "high",
		HTMLURL:          "https://example.pagerduty.com/incidents/" + id,
		CreatedAt:        created,
		Service:          &pagerduty.Reference{ID: "PSHOP01", Type: "service_reference", Summary: "Shop"},
		EscalationPolicy: &pagerduty.Reference{ID: "PONCALL", Type: "escalation_policy_reference", Summary: "On call"},
		Priority:         &pagerduty.Reference{ID: "PRIO1", Type: "priority_reference", Summary: "P1"},
		Teams:            []pagerduty.Reference{{ID: "PTEAM1", Type: "team_reference", Summary: "Platform"}},
		Assignees:        []pagerduty.Reference{{ID: user, Type: "user_reference", Summary: "Ada"}},
		ConferenceBridge: &bridge,
		BridgeKnown:      true,
	}
	client := newClient(t, fake)
	for _, name := range []string{id, "4711"} {
		got, err := client.Incident(t.Context(), name)
		if err != nil {
			t.Fatalf("Incident(%s): %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Incident(%s) (-want +got):\n%s", name, diff)
		}
	}
}

func TestIncidentWithoutBridge(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	client := newClient(t, fake)
	for range 2 { // the fake says it with null, then with an object of nulls
		got, err := client.Incident(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.ConferenceBridge != nil || !got.BridgeKnown {
			t.Errorf("bridge %v, known %t; want none, known", got.ConferenceBridge, got.BridgeKnown)
		}
	}
}

func TestIncidentReadsOddAnswers(t *testing.T) {
	t.Parallel()
	bridge := func(url, number string) *pagerduty.ConferenceBridge {
		return &pagerduty.ConferenceBridge{URL: url, DialIn: number}
	}
	tests := []struct {
		name string
		json string // of the incident
		want *pagerduty.Incident
	}{
		{"only an id", `{"id":"P1"}`, &pagerduty.Incident{ID: "P1"}},
		{
			"nulls everywhere",
			`{"id":"P1","incident_number":null,"title":null,"status":null,"created_at":null,"service":null,"teams":null,
			  "assignments":null,"priority":null,"conference_bridge":null}`,
			&pagerduty.Incident{ID: "P1", BridgeKnown: true},
		},
		{
			"other types everywhere",
			`{"id":"P1","incident_number":{},"title":[],"status":false,"created_at":12,"service":"x","teams":{},
			  "assignments":[null,1,{"assignee":null},{"assignee":7}],"priority":true,"conference_bridge":"x"}`,
			&pagerduty.Incident{ID: "P1", BridgeKnown: true},
		},
		{"number as text", `{"id":"P1","incident_number":"12"}`, &pagerduty.Incident{ID: "P1", Number: 12}},
		{"webhook's number", `{"id":"P1","number":12}`, &pagerduty.Incident{ID: "P1", Number: 12}},
		{"summary for a title", `{"id":"P1","summary":"S"}`, &pagerduty.Incident{ID: "P1", Title: "S"}},
		{
			"status of the future", `{"id":"P1","status":"paused","novelty":[1]}`,
			&pagerduty.Incident{ID: "P1", Status: "paused"},
		},
		{
			"numeric conference number", `{"id":"P1","conference_bridge":{"conference_number":14155550100}}`,
			&pagerduty.Incident{ID: "P1", BridgeKnown: true, ConferenceBridge: bridge("", "14155550100")},
		},
		{
			"conference number in scientific notation", `{"id":"P1","conference_bridge":{"conference_number":1.41555501e+10}}`,
			&pagerduty.Incident{ID: "P1", BridgeKnown: true, ConferenceBridge: bridge("", "14155550100")},
		},
		{
			"link alone", `{"id":"P1","conference_bridge":{"conference_url":"https://a.example","conference_number":null}}`,
			&pagerduty.Incident{ID: "P1", BridgeKnown: true, ConferenceBridge: bridge("https://a.example", "")},
		},
		{
			"object of empty texts", `{"id":"P1","conference_bridge":{"conference_url":"","conference_number":""}}`,
			&pagerduty.Incident{ID: "P1", BridgeKnown: true},
		},
		{
			"time with an offset", `{"id":"P1","created_at":"2026-11-23T15:00:00+01:00"}`,
			&pagerduty.Incident{ID: "P1", CreatedAt: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)},
		},
		{
			"offset without a colon", `{"id":"P1","created_at":"2026-11-23T15:00:00+0100"}`,
			&pagerduty.Incident{ID: "P1", CreatedAt: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake := pagerdutytest.New()
			fake.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(200, `{"incident":`+tt.json+`}`))
			got, err := newClient(t, fake).Incident(t.Context(), "P1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("incident (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIncidentRefusesAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"incident":null}`, `{"incident":{}}`, `{"incident":{"id":"../x"}}`, `{"incident":`,
		pagerdutytest.HTMLPage,
	} {
		t.Run(fmt.Sprintf("%.30q", body), func(t *testing.T) {
			t.Parallel()
			fake := pagerdutytest.New()
			fake.Fault(pagerdutytest.Any, pagerdutytest.Answer(200, body).Always())
			client := newClient(t, fake)
			_, err := client.Incident(t.Context(), "P1")
			if !errors.Is(err, pagerduty.ErrUnavailable) || errors.Is(err, pagerduty.ErrInDoubt) {
				t.Errorf("read: %v, want unavailable and no doubt", err)
			}
			_, err = client.SetConferenceBridge(t.Context(), "P1", pagerduty.ConferenceBridge{URL: "https://a.example"})
			if !errors.Is(err, pagerduty.ErrInDoubt) {
				t.Errorf("write: %v, want doubt", err)
			}
		})
	}
}

// badIDs must never reach a path.
var badIDs = []string{
	"", " ", ".", "..", "P1/../P2", "P1/notes", "P1?x=y", "P1#x", "P1%2fP2", "P1%00", "P 1", "P1\nP2", "P1\r\nX: y",
	"Pé", "Ｐ１", "P-1", "P_1", "-1", strings.Repeat("P", 129),
}

func TestBadIDsCauseNoCall(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	client := newClient(t, fake)
	for _, id := range badIDs {
		_, errRead := client.Incident(t.Context(), id)
		_, errWrite := client.SetConferenceBridge(t.Context(), id, pagerduty.ConferenceBridge{URL: "https://a.example"})
		errNote := client.AddNote(t.Context(), id, "hello")
		_, errUser := client.User(t.Context(), id)
		for op, err := range map[string]error{"read": errRead, "write": errWrite, "note": errNote, "user": errUser} {
			var typed *pagerduty.Error
			if !errors.Is(err, pagerduty.ErrInvalid) || !errors.As(err, &typed) {
				t.Errorf("%s of %q: %v, want an *Error with ErrInvalid", op, id, err)
			}
		}
	}
	if calls := fake.Requests(); len(calls) > 0 {
		t.Errorf("%d calls, want none", len(calls))
	}
}
