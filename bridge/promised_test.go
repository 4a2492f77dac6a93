package bridge_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestAPromisedReopeningIsKept(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		closing(t, p, id, bridge.CloseRequested)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Hang().Times(1), pagerdutytest.Answer(500, "").Times(12))
		b, err := p.Open(short(t, time.Second), bridge.Request{IncidentID: id, IdempotencyKey: "k"})
		if err != nil {
			return // 503: the caller comes back
		}
		pass(time.Hour)
		if state := p.state(t, id); state != bridge.StateAttached {
			t.Errorf("the caller was told %q; now it is %q", b.State, state)
		}
	})
}

func TestARedeliveredReopeningReopens(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		closing(t, p, id, bridge.CloseRequested)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(500, "").Always())
		req := bridge.Request{IncidentID: id, IdempotencyKey: "k"}
		if b, err := p.Open(t.Context(), req); err == nil {
			t.Fatalf("bridge %+v", b)
		}
		w.pd.ClearFaults()
		b, err := p.Open(t.Context(), req)
		if err != nil || b.State != bridge.StateAttached {
			t.Errorf("redelivery got %+v, %v", b, err)
		}
	})
}

func TestAFollowerIsNotForgottenWithTheLeader(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		zoe := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "read_only_user" })
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.Fault(pagerdutytest.GetUser, pagerdutytest.Delay(4*time.Second))
		go func() {
			_, _ = p.Open(t.Context(), bridge.Request{IncidentID: id, Requester: bridge.Requester{ID: zoe}})
		}()
		pass(time.Second)
		b, err := p.Open(short(t, time.Second), bridge.Request{IncidentID: id})
		if err != nil {
			return // 503
		}
		pass(time.Minute)
		if state := p.state(t, id); state != bridge.StateAttached {
			t.Errorf("the operator was told %q; now it is %q", b.State, state)
		}
	})
}

func TestAFollowersKeyIsKept(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t, bridge.WithGrace(0))
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(2*time.Second))
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id, IdempotencyKey: "first"}) }()
		pass(time.Second)
		second := bridge.Request{IncidentID: id, IdempotencyKey: "second"}
		open(t, p, second)
		closing(t, p, id, bridge.CloseRequested)
		pass(5 * time.Second)
		b, err := p.Open(t.Context(), second)
		if n := len(w.meetings()); n != 0 {
			t.Errorf("%d meetings: the redelivery started another: %+v, %v", n, b, err)
		}
	})
}

func TestAForbiddenClickRevivesNothing(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		zoe := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "read_only_user" })
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		_, _ = p.Open(t.Context(), bridge.Request{IncidentID: id})
		pass(15 * time.Minute)
		w.zoom.ClearFaults()
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id, Requester: bridge.Requester{ID: zoe}})
		pass(time.Minute)
		if state := p.state(t, id); !errors.Is(err, bridge.ErrForbidden) || kept(err) || state != bridge.StateFailed {
			t.Errorf("error %v; state %q, meetings %d", err, state, len(w.meetings()))
		}
	})
}

func TestAStoreThatBlinksForgetsNothing(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		ada := w.pd.AddUser("bob@example.com")
		store := storetest.NewHook(w.store, storetest.Hooks{})
		p := w.startOn(t, store, true)
		w.pd.Fault(pagerdutytest.GetUser, pagerdutytest.Delay(2*time.Second))
		first := true
		store.Set(beforeRecord(func(view recordView) error {
			if view.State == "creating" && len(view.CreateSites) > 0 && first {
				first = false
				return errors.New("the store blinks")
			}
			return nil
		}))
		b, err := p.Open(short(t, time.Second), bridge.Request{IncidentID: id, Requester: bridge.Requester{ID: ada}})
		if err != nil || b.State != bridge.StateCreating {
			t.Fatalf("bridge %+v, %v", b, err)
		}
		pass(time.Minute)
		if state := p.state(t, id); state != bridge.StateAttached {
			t.Errorf("promised %q; now %q", b.State, state)
		}
	})
}

func TestADoubtThatIsNotWrittenIsAudited(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		store := storetest.NewHook(w.store, storetest.Hooks{})
		p := w.startOn(t, store, true)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())
		first := true
		store.Set(beforeRecord(func(view recordView) error {
			if len(view.AuditAt) > 0 && first {
				first = false
				return errors.New("the store blinks")
			}
			return nil
		}))
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
		pass(24 * time.Hour)
		if n := len(w.meetings()); n != 0 && p.state(t, id) != bridge.StateAttached {
			t.Errorf("%v; state %s, %d meetings", err, p.state(t, id), n)
		}
	})
}

func TestAnAnsweredTriggerStartsNothingAfterAHumansBridge(t *testing.T) {
	for _, byKey := range []bool{true, false} {
		inEnvNamed(t, fmt.Sprint("by key ", byKey), func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.start(t)
			req := bridge.Request{IncidentID: id, IdempotencyKey: "k"}
			if !byKey {
				req.OccurredAt = time.Now()
			}
			open(t, p, req)
			w.pd.SetBridge(id, humanBridge())
			if err := p.IncidentChanged(t.Context(), id, bridge.Link{}); err != nil {
				t.Fatal(err)
			}
			pass(10 * time.Second)
			w.pd.SetBridge(id, pagerduty.ConferenceBridge{})
			b, err := p.Open(t.Context(), req)
			if n := len(w.meetings()); n != 0 {
				t.Errorf("the redelivery started generation %d: %v", b.Generation, err)
			}
		})
	}
}

func TestAFailureIsNoSuccess(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		missing := `{"code":4711,"message":"Invalid access token, does not contain scopes:[meeting:write:meeting:admin]."}`
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(400, missing).Always())
		w.pd.Fault(pagerdutytest.AddNote, pagerdutytest.Hang())
		b, err := p.Open(short(t, time.Second), bridge.Request{IncidentID: id, NoteOnRefusal: true})
		if err == nil {
			t.Errorf("told %q without an error", b.State)
		}
	})
}

func TestKeptIsSaidOnlyOfAClaimOfOnesOwn(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		store := storetest.NewHook(w.store, storetest.Hooks{})
		p := w.startOn(t, store, false)
		w.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		_, _ = p.Open(t.Context(), bridge.Request{IncidentID: id})
		store.Set(beforeRecord(func(recordView) error { return errors.New("down") }))
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id, IdempotencyKey: "second"})
		if kept(err) {
			t.Errorf("error %v says that it is kept", err)
		}
	})
}

func TestACarriedIncidentOfAnotherIsNotBelieved(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, other, p := w.pd.AddIncident("Down"), w.pd.AddIncident("Other"), w.start(t)
		w.pd.Resolve(id)
		carried := &bridge.Incident{ID: other, Status: "triggered", Bridge: &bridge.Link{}}
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id, Incident: carried, OccurredAt: time.Now()})
		if err == nil || w.calls()["zoom create_meeting"] != 0 {
			t.Errorf("error %v, calls %v", err, w.calls())
		}
	})
}

func TestAMixedFailureIsTriedAgain(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		missing := `{"code":4711,"message":"Invalid access token, does not contain scopes:[meeting:write:meeting:admin]."}`
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(400, missing).Always())
		p := w.start(t, bridge.WithFallback(&flaky{Provider: bridge.StaticRoom(roomURL, ""), fails: 2}))
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
		pass(time.Minute)
		if state := p.state(t, id); state != bridge.StateAttached {
			t.Errorf("error %v; state %q", err, state)
		}
	})
}

func TestHangingOpeningsHoldUpNoClosing(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, over, _ := attached(t, w, bridge.WithGrace(0))
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Hang().Always())
		for range 60 {
			id := w.pd.AddIncident("Down")
			go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		}
		pass(40 * time.Second)
		closing(t, p, over, bridge.CloseRequested)
		pass(15 * time.Second)
		if state := p.state(t, over); state != bridge.StateClosed {
			t.Errorf("state %q after 15 s", state)
		}
		w.zoom.ClearFaults()
		pass(time.Minute)
	})
}
