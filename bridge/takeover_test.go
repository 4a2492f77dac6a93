package bridge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestAReleasedTakeoverIsAudited(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter().After(time.Second))
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(500 * time.Millisecond)
		p.kill()
		w.pd.Resolve(id)
		w.start(t)
		pass(2 * time.Hour)
		view, r := w.record(t, id)
		if n := len(w.meetings()); n != 0 {
			t.Errorf("%d meetings left for good; state %s, due %v ago", n, view.State, time.Since(r.DueAt))
		}
	})
}

// frozenAtDecide is a store whose first write of a decision waits for the thaw.
func (w *env) frozenAtDecide() (store *storetest.Hook, thaw chan struct{}) {
	store, thaw = storetest.NewHook(w.store, storetest.Hooks{}), make(chan struct{})
	var once sync.Once
	store.Set(beforeRecord(func(p recordView) error {
		if p.Decision != nil {
			once.Do(func() { <-thaw })
		}
		return nil
	}))
	return store, thaw
}

func TestAFrozenHolderDoesNotReviveAClosedBridge(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		store, thaw := w.frozenAtDecide()
		a := w.startOn(t, store, false, bridge.WithGrace(0))
		go func() { _, _ = a.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		b := w.start(t, bridge.WithGrace(0))
		pass(16 * time.Second)
		w.oneMeeting(t, id)
		closing(t, b, id, bridge.CloseRequested)
		pass(3 * time.Second)
		if state := b.state(t, id); state != bridge.StateClosed {
			t.Fatalf("state %q", state)
		}
		w.pd.SetBridge(id, pagerduty.ConferenceBridge{})
		close(thaw)
		pass(5 * time.Second)
		if state := b.state(t, id); state != bridge.StateClosed || w.pd.Incident(id).Bridge.URL != "" || len(w.meetings()) != 0 {
			t.Errorf("state %q, shown %q, meetings %d", state, w.pd.Incident(id).Bridge.URL, len(w.meetings()))
		}
	})
}

func TestAFrozenHolderLooksBeforeItWrites(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		store, thaw := w.frozenAtDecide()
		a := w.startOn(t, store, false)
		go func() { _, _ = a.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		b := w.start(t)
		pass(16 * time.Second)
		if state := b.state(t, id); state != bridge.StateAttached {
			t.Fatalf("state %q", state)
		}
		w.pd.SetBridge(id, humanBridge())
		close(thaw)
		pass(5 * time.Second)
		if shown := w.pd.Incident(id).Bridge; shown != humanBridge() {
			t.Errorf("the human's bridge was overwritten with %q", shown.URL)
		}
	})
}

func TestAnOverdueAuditIsNoReasonToHammer(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(403, "").Times(0))
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(429, "").Header("ratelimit-reset", "60").Always())
		open(t, p, bridge.Request{IncidentID: id})
		pass(time.Minute)
		before := w.calls()["pagerduty update_incident"]
		pass(time.Minute)
		early := w.calls()["pagerduty update_incident"] - before
		pass(2 * time.Minute)
		before = w.calls()["pagerduty update_incident"]
		pass(time.Minute)
		late := w.calls()["pagerduty update_incident"] - before
		if late > early+2 {
			t.Errorf("%d writes a minute once the audit is overdue, %d before", late, early)
		}
	})
}

func TestAResumedOpeningThatIsRefusedEnds(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		rules := bridge.WithOpenOn(bridge.OpenOn{Events: []string{"incident.triggered"}, Urgencies: []string{"high"}})
		id, p := w.pd.AddIncident("Down"), w.start(t, rules)
		w.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id, Trigger: bridge.Trigger{Kind: bridge.TriggerAutomatic, Event: "incident.triggered"}})
		if !kept(err) {
			t.Fatal(err)
		}
		p.kill()
		other := w.start(t, bridge.WithOpenOn(bridge.OpenOn{Events: []string{"incident.triggered"}, Urgencies: []string{"low"}}))
		pass(time.Hour)
		before := w.calls()["pagerduty get_incident"]
		pass(time.Minute)
		if reads := w.calls()["pagerduty get_incident"] - before; reads > 6 {
			t.Errorf("%d reads a minute an hour later, state %s", reads, other.state(t, id))
		}
	})
}

func TestAnAuditLeavesWhatAFailedGenerationMayAdopt(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter(), zoomtest.Answer(503, "").Always())
		w.zoom.Fault(zoomtest.ListMeetings, zoomtest.Answer(503, "").Always())
		_, _ = p.Open(t.Context(), bridge.Request{IncidentID: id})
		for p.state(t, id) != bridge.StateFailed {
			pass(100 * time.Millisecond)
		}
		w.zoom.ClearFaults()
		w.zoom.Fault(zoomtest.DeleteMeeting, zoomtest.Delay(3*time.Second))
		for len(w.zoom.Requests(zoomtest.DeleteMeeting)) == 0 {
			pass(100 * time.Millisecond)
		}
		b := open(t, p, bridge.Request{IncidentID: id})
		pass(10 * time.Second)
		if len(w.meetings()) != 1 {
			t.Fatalf("bridge %s attached, %d meetings left, state %s", b.MeetingID, len(w.meetings()), p.state(t, id))
		}
		w.oneMeeting(t, id)
	})
}

func TestAWaiterLooksAgainBeforeItWrites(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		a := w.startOn(t, w.store, false)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter().After(2*time.Second))
		store := storetest.NewHook(w.store, storetest.Hooks{})
		var once sync.Once
		store.Set(beforeRecord(func(recordView) error {
			once.Do(func() { // A's claim comes first
				go func() { _, _ = a.Open(t.Context(), bridge.Request{IncidentID: id}) }()
				pass(time.Second)
			})
			return nil
		}))
		b := w.startOn(t, store, false)
		done := make(chan error)
		go func() { _, err := b.Open(t.Context(), bridge.Request{IncidentID: id}); done <- err }()
		pass(1500 * time.Millisecond)
		a.kill()
		pass(5 * time.Second)
		w.pd.SetBridge(id, humanBridge())
		err := <-done
		if shown := w.pd.Incident(id).Bridge; shown != humanBridge() {
			t.Errorf("a bridge that a human wrote 10 s ago was overwritten: %v", err)
		}
	})
}

func TestAnAttachedRecordHasNoDeadLease(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		w.pd = pagerdutytest.New(pagerdutytest.WithNumberCheck(pagerdutytest.NoStar))
		id := w.pd.AddIncident("Down")
		a := w.startOn(t, w.store, false)
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Delay(8*time.Second).Always())
		go func() { _, _ = a.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		b := w.start(t)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(8*time.Second))
		for i := 0; i < 400 && w.calls()["pagerduty get_incident"] < 2; i++ {
			pass(100 * time.Millisecond)
		}
		b.kill()
		pass(10 * time.Second)
		view, _ := w.record(t, id)
		c := w.start(t)
		before := w.calls()["zoom list_meetings"]
		pass(time.Minute)
		if lists := w.calls()["zoom list_meetings"] - before; lists > 2 {
			t.Errorf("state %s, lease %q: %d lists a minute (was %q)", c.state(t, id), view.Lease.Owner, lists, view.State)
		}
	})
}

func TestASecondCreateLooksAgain(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Hang())
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(5 * time.Second)
		w.pd.SetBridge(id, humanBridge())
		pass(time.Minute)
		if shown := w.pd.Incident(id).Bridge; shown != humanBridge() {
			t.Errorf("a human's bridge, written before the create that made ours, was overwritten")
		}
	})
}

func TestADecidedLinkIsPublishedWhoeverAsked(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		user := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "observer" })
		id, p := w.pd.AddIncident("Down", func(i *pagerdutytest.Incident) { i.Assignees = []string{user} }), w.start(t)
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Always())
		b := open(t, p, bridge.Request{IncidentID: id, Requester: bridge.Requester{ID: user}})
		// PagerDuty no longer knows the requester
		w.pd.Fault(pagerdutytest.GetUser, pagerdutytest.Answer(404, pagerdutytest.ErrorBody(2100, "Not Found")).Always())
		pass(90 * time.Second)
		w.pd.Fault(pagerdutytest.UpdateIncident)
		w.pd.ClearFaults()
		w.pd.Fault(pagerdutytest.GetUser, pagerdutytest.Answer(404, pagerdutytest.ErrorBody(2100, "Not Found")).Always())
		pass(10 * time.Minute)
		if state := p.state(t, id); state != bridge.StateAttached {
			n := w.calls()["pagerduty get_incident"]
			pass(time.Minute)
			t.Errorf("told %q with a link; now %q, %d reads a minute", b.State, state, w.calls()["pagerduty get_incident"]-n)
		}
	})
}

func TestALatePutOverAHumansBridge(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		w.pd = pagerdutytest.New(pagerdutytest.WithNumberCheck(pagerdutytest.NoStar))
		id := w.pd.AddIncident("Down")
		a := w.startOn(t, w.store, false)
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Delay(9*time.Second).Always())
		go func() { _, _ = a.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		b := w.start(t)
		w.pd.SetBridge(id, humanBridge())
		pass(16 * time.Second)
		t.Logf("state %s", b.state(t, id))
		pass(time.Minute)
		shown := w.pd.Incident(id).Bridge.URL
		_ = b.IncidentChanged(t.Context(), id, bridge.Link{URL: shown})
		pass(time.Hour)
		t.Logf("state %s, shown %s, meetings %d", b.state(t, id), shown, len(w.meetings()))
		if shown != humanBridge().URL && len(w.meetings()) == 0 {
			t.Errorf("the incident shows our meeting, which was deleted")
		}
	})
}

func TestNoRaceOnSight(t *testing.T) {
	for i := range 20 {
		inEnvNamed(t, fmt.Sprint(i), func(t *testing.T, w *env) {
			user := w.pd.AddUser("zoe@example.com")
			store := storetest.NewHook(w.store, storetest.Hooks{})
			var once sync.Once
			const id = "PNONE"
			store.Set(beforeRecord(func(p recordView) error {
				if p.State == "closed" {
					once.Do(func() {
						r, err := w.store.Get(t.Context(), "bridge/default/"+id)
						if err != nil {
							t.Error(err)
							return
						}
						var m map[string]any
						_ = json.Unmarshal(r.Value, &m)
						m["lease"].(map[string]any)["owner"] = "x"
						m["lease"].(map[string]any)["until"] = time.Now().Add(time.Second)
						r.Value, _ = json.Marshal(m)
						if _, err := w.store.Put(t.Context(), "bridge/default/"+id, r); err != nil {
							t.Error(err)
						}
					})
				}
				return nil
			}))
			a := w.startOn(t, store, false)
			w.pd.Fault(pagerdutytest.GetUser, pagerdutytest.Delay(3*time.Second))
			_, err := a.Open(t.Context(), bridge.Request{IncidentID: id, Requester: bridge.Requester{ID: user}})
			if !errors.Is(err, bridge.ErrIncidentNotFound) {
				t.Error(err)
			}
		})
	}
}

// A create whose answer could not be waited for is not sent: the ledger makes it with
// time of its own.
func TestNoCreateIsSentWithoutTheTimeForIt(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Hang().Times(1))
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		p.kill()
		q := w.startOn(t, w.store, false)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(6*time.Second))
		b, err := q.Open(t.Context(), bridge.Request{IncidentID: id}) // 14 s for the lease and 6 s for PagerDuty, of 25
		var e *bridge.Error
		if !errors.As(err, &e) || !e.Kept || w.calls()["zoom create_meeting"] != 0 {
			t.Errorf("bridge %+v, error %v, calls %v; want it kept, and no create", b, err, w.calls())
		}
		w.start(t)
		pass(5 * time.Second)
		w.oneMeeting(t, id)
	})
}
