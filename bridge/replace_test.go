package bridge_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func replace(t *testing.T, p *process, req bridge.Request) *bridge.Bridge {
	t.Helper()
	b, err := p.Replace(t.Context(), req)
	if err != nil {
		t.Fatalf("replace: %v", err)
	}
	return b
}

func TestReplaceMakesANewMeetingAndRemovesTheFormerOne(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, former := attached(t, w)
		b := replace(t, p, bridge.Request{IncidentID: id})
		if b.State != bridge.StateAttached || !b.Created || b.Generation != 2 || b.JoinURL == former.JoinURL {
			t.Errorf("bridge %+v", b)
		}
		pass(5 * time.Second)
		if m := w.oneMeeting(t, id); m.JoinURL != b.JoinURL {
			t.Errorf("the incident shows %q, want %q", m.JoinURL, b.JoinURL)
		}
	})
}

func TestReplaceLeavesPeopleInTheFormerMeeting(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, former := attached(t, w)
		if err := w.zoom.Join(former.ID, "Ada"); err != nil {
			t.Fatal(err)
		}
		replace(t, p, bridge.Request{IncidentID: id})
		pass(2 * time.Hour)
		if got := len(w.meetings()); got != 2 {
			t.Errorf("%d meetings while Ada is in the former one, want 2", got)
		}
		if notes := w.pd.Incident(id).Notes; len(notes) != 1 {
			t.Errorf("notes %q, want one that names the meeting", notes)
		}
		if err := w.zoom.Leave(former.ID, "Ada"); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		w.oneMeeting(t, id)
	})
}

func TestReplaceOfNothingOpens(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		b := replace(t, p, bridge.Request{IncidentID: id})
		if b.Generation != 1 || !b.Created {
			t.Errorf("bridge %+v", b)
		}
		w.oneMeeting(t, id)
	})
}

func TestReplaceOfAClosingBridgeTakesTheClosingBack(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		closing(t, p, id, bridge.CloseRequested)
		b := replace(t, p, bridge.Request{IncidentID: id})
		if b.State != bridge.StateAttached || b.Generation != 2 {
			t.Errorf("bridge %+v", b)
		}
		pass(time.Hour)
		w.oneMeeting(t, id)
	})
}

func TestReplaceKeepsAHumansBridge(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.SetBridge(id, humanBridge())
		b := replace(t, p, bridge.Request{IncidentID: id})
		if b.State != bridge.StateExternal || len(w.meetings()) != 0 {
			t.Errorf("bridge %+v, %d meetings", b, len(w.meetings()))
		}
	})
}

func TestSeveralReplacesAtOnceMakeOne(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		q := w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(time.Second).Always())
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if _, err := []*process{p, q}[i%2].Replace(t.Context(), bridge.Request{IncidentID: id}); err != nil {
					t.Errorf("replace: %v", err)
				}
			})
		}
		all.Wait()
		pass(5 * time.Second)
		w.oneMeeting(t, id)
		if made := w.calls()["zoom create_meeting"]; made != 2 {
			t.Errorf("%d meetings were made, want 2", made)
		}
	})
}

func TestARedeliveredReplaceReplacesOnce(t *testing.T) {
	for _, tc := range []struct {
		name string
		req  func(now time.Time) bridge.Request
	}{
		{"by its key", func(time.Time) bridge.Request { return bridge.Request{IdempotencyKey: "k"} }},
		{"by its time", func(now time.Time) bridge.Request { return bridge.Request{OccurredAt: now} }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inEnv(t, func(t *testing.T, w *env) {
				p, id, _ := attached(t, w)
				pass(time.Second)
				req := tc.req(time.Now())
				req.IncidentID = id
				pass(time.Second)
				replace(t, p, req)
				if b := replace(t, p, req); b.Generation != 2 || b.Created {
					t.Errorf("bridge %+v, want the one of the first delivery", b)
				}
			})
		})
	}
}

// A Replace that comes to nothing leaves the previous bridge on the incident and in Zoom.
func TestAReplaceThatComesToNothingDestroysNothing(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		hurt func(w *env, id string)
	}{
		{"Zoom is down", bridge.ErrProvider, func(w *env, _ string) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(http.StatusBadGateway, "").Always())
		}},
		{"Zoom makes it and tells nobody", bridge.ErrProvider, func(w *env, _ string) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter().Always())
			w.zoom.Fault(zoomtest.ListMeetings, zoomtest.Answer(http.StatusBadGateway, "").Times(20))
		}},
		{"PagerDuty cannot be read", bridge.ErrIncidents, func(w *env, _ string) {
			w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(http.StatusBadGateway, "").Times(20))
		}},
		{"PagerDuty refuses the link", bridge.ErrPermanent, func(w *env, _ string) {
			w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(http.StatusForbidden, "").Times(1))
		}},
		{"the requester may not", bridge.ErrForbidden, func(*env, string) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inEnv(t, func(t *testing.T, w *env) {
				zoe := w.pd.AddUser("zoe@example.com", func(u *pagerdutytest.User) { u.Role = "read_only_user" })
				p, id, former := attached(t, w)
				tc.hurt(w, id)
				req := bridge.Request{IncidentID: id}
				if errors.Is(tc.err, bridge.ErrForbidden) {
					req.Requester.ID = zoe
				}
				b, err := p.Replace(t.Context(), req)
				if !errors.Is(err, tc.err) {
					t.Errorf("bridge %+v, error %v, want %v", b, err, tc.err)
				}
				pass(2 * time.Hour)
				if m := w.oneMeeting(t, id); m.ID != former.ID || p.state(t, id) != bridge.StateAttached {
					t.Errorf("meeting %d in state %s, want %d attached", m.ID, p.state(t, id), former.ID)
				}
			})
		})
	}
}

// A crash between any two steps of a Replace leaves one meeting, on the incident.
func TestACrashedReplaceIsTakenUpAgain(t *testing.T) {
	for state, want := range map[string]int{"creating": 2, "created": 2, "attached": 2} {
		t.Run(state, func(t *testing.T) {
			inEnv(t, func(t *testing.T, w *env) {
				_, id, _ := attached(t, w)
				store := storetest.NewHook(w.store, storetest.Hooks{})
				p := w.startOn(t, store, false)
				store.Set(beforeRecord(func(written recordView) error {
					if written.State == state {
						p.kill()
					}
					return nil
				}))
				go func() { _, _ = p.Replace(short(t, time.Minute), bridge.Request{IncidentID: id}) }()
				synctest.Wait()
				pass(5 * time.Minute)
				w.oneMeeting(t, id)
				b, err := p.Get(t.Context(), id)
				if err == nil {
					t.Fatalf("the dead process answers: %+v", b)
				}
				q := w.start(t)
				if b, err := q.Get(t.Context(), id); err != nil || b.State != bridge.StateAttached || b.Generation != want {
					t.Errorf("bridge %+v, error %v", b, err)
				}
			})
		})
	}
}

func TestWhilePagerDutyIsDownTheFormerMeetingStays(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, former := attached(t, w)
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(http.StatusBadGateway, "").Always())
		if b := replace(t, p, bridge.Request{IncidentID: id}); b.State != bridge.StateCreated || len(b.Warnings) == 0 {
			t.Errorf("bridge %+v, want created with a warning", b)
		}
		pass(time.Hour)
		if got := len(w.meetings()); got != 2 || w.pd.Incident(id).Bridge.URL != former.JoinURL {
			t.Errorf("%d meetings while the incident shows the former one, want 2", got)
		}
		w.pd.ClearFaults()
		pass(time.Minute)
		w.oneMeeting(t, id)
	})
}

// Two deliveries of one Replace come at different times of an opening. Once the first has
// finished that one, the second has nothing left to replace.
func TestAKeyThatFinishedAGenerationReplacesItNoMore(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, first, second := w.pd.AddIncident("Down"), w.startOn(t, w.store, false), w.startOn(t, w.store, false)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(time.Second))
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Hang())
		go func() { _, _ = first.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(500 * time.Millisecond)
		var deliveries sync.WaitGroup
		for range 2 { // while the call is made, and while it is published
			deliveries.Go(func() { _, _ = second.Replace(t.Context(), bridge.Request{IncidentID: id, IdempotencyKey: "k"}) })
			pass(time.Second)
		}
		first.kill()
		w.pd.Resolve(id)
		deliveries.Wait()
		if b, err := second.Get(t.Context(), id); err != nil || b.Generation != 1 {
			t.Errorf("Get = %+v, %v, want the first generation", b, err)
		}
	})
}
