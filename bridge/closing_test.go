package bridge_test

import (
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

func TestCloseWhilePublishingIsKept(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id := w.start(t, bridge.WithGrace(0)), w.pd.AddIncident("Down")
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Delay(3*time.Second))
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		closing(t, p, id, bridge.CloseRequested)
		pass(time.Minute)
		if state := p.state(t, id); state != bridge.StateClosed {
			t.Errorf("state %q, want closed", state)
		}
	})
}

func TestAnAuditDoesNotCutTheGraceShort(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id := w.start(t), w.pd.AddIncident("Down")
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())
		open(t, p, bridge.Request{IncidentID: id})
		closing(t, p, id, bridge.CloseRequested)
		pass(5 * time.Minute)
		if state := p.state(t, id); state != bridge.StateClosing {
			t.Errorf("state %q after 5 of 10 minutes of grace", state)
		}
	})
}

func TestACrashedReopeningDoesNotCutTheGraceShort(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		closing(t, p, id, bridge.CloseRequested)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Hang())
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		p.kill()
		other := w.start(t)
		pass(time.Minute)
		if state := other.state(t, id); state != bridge.StateClosing && state != bridge.StateAttached {
			t.Errorf("state %q a minute into ten minutes of grace", state)
		}
	})
}

func TestTheLedgerDoesNotUndoAClose(t *testing.T) {
	for _, grace := range []time.Duration{time.Minute, 0} {
		inEnvNamed(t, fmt.Sprint(grace), func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.startOn(t, w.store, false)
			w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Always())
			open(t, p, bridge.Request{IncidentID: id})
			w.pd.ClearFaults()
			p.kill()
			pass(2 * time.Second)
			other := w.startOn(t, w.store, false, bridge.WithGrace(grace))
			store := storetest.NewHook(w.store, storetest.Hooks{})
			var once sync.Once
			store.Set(beforeRecord(func(recordView) error {
				once.Do(func() {
					closing(t, other, id, bridge.CloseRequested)
					if grace == 0 {
						_, _ = other.Reconcile(t.Context())
					}
				})
				return nil
			}))
			slow := w.startOn(t, store, false)
			_, _ = slow.Reconcile(t.Context())
			b, err := other.Get(t.Context(), id)
			if err != nil || b.State != bridge.StateClosing && b.State != bridge.StateClosed || b.Generation != 1 {
				t.Errorf("bridge %+v, %v", b, err)
			}
		})
	}
}

func TestAWaitingClickDoesNotUndoAClose(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, other, id := w.start(t), w.start(t), w.pd.AddIncident("Down")
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(3*time.Second))
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		go func() { _, _ = other.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		closing(t, p, id, bridge.CloseRequested)
		pass(time.Minute)
		if state := p.state(t, id); state != bridge.StateClosed {
			t.Errorf("state %q: the click from before the close undid it", state)
		}
	})
}

func TestAFailedOpeningForgetsItsCloseRequest(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.Any, zoomtest.Answer(503, "").Always())
		_, _ = p.Open(t.Context(), bridge.Request{IncidentID: id})
		closing(t, p, id, bridge.CloseRequested)
		pass(15 * time.Minute)
		t.Logf("state %q", p.state(t, id))
		w.zoom.ClearFaults()
		b, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
		if err != nil || b.State != bridge.StateAttached {
			t.Errorf("a click after it all got %+v, %v", b, err)
		}
	})
}

func TestAClickAfterACloseRequestCancelsIt(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(503, "").Times(2))
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
		if !kept(err) {
			t.Fatal(err)
		}
		closing(t, p, id, bridge.CloseRequested)
		b, err := p.Open(t.Context(), bridge.Request{IncidentID: id, OccurredAt: time.Now().Add(time.Millisecond)})
		if err != nil || b.State != bridge.StateAttached {
			t.Errorf("bridge %+v, %v", b, err)
		}
	})
}

func TestAttachedIsSaidOnlyOfWhatIsOnTheIncident(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Always())
		open(t, p, bridge.Request{IncidentID: id})
		w.pd.Resolve(id)
		pass(15 * time.Second)
		if state := p.state(t, id); state != bridge.StateClosing {
			t.Fatalf("state %q", state)
		}
		w.pd.ClearFaults()
		w.pd.Reopen(id)
		if err := p.IncidentChanged(t.Context(), id, bridge.Link{}); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		if state := p.state(t, id); state != bridge.StateAttached || w.pd.Incident(id).Bridge.URL == "" {
			t.Errorf("state %q, shown %q", state, w.pd.Incident(id).Bridge.URL)
		}
	})
}

func TestWhatIsOpenIsDueAndListed(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(3*time.Second))
		w.zoom.Fault(zoomtest.GetMeeting, zoomtest.Answer(503, "").Always())
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		w.pd.Resolve(id)
		closing(t, p, id, bridge.CloseResolved)
		pass(20 * time.Second)
		if state := p.state(t, id); state != bridge.StateClosing {
			t.Fatalf("state %q", state)
		}
		w.pd.Reopen(id)
		for range 50 {
			if err := p.IncidentChanged(t.Context(), id, bridge.Link{}); err != nil {
				t.Fatal(err)
			}
			view, r := w.record(t, id)
			if view.Lease.Owner == "" && r.DueAt.IsZero() {
				t.Fatalf("state %s, due never, shown %q", view.State, w.pd.Incident(id).Bridge.URL)
			}
			pass(200 * time.Millisecond)
		}
	})
}

func TestARequestedCloseIsNotUndoneByAReopening(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		w.pd.Resolve(id)
		closing(t, p, id, bridge.CloseResolved)
		closing(t, p, id, bridge.CloseRequested)
		w.pd.Reopen(id)
		pass(time.Hour)
		if state := p.state(t, id); state != bridge.StateClosed {
			t.Errorf("state %q: the request to close was forgotten", state)
		}
	})
}

func TestARefusedBridgeEndsThoughPagerDutyRefusesEverything(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(time.Second))
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(500 * time.Millisecond)
		w.pd.Fault(pagerdutytest.Any, pagerdutytest.Answer(401, "").Always())
		pass(25 * time.Hour)
		if n := len(w.meetings()); n != 0 {
			t.Errorf("state %q, %d meetings after a day", p.state(t, id), n)
		}
	})
}

func TestAClosingOfAnUnknownProviderIsNotSilent(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w, bridge.WithGrace(0))
		p.kill()
		pd, _ := pagerduty.NewClient(pagerduty.APIKey(w.pd.Key(), w.pd.From()), pagerduty.WithTransport(w.pd.Transport()))
		svc, _ := bridge.New(bridge.PagerDuty(pd), bridge.StaticRoom(roomURL, ""), w.store, bridge.WithGrace(0))
		_, _ = svc.Close(t.Context(), id, bridge.CloseRequested)
		_, err := svc.Reconcile(t.Context())
		b, _ := svc.Get(t.Context(), id)
		if b.State == bridge.StateClosed && len(b.Warnings) == 0 && err == nil {
			t.Errorf("closed without a word, %d meetings left", len(w.meetings()))
		}
	})
}

// A close that somebody asked for is not taken back by what was read before it.
func TestARequestedCloseHolds(t *testing.T) {
	t.Run("while a reopening reads the incident", func(t *testing.T) {
		inEnv(t, func(t *testing.T, w *env) {
			p, id, _ := attached(t, w)
			w.pd.Resolve(id)
			closing(t, p, id, bridge.CloseResolved)
			w.pd.Reopen(id)
			pass(time.Second)
			w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(3*time.Second))
			go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
			pass(time.Second)
			closing(t, p, id, bridge.CloseRequested)
			pass(10 * time.Second)
			if state := p.state(t, id); state != bridge.StateClosing {
				t.Errorf("state %q, want closing", state)
			}
		})
	})
	t.Run("against a trigger from between resolve and request", func(t *testing.T) {
		inEnv(t, func(t *testing.T, w *env) {
			p, id, _ := attached(t, w)
			w.pd.Resolve(id)
			closing(t, p, id, bridge.CloseResolved)
			w.pd.Reopen(id)
			pass(time.Minute)
			trigger := bridge.Request{IncidentID: id, OccurredAt: time.Now()}
			pass(time.Minute)
			closing(t, p, id, bridge.CloseRequested)
			pass(time.Second)
			if _, err := p.Open(t.Context(), trigger); !errors.Is(err, bridge.ErrStale) {
				t.Errorf("error %v, want ErrStale", err)
			}
			if state := p.state(t, id); state != bridge.StateClosing {
				t.Errorf("state %q, want closing", state)
			}
		})
	})
	t.Run("against a resolve that comes after it", func(t *testing.T) {
		inEnv(t, func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.start(t)
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(3*time.Second))
			go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
			pass(time.Second)
			closing(t, p, id, bridge.CloseRequested)
			w.pd.Resolve(id)
			if _, err := p.Close(t.Context(), id, bridge.CloseResolved); err != nil {
				t.Fatal(err)
			}
			w.pd.Reopen(id)
			pass(time.Hour)
			if state := p.state(t, id); state != bridge.StateClosed {
				t.Errorf("state %q, want closed", state)
			}
		})
	})
}
