package bridge_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// attached is an incident with its bridge.
func attached(t *testing.T, w *env, opts ...bridge.Option) (p *process, id string, m zoomtest.Meeting) {
	t.Helper()
	p, id = w.start(t, opts...), w.pd.AddIncident("Down")
	open(t, p, bridge.Request{IncidentID: id})
	return p, id, w.oneMeeting(t, id)
}

func closing(t *testing.T, p *process, id string, reason bridge.CloseReason) {
	t.Helper()
	if b, err := p.Close(t.Context(), id, reason); err != nil || b.State != bridge.StateClosing {
		t.Fatalf("bridge %+v, error %v, want closing", b, err)
	}
}

func TestAResolvedIncidentClosesItsBridgeAfterTheGrace(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		w.pd.Resolve(id)
		closing(t, p, id, bridge.CloseResolved)
		pass(10*time.Minute - time.Second)
		if state := p.state(t, id); state != bridge.StateClosing || len(w.meetings()) != 1 {
			t.Errorf("state %q before the grace is over", state)
		}
		pass(15 * time.Second)
		if state := p.state(t, id); state != bridge.StateClosed || len(w.meetings()) != 0 {
			t.Errorf("state %q, %d meetings, want closed and none", state, len(w.meetings()))
		}
	})
}

func TestAResolveThatWasTakenBackClosesNothing(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		b, err := p.Close(t.Context(), id, bridge.CloseResolved)
		if err != nil || b.State != bridge.StateAttached {
			t.Errorf("bridge %+v, error %v, want attached", b, err)
		}
	})
}

func TestNobodyIsThrownOut(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, m := attached(t, w)
		if err := w.zoom.Join(m.ID, "Ada"); err != nil {
			t.Fatal(err)
		}
		closing(t, p, id, bridge.CloseRequested)
		pass(2 * time.Hour)
		w.oneMeeting(t, id)
		if err := w.zoom.Leave(m.ID, "Ada"); err != nil {
			t.Fatal(err)
		}
		pass(15 * time.Second)
		if state := p.state(t, id); state != bridge.StateClosed || len(w.meetings()) != 0 {
			t.Errorf("state %q, %d meetings, want closed and none", state, len(w.meetings()))
		}
	})
}

func TestTheMaximumAgeEndsItAllTheSame(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, m := attached(t, w, bridge.WithMaxAge(time.Hour))
		if err := w.zoom.Join(m.ID, "Ada"); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour + 15*time.Second)
		if state := p.state(t, id); state != bridge.StateClosed || len(w.meetings()) != 0 {
			t.Errorf("state %q, %d meetings, want closed and none", state, len(w.meetings()))
		}
	})
}

func TestAClosingIsTakenBack(t *testing.T) {
	tests := []struct {
		name string
		back func(t *testing.T, w *env, p *process, id string)
	}{
		{"by a click", func(t *testing.T, _ *env, p *process, id string) {
			open(t, p, bridge.Request{IncidentID: id})
		}},
		{"by the event of the reopening", func(t *testing.T, _ *env, p *process, id string) {
			if err := p.IncidentChanged(t.Context(), id, bridge.Link{}); err != nil {
				t.Fatal(err)
			}
		}},
		{"by the look before the end", func(*testing.T, *env, *process, string) { pass(11 * time.Minute) }},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			p, id, m := attached(t, w)
			w.pd.Resolve(id)
			closing(t, p, id, bridge.CloseResolved)
			w.pd.Reopen(id)
			test.back(t, w, p, id)
			b, err := p.Get(t.Context(), id)
			if err != nil || b.State != bridge.StateAttached || b.Generation != 1 {
				t.Errorf("bridge %+v, error %v, want attached", b, err)
			}
			pass(time.Hour)
			if again := w.oneMeeting(t, id); again.ID != m.ID {
				t.Errorf("another meeting: %d, was %d", again.ID, m.ID)
			}
		})
	}
}

func TestAReopenedIncidentGetsANewMeeting(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, m := attached(t, w, bridge.WithGrace(0))
		closing(t, p, id, bridge.CloseRequested)
		pass(5 * time.Second)
		// The incident still shows the former link, which is not taken for a human's.
		b := open(t, p, bridge.Request{IncidentID: id})
		if again := w.oneMeeting(t, id); again.ID == m.ID || b.Generation != 2 || !b.Created {
			t.Errorf("bridge %+v, meeting %d, was %d", b, again.ID, m.ID)
		}
	})
}

func TestATriggerFromBeforeTheClosingReopensNothing(t *testing.T) {
	tests := []struct {
		name    string
		trigger func(at time.Time) bridge.Request
		want    error
	}{
		{"by its time", func(at time.Time) bridge.Request { return bridge.Request{OccurredAt: at} }, bridge.ErrStale},
		{"by its key", func(time.Time) bridge.Request { return bridge.Request{IdempotencyKey: "first"} }, nil},
		{"by a later key", func(time.Time) bridge.Request { return bridge.Request{IdempotencyKey: "second"} }, nil},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			p, id := w.start(t, bridge.WithGrace(0)), w.pd.AddIncident("Down")
			began := time.Now()
			open(t, p, bridge.Request{IncidentID: id, IdempotencyKey: "first"})
			open(t, p, bridge.Request{IncidentID: id, IdempotencyKey: "second"})
			pass(time.Second)
			closing(t, p, id, bridge.CloseRequested)
			for _, wait := range []time.Duration{0, 5 * time.Second} {
				pass(wait)
				req := test.trigger(began)
				req.IncidentID = id
				b, err := p.Open(t.Context(), req)
				if !errors.Is(err, test.want) || err == nil && b.Created {
					t.Errorf("bridge %+v, error %v, want %v", b, err, test.want)
				}
			}
			if n := len(w.meetings()); n != 0 || p.state(t, id) != bridge.StateClosed {
				t.Errorf("%d meetings, state %q, want none, closed", n, p.state(t, id))
			}
		})
	}
}

func TestClosingWhatIsNotThere(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p := w.start(t)
		if _, err := p.Close(t.Context(), w.pd.AddIncident("Down"), bridge.CloseRequested); !errors.Is(err, bridge.ErrNotFound) {
			t.Errorf("error %v", err)
		}
		if _, err := p.Close(t.Context(), "P/1", bridge.CloseRequested); !errors.Is(err, bridge.ErrInvalid) {
			t.Errorf("error %v", err)
		}
	})
}

func TestClosingTwiceIsClosed(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w, bridge.WithGrace(0))
		closing(t, p, id, bridge.CloseRequested)
		pass(5 * time.Second)
		b, err := p.Close(t.Context(), id, bridge.CloseRequested)
		if err != nil || b.State != bridge.StateClosed || b.ClosedAt.IsZero() {
			t.Errorf("bridge %+v, error %v", b, err)
		}
	})
}

func TestCloseWhileItIsBeingMade(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id := w.start(t), w.pd.AddIncident("Down")
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(3*time.Second))
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		closing(t, p, id, bridge.CloseRequested)
		pass(10 * time.Second)
		calls := w.calls()
		if len(w.meetings()) != 0 || p.state(t, id) != bridge.StateClosed || calls["pagerduty update_incident"] != 0 {
			t.Errorf("%d meetings, state %q, calls %v", len(w.meetings()), p.state(t, id), calls)
		}
	})
}

func TestARetryTakesBackNoClosing(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id := w.start(t), w.pd.AddIncident("Down")
		w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Always())
		open(t, p, bridge.Request{IncidentID: id})
		closing(t, p, id, bridge.CloseRequested)
		w.pd.ClearFaults()
		pass(time.Minute)
		if state := p.state(t, id); state != bridge.StateClosing {
			t.Errorf("state %q, want closing", state)
		}
		pass(10 * time.Minute)
		if n := len(w.meetings()); n != 0 || p.state(t, id) != bridge.StateClosed {
			t.Errorf("%d meetings, state %q, want none, closed", n, p.state(t, id))
		}
	})
}

func TestAHumanWritesABridgeOfTheirOwn(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w)
		w.pd.SetBridge(id, pagerduty.ConferenceBridge{URL: "https://meet.example.com/humans"})
		if err := p.IncidentChanged(t.Context(), id, bridge.Link{}); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		b, err := p.Get(t.Context(), id)
		if err != nil || b.State != bridge.StateExternal || b.JoinURL != "https://meet.example.com/humans" || len(w.meetings()) != 0 {
			t.Errorf("bridge %+v, error %v, %d meetings of ours", b, err, len(w.meetings()))
		}
	})
}

func TestOurOwnWriteIsNoNews(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, m := attached(t, w)
		before := w.calls()
		if err := p.IncidentChanged(t.Context(), id, bridge.Link{URL: m.JoinURL}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, w.calls()); diff != "" || p.state(t, id) != bridge.StateAttached {
			t.Errorf("state %q, calls (-before +after):\n%s", p.state(t, id), diff)
		}
	})
}

func TestAFormerLinkGivesWay(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, former := attached(t, w, bridge.WithGrace(0))
		closing(t, p, id, bridge.CloseRequested)
		pass(5 * time.Second)
		open(t, p, bridge.Request{IncidentID: id})
		// A write of the first generation lands late.
		w.pd.SetBridge(id, pagerduty.ConferenceBridge{URL: former.JoinURL})
		if err := p.IncidentChanged(t.Context(), id, bridge.Link{URL: former.JoinURL}); err != nil {
			t.Fatal(err)
		}
		w.oneMeeting(t, id)
	})
}

func TestListYieldsWhatIsOpen(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w, bridge.WithGrace(0))
		_, closed, _ := func() (*process, string, error) {
			id := w.pd.AddIncident("Over")
			open(t, p, bridge.Request{IncidentID: id})
			closing(t, p, id, bridge.CloseRequested)
			return p, id, nil
		}()
		pass(5 * time.Second)
		var listed []string
		for b, err := range p.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			listed = append(listed, b.IncidentID)
		}
		if len(listed) != 1 || listed[0] != id {
			t.Errorf("listed %v, want %s and not %s", listed, id, closed)
		}
	})
}

func TestARecordIsKeptWhileItIsOpenAndThenForTheRetention(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id, _ := attached(t, w, bridge.WithGrace(0), bridge.WithRetention(100*time.Hour))
		if _, r := w.record(t, id); !r.ExpiresAt.IsZero() {
			t.Errorf("an open bridge's record expires at %v", r.ExpiresAt)
		}
		closing(t, p, id, bridge.CloseRequested)
		pass(5 * time.Second)
		if state := p.state(t, id); state != bridge.StateClosed {
			t.Fatalf("state %q", state)
		}
		pass(99 * time.Hour)
		w.record(t, id)
		pass(2 * time.Hour)
		if _, err := w.store.Get(t.Context(), "bridge/default/"+id); !errors.Is(err, tokenstore.ErrNotFound) {
			t.Errorf("error %v after the retention, want ErrNotFound", err)
		}
	})
}

// A record that nobody can read is told of, but not at every look.
func TestAFaultThatStaysIsToldOnceAMinute(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		damaged := tokenstore.Record{Value: []byte("damaged"), DueAt: time.Now()}
		if _, err := w.store.Put(t.Context(), "bridge/default/P1", damaged); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		w.start(t, bridge.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		pass(10*time.Minute - 30*time.Second)
		if told := strings.Count(log.String(), "reconcile failed"); told != 10 {
			t.Errorf("told %d times in ten minutes, want 10", told)
		}
	})
}
