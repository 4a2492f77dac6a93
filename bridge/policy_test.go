package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// relation is what somebody is to an incident, beside their role in the account.
type relation string

const (
	stranger    relation = "nothing"
	assignee    relation = "the assignee"
	responder   relation = "a responder of its team"
	manager     relation = "a manager of its team"
	observer    relation = "an observer of its team"
	unknownRole relation = "of a role of tomorrow in its team"
	outsider    relation = "a responder of another team"
)

// as gives an incident the relation of the user.
func (w *env) as(user string, s relation) func(*pagerdutytest.Incident) {
	role := map[relation]string{
		responder: "responder", manager: "manager", observer: "observer", unknownRole: "captain", outsider: "responder",
	}[s]
	team := "PITS"
	if s == outsider {
		team = "POTHER"
	}
	if role != "" {
		w.pd.SetTeamRole(team, user, role)
	}
	return func(i *pagerdutytest.Incident) {
		i.Teams = []pagerduty.Reference{{ID: "PITS", Type: "team_reference"}}
		if s == assignee {
			i.Assignees = []string{user}
		}
	}
}

func TestWhoMayOpen(t *testing.T) {
	relations := []relation{stranger, assignee, responder, manager, observer, unknownRole, outsider}
	raised := []relation{assignee, responder, manager}
	tests := []struct {
		role  string
		click []relation // with which a click of theirs opens
		other bool       // whether a workflow, a trusted caller or an event in their name opens
	}{
		{"owner", relations, true},
		{"admin", relations, true},
		{"user", relations, true},
		{"limited_user", relations, true},
		{"observer", raised, true},
		{"restricted_access", raised, true},
		{"a_role_of_tomorrow", raised, true},
		{"read_only_user", nil, false},
		{"read_only_limited_user", nil, false},
	}
	for _, test := range tests {
		for _, as := range relations {
			inEnvNamed(t, fmt.Sprintf("%s, %s", test.role, as), func(t *testing.T, w *env) {
				user := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = test.role })
				incident, p := w.as(user, as), w.start(t)
				for _, kind := range []bridge.TriggerKind{bridge.TriggerManual, bridge.TriggerWorkflow, bridge.TriggerAPI, bridge.TriggerAutomatic} {
					may := test.other
					if kind == bridge.TriggerManual {
						may = slices.Contains(test.click, as)
					}
					id, before := w.pd.AddIncident("The shop is down", incident), len(w.meetings())
					req := bridge.Request{
						IncidentID: id, Requester: bridge.Requester{ID: user}, Trigger: bridge.Trigger{Kind: kind},
					}
					_, err := p.Open(t.Context(), req)
					if did := err == nil; did != may || !did && !errors.Is(err, bridge.ErrForbidden) {
						t.Errorf("%s: error %v, want allowed: %t", kind, err, may)
					}
					if made := len(w.meetings()) == before+1; made != may {
						t.Errorf("%s: meeting made: %t, want %t", kind, made, may)
					}
					// What is there already is told to nobody else either.
					open(t, p, bridge.Request{IncidentID: id})
					if _, err := p.Open(t.Context(), req); (err == nil) != may {
						t.Errorf("%s, with a bridge there: error %v, want allowed: %t", kind, err, may)
					}
				}
			})
		}
	}
}

func TestAnUnknownRequesterIsRefused(t *testing.T) {
	for _, who := range []bridge.Requester{{ID: "PNOBODY"}, {Email: "nobody@example.com"}, {ID: "../../users"}} {
		inEnvNamed(t, fmt.Sprint(who), func(t *testing.T, w *env) {
			_, err := w.start(t).Open(t.Context(), bridge.Request{IncidentID: w.pd.AddIncident("Down"), Requester: who})
			if !errors.Is(err, bridge.ErrForbidden) || w.calls()["zoom create_meeting"] != 0 {
				t.Errorf("error %v, calls %v", err, w.calls())
			}
		})
	}
}

func TestATeamIsAskedOnlyWhereItDecides(t *testing.T) {
	tests := []struct {
		role string
		as   relation
		want int // reads of the team
	}{
		{"limited_user", responder, 0},
		{"read_only_user", responder, 0},
		{"observer", assignee, 0},
		{"observer", responder, 1},
		{"observer", stranger, 1},
	}
	for _, test := range tests {
		inEnvNamed(t, fmt.Sprintf("%s, %s", test.role, test.as), func(t *testing.T, w *env) {
			user := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = test.role })
			req := bridge.Request{IncidentID: w.pd.AddIncident("Down", w.as(user, test.as)), Requester: bridge.Requester{ID: user}}
			_, _ = w.start(t).Open(t.Context(), req)
			calls := w.calls()
			got := []int{calls["pagerduty list_members"], calls["pagerduty get_user"], calls["pagerduty get_incident"]}
			if diff := cmp.Diff([]int{test.want, 1, 1}, got); diff != "" {
				t.Errorf("reads of team, requester and incident (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATeamsRoleIsRememberedForAMinute(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		user := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "observer" })
		incident, p := w.as(user, responder), w.start(t)
		click := func() error {
			_, err := p.Open(t.Context(), bridge.Request{
				IncidentID: w.pd.AddIncident("Down", incident), Requester: bridge.Requester{ID: user},
			})
			return err
		}
		for range 3 {
			if err := click(); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.calls()["pagerduty list_members"]; n != 1 {
			t.Errorf("the team was read %d times, want once", n)
		}
		w.pd.SetTeamRole("PITS", user, "observer")
		pass(time.Minute)
		if err := click(); !errors.Is(err, bridge.ErrForbidden) {
			t.Errorf("a minute after the role was taken away: error %v, want ErrForbidden", err)
		}
	})
}

func TestATeamThatCannotBeReadAllowsNothing(t *testing.T) {
	tests := []struct {
		name  string
		fault pagerdutytest.Fault
	}{
		{"down", pagerdutytest.Answer(503, `{}`)},
		{"not ours to read", pagerdutytest.Answer(403, `{}`)},
		{"cut off", pagerdutytest.ResetBefore()},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			user := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "observer" })
			p := w.start(t)
			req := bridge.Request{IncidentID: w.pd.AddIncident("Down", w.as(user, responder)), Requester: bridge.Requester{ID: user}}
			w.pd.Fault(pagerdutytest.ListMembers, test.fault.Always())
			_, err := p.Open(t.Context(), req)
			if !errors.Is(err, bridge.ErrIncidents) || errors.Is(err, bridge.ErrForbidden) || len(w.meetings()) != 0 {
				t.Errorf("error %v and %d meetings, want ErrIncidents and none", err, len(w.meetings()))
			}
			w.pd.ClearFaults()
			open(t, p, req) // a fault is not remembered
		})
	}
}

func TestOneOfSeveralTeamsIsEnough(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		user := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "observer" })
		w.pd.SetTeamRole("PSECOND", user, "responder")
		w.pd.SetTeamRole("PTHIRD", user, "responder")
		id := w.pd.AddIncident("Down", func(i *pagerdutytest.Incident) {
			i.Teams = []pagerduty.Reference{{ID: "PGONE"}, {ID: "PSECOND"}, {ID: "PTHIRD"}}
		})
		w.pd.Fault(pagerdutytest.ListMembers, pagerdutytest.Answer(403, `{}`)) // of whichever is asked first
		open(t, w.start(t), bridge.Request{IncidentID: id, Requester: bridge.Requester{ID: user}})
	})
}

func TestACarriedIncidentTellsItsTeams(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		user := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "observer" })
		id := w.pd.AddIncident("Down", w.as(user, responder))
		open(t, w.start(t), bridge.Request{
			IncidentID: id, Requester: bridge.Requester{ID: user}, OccurredAt: time.Now(),
			Incident: bridge.FromPagerDuty(&pagerduty.Incident{
				ID: id, Status: "triggered", BridgeKnown: true, Teams: []pagerduty.Reference{{ID: "PITS"}},
			}),
		})
		if n := w.calls()["pagerduty get_incident"]; n != 0 {
			t.Errorf("the incident was read %d times, want none", n)
		}
	})
}
