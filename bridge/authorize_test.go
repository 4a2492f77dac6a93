package bridge_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func TestWhoIsAllowed(t *testing.T) {
	tests := []struct {
		role     string
		assigned bool
		may      bool
	}{
		{"limited_user", false, true},
		{"observer", false, false},
		{"observer", true, true},
		{"read_only_user", true, false},
	}
	for _, test := range tests {
		inEnvNamed(t, test.role+", assigned "+strconv.FormatBool(test.assigned), func(t *testing.T, w *env) {
			user := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = test.role })
			id := w.pd.AddIncident("The shop is down", func(i *pagerdutytest.Incident) {
				if test.assigned {
					i.Assignees = []string{user}
				}
			})
			p := w.start(t)
			for _, name := range []string{id, strconv.Itoa(w.pd.Incident(id).Number)} {
				err := p.Authorize(t.Context(), name, bridge.Requester{ID: user})
				if may := err == nil; may != test.may || !may && !errors.Is(err, bridge.ErrForbidden) {
					t.Errorf("%s: error %v, want allowed: %t", name, err, test.may)
				}
			}
			if _, err := p.Get(t.Context(), id); !errors.Is(err, bridge.ErrNotFound) || len(w.meetings()) > 0 {
				t.Errorf("asking left something behind: %v, meetings %v", err, w.meetings())
			}
		})
	}
}

// A failed read is no permission.
func TestWhoIsAllowedIsNotKnown(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		user := w.pd.AddUser("zoe@example.com")
		id := w.pd.AddIncident("The shop is down")
		w.pd.Fault(pagerdutytest.Any, pagerdutytest.Answer(503, "").Always())
		p := w.start(t)
		err := p.Authorize(t.Context(), id, bridge.Requester{ID: user})
		if !errors.Is(err, bridge.ErrIncidents) || errors.Is(err, bridge.ErrForbidden) {
			t.Errorf("error %v, want PagerDuty's", err)
		}
		if _, err := p.Incident(t.Context(), id); !errors.Is(err, bridge.ErrIncidents) {
			t.Errorf("read of the incident: error %v, want PagerDuty's", err)
		}
	})
}

func TestAnIncidentIsRead(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("The shop is down")
		p := w.start(t)
		for _, name := range []string{id, strconv.Itoa(w.pd.Incident(id).Number)} {
			incident, err := p.Incident(t.Context(), name)
			if err != nil || incident.ID != id || incident.Title != "The shop is down" {
				t.Errorf("%s: %+v, %v", name, incident, err)
			}
		}
		if _, err := p.Incident(t.Context(), "PNONE"); !errors.Is(err, bridge.ErrIncidentNotFound) {
			t.Errorf("error %v, want that there is none", err)
		}
		if _, err := p.Incident(t.Context(), "../users"); !errors.Is(err, bridge.ErrInvalid) {
			t.Errorf("error %v, want that it is no id", err)
		}
	})
}
