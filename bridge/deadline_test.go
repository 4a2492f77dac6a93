package bridge_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// A process that is frozen while vendors are slow: what it began ends before, nothing is
// sent later, and the next process finishes it.
func TestNothingIsAtWorkAfterTheEnd(t *testing.T) {
	tests := []struct {
		name   string
		left   time.Duration // until the end
		slow   func(*env)
		wanted bridge.State // what the ledger is left with
	}{
		{
			name: "there is no time to make a call", left: 2 * time.Second, wanted: bridge.StateCreating,
			slow: func(*env) {},
		},
		{
			name: "Zoom takes too long", left: 4 * time.Second, wanted: bridge.StateCreating,
			slow: func(w *env) { w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Late(5*time.Second)) },
		},
		{
			name: "Zoom hangs", left: 4 * time.Second, wanted: bridge.StateCreating,
			slow: func(w *env) { w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Hang()) },
		},
		{
			name: "Zoom's token takes too long", left: 4 * time.Second, wanted: bridge.StateCreating,
			slow: func(w *env) { w.zoom.Fault(zoomtest.GiveToken, zoomtest.Delay(5*time.Second)) },
		},
		{
			name: "PagerDuty takes too long to read", left: 4 * time.Second, wanted: bridge.StateCreating,
			slow: func(w *env) { w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(5*time.Second)) },
		},
		{
			name: "PagerDuty takes too long to write", left: 4 * time.Second, wanted: bridge.StateCreated,
			slow: func(w *env) { w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Late(5*time.Second)) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEnv(t, func(t *testing.T, w *env) {
				id, frozen := w.pd.AddIncident("Down"), w.startOn(t, w.store, false)
				tt.slow(w)
				end := time.Now().Add(tt.left)
				ctx := bridge.WithHardDeadline(short(t, tt.left-400*time.Millisecond), end)
				b, err := frozen.Open(ctx, bridge.Request{IncidentID: id})
				if told, kept := errors.AsType[*bridge.Error](err); err != nil && !(kept && told.Kept) {
					t.Errorf("the caller was told %v, want that it is kept", err)
				} else if err == nil && b.State == bridge.StateAttached {
					t.Errorf("the caller was told %+v", b)
				}
				if err := frozen.Wait(t.Context()); err != nil || time.Now().After(end) {
					t.Errorf("at work until %v after the end (%v)", time.Since(end), err)
				}
				if state := frozen.state(t, id); state != tt.wanted {
					t.Errorf("the ledger is left with %q, want %q", state, tt.wanted)
				}
				before := w.calls()
				pass(time.Minute)
				if diff := cmp.Diff(before, w.calls()); diff != "" {
					t.Errorf("sent after the end (-before +after):\n%s", diff)
				}
				w.zoom.ClearFaults()
				w.pd.ClearFaults()
				if _, err := w.startOn(t, w.store, false).Reconcile(t.Context()); err != nil {
					t.Errorf("Reconcile: %v", err)
				}
				w.oneMeeting(t, id)
			})
		})
	}
}

// The meeting is created just before the deadline: it is still decided, and the next
// process publishes it.
func TestACallIsDecidedAtTheEnd(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, store := w.pd.AddIncident("Down"), storetest.NewHook(w.store, storetest.Hooks{})
		frozen := w.startOn(t, store, false)
		store.Set(beforeRecord(func(view recordView) error {
			if view.State == string(bridge.StateCreated) {
				<-time.After(2 * time.Second)
			}
			return nil
		}))
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(2*time.Second))
		ctx := bridge.WithHardDeadline(t.Context(), time.Now().Add(4100*time.Millisecond))
		b, err := frozen.Open(ctx, bridge.Request{IncidentID: id})
		if err != nil || b.State != bridge.StateCreated || frozen.state(t, id) != bridge.StateCreated {
			t.Errorf("Open = %+v, %v, and the ledger has %q, want created", b, err, frozen.state(t, id))
		}
		if puts := w.calls()["pagerduty "+pagerdutytest.UpdateIncident]; puts != 0 {
			t.Errorf("%d writes at PagerDuty, want none", puts)
		}
		pass(time.Minute)
		if _, err := w.startOn(t, w.store, false).Reconcile(t.Context()); err != nil {
			t.Errorf("Reconcile: %v", err)
		}
		w.oneMeeting(t, id)
	})
}

// Too little time is nobody's fault: it is neither the provider's, nor does a fallback
// mend it.
func TestTooLittleTimeIsNoReasonToFallBack(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id := w.pd.AddIncident("Down")
		p := w.startOn(t, w.store, false, bridge.WithFallback(bridge.StaticRoom("https://meet.example.com/room", "")))
		ctx := bridge.WithHardDeadline(t.Context(), time.Now().Add(time.Second))
		if b, err := p.Open(ctx, bridge.Request{IncidentID: id}); err != nil || b.State != bridge.StateCreating {
			t.Errorf("Open = %+v, %v, want creating", b, err)
		}
		pass(time.Minute)
		if _, err := p.Reconcile(t.Context()); err != nil {
			t.Errorf("Reconcile: %v", err)
		}
		w.oneMeeting(t, id)
	})
}

// A caller that waited for somebody else's opening is not told that theirs is kept.
func TestAFollowerOfAnOpeningThatIsLeftComesBack(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.startOn(t, w.store, false)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(time.Second))
		ctx := bridge.WithHardDeadline(t.Context(), time.Now().Add(2*time.Second))
		led := make(chan error, 1)
		go func() {
			b, err := p.Open(ctx, bridge.Request{IncidentID: id})
			if err == nil && b.State != bridge.StateCreating {
				err = fmt.Errorf("told %+v", b)
			}
			led <- err
		}()
		pass(500 * time.Millisecond)
		b, err := p.Open(ctx, bridge.Request{IncidentID: id, IdempotencyKey: "another's"})
		if told, ok := errors.AsType[*bridge.Error](err); !ok || told.Kept {
			t.Errorf("the follower is told %+v, %v, want to come back", b, err)
		}
		if err := <-led; err != nil {
			t.Errorf("the leader: %v, want creating", err)
		}
	})
}

// A slow read takes of the lease, which is extended then, and not of the time that is
// left.
func TestASlowReadLeavesTimeEnough(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.startOn(t, w.store, false)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(7500*time.Millisecond))
		ctx := bridge.WithHardDeadline(t.Context(), time.Now().Add(28*time.Second))
		if b, err := p.Open(ctx, bridge.Request{IncidentID: id}); err != nil || b.State != bridge.StateAttached {
			t.Errorf("Open = %+v, %v, want attached", b, err)
		}
	})
}
