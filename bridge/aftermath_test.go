package bridge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestAnAuditAtWorkDoesNotSwallowTheNext(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())
		open(t, p, bridge.Request{IncidentID: id})
		pass(29 * time.Minute)
		w.zoom.Fault(zoomtest.ListMeetings, zoomtest.Delay(5*time.Second))
		lists := len(w.zoom.Requests(zoomtest.ListMeetings))
		for len(w.zoom.Requests(zoomtest.ListMeetings)) == lists {
			pass(100 * time.Millisecond)
		}
		w.pd.SetBridge(id, humanBridge())
		if err := p.IncidentChanged(t.Context(), id, bridge.Link{URL: humanBridge().URL}); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Hour)
		if n := len(w.meetings()); n != 0 || p.state(t, id) != bridge.StateExternal {
			view, r := w.record(t, id)
			t.Errorf("state %s, %d meetings of ours left for good: %+v due %v", p.state(t, id), n, view, r.DueAt)
		}
	})
}

func TestACrashedVerificationIsTakenUp(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, formerly := attached(t, w, bridge.WithGrace(0))
		closing(t, p, id, bridge.CloseRequested)
		pass(5 * time.Second)
		open(t, p, bridge.Request{IncidentID: id})
		w.pd.SetBridge(id, pagerduty.ConferenceBridge{URL: formerly.JoinURL})
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.ResetBefore().After(time.Second))
		go func() { _ = p.IncidentChanged(t.Context(), id, bridge.Link{URL: formerly.JoinURL}) }()
		pass(500 * time.Millisecond)
		p.kill()
		w.start(t)
		pass(time.Hour)
		w.oneMeeting(t, id)
	})
}

func TestAVerificationOutlivesAnOutage(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, formerly := attached(t, w, bridge.WithGrace(0))
		closing(t, p, id, bridge.CloseRequested)
		pass(5 * time.Second)
		open(t, p, bridge.Request{IncidentID: id})
		w.pd.SetBridge(id, pagerduty.ConferenceBridge{URL: formerly.JoinURL})
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Always())
		_ = p.IncidentChanged(t.Context(), id, bridge.Link{URL: formerly.JoinURL})
		pass(5 * time.Minute)
		w.pd.ClearFaults()
		pass(time.Hour)
		w.oneMeeting(t, id)
	})
}

func TestAFallbackIsNotedWhenTheWriteIsMadeGoodLater(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		w.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		p := w.start(t, bridge.WithFallback(bridge.StaticRoom(roomURL, roomNumber)))
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Always())
		open(t, p, bridge.Request{IncidentID: id})
		w.pd.ClearFaults()
		pass(time.Minute)
		if notes := w.pd.Incident(id).Notes; p.state(t, id) != bridge.StateAttached || len(notes) != 1 {
			t.Errorf("state %s, notes %v", p.state(t, id), notes)
		}
	})
}

func TestARoomWithANumberAloneIsOurs(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		w.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		p := w.start(t, bridge.WithFallback(bridge.StaticRoom("", roomNumber)))
		open(t, p, bridge.Request{IncidentID: id})
		if err := p.IncidentChanged(t.Context(), id, bridge.Link{DialIn: roomNumber}); err != nil {
			t.Fatal(err)
		}
		if state := p.state(t, id); state != bridge.StateAttached {
			t.Errorf("state %q", state)
		}
	})
}

func TestAnAdoptedMeetingKeepsTheDialInChoice(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t, bridge.WithoutDialIn())
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())
		open(t, p, bridge.Request{IncidentID: id})
		if number := w.pd.Incident(id).Bridge.DialIn; number != "" {
			t.Errorf("the incident shows a number")
		}
	})
}

func TestManyKeysDoNotFillTheRecord(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		for i := range 100 {
			open(t, p, bridge.Request{IncidentID: id, IdempotencyKey: fmt.Sprintf("%0256d", i)})
		}
		if _, r := w.record(t, id); len(r.Value) > 16<<10 {
			t.Errorf("the record has %d bytes", len(r.Value))
		}
	})
}

func TestAStartedSurplusIsNamed(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, m := attached(t, w)
		_ = w.zoom.Join(m.ID, "Ada")
		w.pd.SetBridge(id, humanBridge())
		_ = p.IncidentChanged(t.Context(), id, bridge.Link{})
		pass(5 * time.Minute)
		if len(w.pd.Incident(id).Notes) == 0 {
			t.Errorf("state %s, %d meetings, no note", p.state(t, id), len(w.meetings()))
		}
	})
}
