package bridge_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const (
	roomURL    = "https://meet.example.com/warroom"
	roomNumber = "+1 202 555 0100"
)

func TestAFaultOfACreateStillGivesOneMeeting(t *testing.T) {
	tests := []struct {
		name    string
		fault   zoomtest.Fault
		creates int
	}{
		{"made, but the answer is lost", zoomtest.ResetAfter(), 1},
		{"made, but the answer breaks off", zoomtest.Truncate(), 1},
		{"made, but a gateway answers", zoomtest.Mask(502, "<html>"), 1},
		{"made, but the answer is no JSON", zoomtest.Mask(201, "{"), 1},
		{"not made, the connection is cut", zoomtest.ResetBefore(), 2},
		{"not made, Zoom fails", zoomtest.Answer(500, ""), 2},
		{"not made, nobody answers", zoomtest.Hang(), 2},
		{"the access token has expired", zoomtest.Answer(401, `{"code":124,"message":"Access token is expired."}`), 2},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.start(t)
			w.zoom.Fault(zoomtest.CreateMeeting, test.fault)
			if b, err := p.Open(t.Context(), bridge.Request{IncidentID: id}); err != nil && !kept(err) || err == nil && !b.Created {
				t.Fatalf("open: %+v, %v", b, err)
			}
			pass(30 * time.Second)
			w.oneMeeting(t, id)
			pass(time.Hour) // the audits, too
			w.oneMeeting(t, id)
			if calls := w.calls(); calls["zoom create_meeting"] != test.creates || calls["pagerduty update_incident"] != 1 {
				t.Errorf("calls %v, want %d creates", calls, test.creates)
			}
		})
	}
}

// A create that lands after the client gave up makes a second meeting; the audit removes
// it.
func TestALateCreateIsAudited(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Late(40*time.Second))
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
		if err != nil && !kept(err) {
			t.Fatal(err)
		}
		pass(time.Minute)
		if n := len(w.meetings()); n != 2 {
			t.Fatalf("%d meetings before the audit, want 2", n)
		}
		pass(5 * time.Minute)
		w.oneMeeting(t, id)
	})
}

func TestZoomCannotServe(t *testing.T) {
	missing := `{"code":4711,"message":"Invalid access token, does not contain scopes:[meeting:write:meeting:admin]."}`
	tests := []struct {
		name  string
		fault zoomtest.Fault
		why   string // told to people
		says  string // in the error
	}{
		{"it is down", zoomtest.Answer(503, "<html>"), "Zoom does not answer", "HTTP 503"},
		{"the app lacks a scope", zoomtest.Answer(400, missing), "meeting:write:meeting:admin", "meeting:write:meeting:admin"},
		{"the host made a hundred today", zoomtest.Answer(429, `{"code":429,"message":"A maximum of 100 meetings can be created/updated for a single user in one day."}`), "daily limit", "100 meetings"},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name+", with a fallback", func(t *testing.T, w *env) {
			id := w.pd.AddIncident("Down")
			w.zoom.Fault(zoomtest.Any, zoomtest.Delay(0).Times(1), test.fault.Always())
			p := w.start(t, bridge.WithFallback(bridge.StaticRoom(roomURL, roomNumber)))
			b := open(t, p, bridge.Request{IncidentID: id})
			shown := w.pd.Incident(id)
			if b.State != bridge.StateAttached || b.Provider != "static" || shown.Bridge.URL != roomURL || shown.Bridge.DialIn != roomNumber {
				t.Errorf("bridge %+v", b)
			}
			if len(b.Warnings) != 1 || !strings.Contains(b.Warnings[0], test.why) {
				t.Errorf("warnings %q, want %q", b.Warnings, test.why)
			}
			if len(shown.Notes) != 1 || !strings.Contains(shown.Notes[0].Content, test.why) {
				t.Errorf("notes %+v, want one that says %q", shown.Notes, test.why)
			}
		})
		inEnvNamed(t, test.name+", without one", func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.start(t)
			w.zoom.Fault(zoomtest.Any, zoomtest.Delay(0).Times(1), test.fault.Always())
			_, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
			if !errors.Is(err, bridge.ErrProvider) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %q in it", err, test.says)
			}
			if url := w.pd.Incident(id).Bridge.URL; url != "" {
				t.Errorf("the incident shows %q", url)
			}
		})
	}
}

func TestAnOpeningThatFailedIsTriedAgain(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		if _, err := p.Open(t.Context(), bridge.Request{IncidentID: id}); !kept(err) {
			t.Fatalf("error %v, want one that says it is kept", err)
		}
		pass(5 * time.Minute)
		w.zoom.ClearFaults()
		pass(20 * time.Second)
		w.oneMeeting(t, id)
	})
}

func TestAnOpeningGivesUpAfterTenMinutesAndAClickBeginsAgain(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		_, _ = p.Open(t.Context(), bridge.Request{IncidentID: id})
		pass(15 * time.Minute)
		if state := p.state(t, id); state != bridge.StateFailed {
			t.Fatalf("state %q, want failed", state)
		}
		w.zoom.ClearFaults()
		if b := open(t, p, bridge.Request{IncidentID: id}); b.State != bridge.StateAttached || b.Generation != 2 {
			t.Errorf("bridge %+v", b)
		}
		w.oneMeeting(t, id)
	})
}

func TestPagerDutyCannotTakeTheLink(t *testing.T) {
	tests := []struct {
		name  string
		fault pagerdutytest.Fault
	}{
		{"it fails", pagerdutytest.Answer(503, "<html>")},
		{"it hangs", pagerdutytest.Hang()},
		{"it limits", pagerdutytest.Answer(429, "").Header("ratelimit-reset", "30")},
		{"it takes it and says nothing", pagerdutytest.ResetAfter()},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.start(t)
			w.pd.Fault(pagerdutytest.UpdateIncident, test.fault.Always())
			b := open(t, p, bridge.Request{IncidentID: id})
			if b.State != bridge.StateCreated || !b.Created || b.JoinURL != w.meetings()[0].JoinURL || len(b.Warnings) != 1 {
				t.Fatalf("bridge %+v, want the link, created, with a warning", b)
			}
			pass(3 * time.Minute)
			w.pd.ClearFaults()
			pass(25 * time.Second) // one that hangs is given up first
			if state := p.state(t, id); state != bridge.StateAttached {
				t.Errorf("state %q, want attached", state)
			}
			w.oneMeeting(t, id)
		})
	}
}

func TestPagerDutyIsDownButTheTriggerToldEnough(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.Fault(pagerdutytest.Any, pagerdutytest.Answer(503, "").Always())
		carried := &bridge.Incident{ID: id, Number: 1, Title: "Down", Status: "triggered", Bridge: &bridge.Link{}}
		b := open(t, p, bridge.Request{IncidentID: id, Incident: carried, OccurredAt: time.Now()})
		if b.State != bridge.StateCreated || b.JoinURL == "" || len(b.Warnings) != 1 {
			t.Errorf("bridge %+v, want the link, created, with a warning", b)
		}
		w.pd.ClearFaults()
		pass(20 * time.Second)
		w.oneMeeting(t, id)
	})
}

func TestAnOpeningThatHangsHoldsUpNoOther(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, over, _ := attached(t, w, bridge.WithGrace(0))
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Hang().Always())
		_, _ = p.Open(t.Context(), bridge.Request{IncidentID: w.pd.AddIncident("Down")})
		pass(time.Second) // by now Run is at it, and hangs
		closing(t, p, over, bridge.CloseRequested)
		pass(15 * time.Second)
		if state := p.state(t, over); state != bridge.StateClosed {
			t.Errorf("state %q, want closed", state)
		}
	})
}

func TestPagerDutyRefusesTheLinkForGood(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(403, pagerdutytest.ErrorBody(2010, "Access Denied")).Always())
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
		if !errors.Is(err, bridge.ErrIncidents) || !errors.Is(err, bridge.ErrPermanent) || kept(err) {
			t.Errorf("error %v", err)
		}
		pass(10 * time.Minute)
		if n := len(w.meetings()); n != 0 || p.state(t, id) != bridge.StateClosed {
			t.Errorf("%d meetings, state %q, want none, closed", n, p.state(t, id))
		}
	})
}

func TestALostAnswerIsNoReasonToFallBack(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())
		b := open(t, w.start(t, bridge.WithFallback(bridge.StaticRoom(roomURL, ""))), bridge.Request{IncidentID: id})
		if b.Provider != "zoom" {
			t.Errorf("provider %q, want zoom", b.Provider)
		}
		w.oneMeeting(t, id)
	})
}

func TestATakeoverLooksBeforeItWrites(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Always())
		open(t, p, bridge.Request{IncidentID: id})
		human := pagerduty.ConferenceBridge{URL: "https://meet.example.com/humans"}
		w.pd.SetBridge(id, human)
		w.pd.ClearFaults()
		pass(15 * time.Second)
		if shown := w.pd.Incident(id).Bridge; shown != human || p.state(t, id) != bridge.StateExternal || len(w.meetings()) != 0 {
			t.Errorf("the incident shows %q, state %q, %d meetings", shown.URL, p.state(t, id), len(w.meetings()))
		}
	})
}

func TestARequesterWithoutAScreenIsAnsweredInANote(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(w *env, id string)
		want    string
	}{
		{"forbidden", func(*env, string) {}, "role does not allow"},
		{"resolved", func(w *env, id string) { w.pd.Resolve(id) }, "is resolved"},
		{"Zoom is down", func(w *env, _ string) { w.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always()) }, "No conference bridge yet"},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			role := "user"
			if test.name == "forbidden" {
				role = "read_only_user"
			}
			user := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = role })
			id := w.pd.AddIncident("Down")
			test.prepare(w, id)
			_, _ = w.start(t).Open(t.Context(), bridge.Request{IncidentID: id, Requester: bridge.Requester{ID: user}, NoteOnRefusal: true})
			pass(time.Minute)
			notes := w.pd.Incident(id).Notes
			if len(notes) != 1 || !strings.Contains(notes[0].Content, test.want) {
				t.Errorf("notes %+v, want one that says %q", notes, test.want)
			}
		})
	}
}

// The process dies at a vendor call; another takes the opening up within 30 seconds.
func TestACrashedOpeningIsTakenUp(t *testing.T) {
	type moment struct {
		name string
		die  func(w *env, p *process)
	}
	moments := []moment{
		{"before Zoom made it", func(w *env, _ *process) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetBefore().After(time.Second))
		}},
		{"after Zoom made it", func(w *env, _ *process) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter().After(time.Second))
		}},
		{"before PagerDuty", func(w *env, _ *process) {
			w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.ResetBefore().After(time.Second))
		}},
		{"after PagerDuty", func(w *env, _ *process) {
			w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.ResetAfter().After(time.Second))
		}},
	}
	for _, m := range moments {
		inEnvNamed(t, m.name, func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.start(t)
			m.die(w, p)
			go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
			pass(500 * time.Millisecond)
			p.kill()
			other := w.start(t)
			pass(30 * time.Second)
			if state := other.state(t, id); state != bridge.StateAttached {
				t.Fatalf("state %q, want attached", state)
			}
			w.oneMeeting(t, id)
			pass(time.Hour)
			w.oneMeeting(t, id)
			if creates := w.calls()["zoom create_meeting"]; creates > 2 {
				t.Errorf("%d creates", creates)
			}
		})
	}
}

func TestAStoreThatIsDownMakesNothing(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		p.kill()
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
		if !errors.Is(err, bridge.ErrUnavailable) || len(w.calls()) != 0 || p.Ping(t.Context()) == nil {
			t.Errorf("error %v, calls %v, ready: %v", err, w.calls(), p.Ping(t.Context()))
		}
	})
}

func kept(err error) bool {
	var e *bridge.Error
	return errors.As(err, &e) && e.Kept
}
