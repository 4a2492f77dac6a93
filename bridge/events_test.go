package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// eventLog records events, as "kind" or "kind: provider", and what a text log says.
type eventLog struct {
	mu     sync.Mutex
	events []string
	text   bytes.Buffer
}

func (l *eventLog) options() []bridge.Option {
	return []bridge.Option{
		bridge.WithEventHandler(func(_ context.Context, e bridge.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			name := string(e.Kind)
			if e.Provider != "" {
				name += " " + e.Provider
			}
			l.events = append(l.events, name)
		}),
		bridge.WithLogger(slog.New(slog.NewTextHandler(l, nil))),
	}
}

func (l *eventLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *eventLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

// lines are the log lines that have all of these words.
func (l *eventLog) lines(words ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		has := true
		for _, w := range words {
			has = has && strings.Contains(line, w)
		}
		if has {
			found = append(found, line)
		}
	}
	return found
}

func (l *eventLog) want(t *testing.T, when string, events ...string) {
	t.Helper()
	if diff := cmp.Diff(events, l.take()); diff != "" {
		t.Errorf("events %s (-want +got):\n%s", when, diff)
	}
}

func TestEventsOfAnOrdinaryBridge(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		var log eventLog
		id, p := w.pd.AddIncident("Down"), w.start(t, append(log.options(), bridge.WithGrace(time.Minute))...)
		open(t, p, bridge.Request{IncidentID: id})
		log.want(t, "of the opening", "opened zoom")
		open(t, p, bridge.Request{IncidentID: id})
		log.want(t, "of a second click", "reused zoom")
		closing(t, p, id, bridge.CloseRequested)
		log.want(t, "of the close", "closing zoom")
		pass(2 * time.Minute)
		log.want(t, "after the grace", "closed zoom")
		for _, msg := range []string{"bridge opened", "bridge already open", "bridge closing", "bridge closed"} {
			if lines := log.lines("level=INFO", `msg="`+msg+`"`, "incident_id="+id); len(lines) != 1 {
				t.Errorf("%q was logged %d times", msg, len(lines))
			}
		}
	})
}

// The transition is reported, with or without a caller that waits for it.
func TestOpenedIsTheTransitionAndNotTheAnswer(t *testing.T) {
	tests := []struct {
		name  string
		fault func(w *env)
		call  func(t *testing.T, p *process, id string)
		first []string // events when the caller is answered
		then  []string // and later
	}{
		{
			"the caller leaves early",
			func(w *env) { w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(3*time.Second)) },
			func(t *testing.T, p *process, id string) {
				b, err := p.Open(short(t, time.Second), bridge.Request{IncidentID: id})
				if err != nil || b.State != bridge.StateCreating {
					t.Fatalf("%+v, %v", b, err)
				}
			},
			nil,
			[]string{"opened zoom"},
		},
		{
			"PagerDuty takes the link late",
			func(w *env) { w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Times(8)) },
			func(t *testing.T, p *process, id string) {
				b, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
				if err != nil || b.State != bridge.StateCreated {
					t.Fatalf("%+v, %v", b, err)
				}
			},
			nil,
			[]string{"opened zoom"},
		},
		{
			"Zoom answers late, and the ledger finishes it",
			func(w *env) { w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(503, "").Times(4)) },
			func(t *testing.T, p *process, id string) {
				if _, err := p.Open(t.Context(), bridge.Request{IncidentID: id}); !kept(err) {
					t.Fatalf("error %v", err)
				}
			},
			[]string{"open_failed"},
			[]string{"opened zoom"},
		},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			var log eventLog
			id, p := w.pd.AddIncident("Down"), w.start(t, log.options()...)
			test.fault(w)
			test.call(t, p, id)
			log.want(t, "at the answer", test.first...)
			pass(time.Minute)
			w.oneMeeting(t, id)
			log.want(t, "later", test.then...)
		})
	}
}

func TestGivingUpIsToldOnce(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		var log eventLog
		id, p := w.pd.AddIncident("Down"), w.start(t, log.options()...)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(500, "").Always())
		if _, err := p.Open(t.Context(), bridge.Request{IncidentID: id}); !kept(err) {
			t.Fatalf("error %v", err)
		}
		pass(20 * time.Minute)
		log.want(t, "of an opening that fails for ten minutes", "open_failed", "gave_up")
		if state := p.state(t, id); state != bridge.StateFailed {
			t.Errorf("state %q", state)
		}
		lines := log.lines("level=ERROR", `msg="gave up opening bridge"`, "incident_id="+id, "attempts=", "since=")
		if len(lines) != 1 {
			t.Errorf("%d lines say that it was given up: %q", len(lines), lines)
		}
		var notes []string
		for _, n := range w.pd.Incident(id).Notes {
			notes = append(notes, n.Content)
		}
		want := []string{
			"No conference bridge was opened: Zoom does not answer. Open it again when this is mended.",
		}
		if diff := cmp.Diff(want, notes); diff != "" {
			t.Errorf("notes (-want +got):\n%s", diff)
		}
	})
}

func TestFallBackAndAdoptionAreTold(t *testing.T) {
	tests := []struct {
		name  string
		fault zoomtest.Fault
		want  []string
		line  string
	}{
		{"Zoom fails", zoomtest.Answer(500, "").Always(), []string{"fell_back static", "opened static"}, "fell back to another provider"},
		{"the answer is lost", zoomtest.ResetAfter(), []string{"adopted zoom", "opened zoom"}, "meeting adopted"},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			var log eventLog
			opts := append(log.options(), bridge.WithFallback(bridge.StaticRoom(roomURL, roomNumber)))
			id, p := w.pd.AddIncident("Down"), w.start(t, opts...)
			w.zoom.Fault(zoomtest.CreateMeeting, test.fault)
			open(t, p, bridge.Request{IncidentID: id})
			log.want(t, "of the opening", test.want...)
			if len(log.lines(test.line)) != 1 {
				t.Errorf("the log does not say %q", test.line)
			}
		})
	}
}

func TestTakeoverIsLogged(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, dying := w.pd.AddIncident("Down"), w.start(t)
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(3*time.Second))
		go func() { _, _ = dying.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		dying.kill()
		var log eventLog
		w.start(t, log.options()...)
		pass(time.Minute)
		w.oneMeeting(t, id)
		if lines := log.lines("level=INFO", `msg="took over an unfinished opening"`, "incident_id="+id); len(lines) != 1 {
			t.Errorf("%d lines tell of the takeover", len(lines))
		}
		log.want(t, "of the one that took over", "adopted zoom", "opened zoom")
	})
}

func TestRefusalsAreNoWarnings(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		var log eventLog
		resolved := w.pd.AddIncident("Over")
		w.pd.Resolve(resolved)
		p := w.start(t, log.options()...)
		_, err := p.Open(t.Context(), bridge.Request{IncidentID: resolved})
		if !errors.Is(err, bridge.ErrResolved) {
			t.Fatalf("error %v", err)
		}
		log.want(t, "of a resolved incident", "open_refused")
		if lines := log.lines("level=WARN"); len(lines) > 0 {
			t.Errorf("warned: %q", lines)
		}
		if lines := log.lines("level=INFO", `msg="open refused"`); len(lines) != 1 {
			t.Errorf("%d lines tell of the refusal", len(lines))
		}
	})
}

func TestReconcileCountsWhatFailed(t *testing.T) {
	tests := []struct {
		name  string
		fault func(w *env)
		want  error
	}{
		{"Zoom is down", func(w *env) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(500, "").Always())
		}, bridge.ErrProvider},
		{"PagerDuty takes no link", func(w *env) {
			w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(503, "").Always())
		}, bridge.ErrIncidents},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			id := w.pd.AddIncident("Down")
			p := w.startOn(t, w.store, false)
			test.fault(w)
			if _, err := p.Open(t.Context(), bridge.Request{IncidentID: id}); err != nil && !kept(err) {
				t.Fatalf("error %v", err)
			}
			pass(2 * time.Second)
			report, err := p.Reconcile(t.Context())
			if want := (bridge.Report{Due: 1, Failed: 1}); report != want || !errors.Is(err, test.want) {
				t.Errorf("in an outage %+v, error %v, want %+v and %v", report, err, want, test.want)
			}
			w.zoom.ClearFaults()
			w.pd.ClearFaults()
			pass(3 * time.Second)
			report, err = p.Reconcile(t.Context())
			if want := (bridge.Report{Due: 1}); report != want || err != nil {
				t.Errorf("after it %+v, error %v, want %+v", report, err, want)
			}
			w.oneMeeting(t, id)
		})
	}
}

func TestErrorNamesTheStepThatFailed(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(w *env, id string)
		step  string
	}{
		{"resolved", func(w *env, id string) { w.pd.Resolve(id) }, "check incident"},
		{"PagerDuty cannot be read", func(w *env, _ string) {
			w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(503, "").Always())
		}, "read incident"},
		{"Zoom fails", func(w *env, _ string) {
			w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(500, "").Always())
		}, "create"},
		{"PagerDuty rejects the link", func(w *env, _ string) {
			w.pd.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Answer(403, "").Always())
		}, "publish"},
	}
	for _, test := range tests {
		inEnvNamed(t, test.name, func(t *testing.T, w *env) {
			id, p := w.pd.AddIncident("Down"), w.start(t)
			test.spoil(w, id)
			_, err := p.Open(t.Context(), bridge.Request{IncidentID: id})
			var e *bridge.Error
			if !errors.As(err, &e) || e.Step != test.step {
				t.Errorf("step %q of %v, want %q", e.Step, err, test.step)
			}
		})
	}
}

func TestEventsOfAReopening(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		var log eventLog
		p, id, _ := attached(t, w, log.options()...)
		closing(t, p, id, bridge.CloseRequested)
		pass(time.Second)
		log.want(t, "until the close", "opened zoom", "closing zoom")
		open(t, p, bridge.Request{IncidentID: id})
		log.want(t, "of the reopening", "reopened zoom", "reused zoom")
	})
}

// The note tells of a number that PagerDuty did not accept, too.
func TestRejectedDialInIsNoted(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		id, p := w.pd.AddIncident("Down"), w.start(t)
		w.pd.Fault(pagerdutytest.UpdateIncident,
			pagerdutytest.Answer(400, `{"error":{"message":"Invalid Input Provided","code":2001}}`).Times(3))
		b := open(t, p, bridge.Request{IncidentID: id})
		if b.State != bridge.StateAttached || b.DialIn != "" {
			t.Fatalf("bridge %+v", b)
		}
		notes := w.pd.Incident(id).Notes
		if len(notes) != 1 || !strings.Contains(notes[0].Content, "dial-in number") {
			t.Errorf("notes %+v, want one about the dial-in number", notes)
		}
	})
}

// A provider that was not asked is no reason to fall back.
func TestTooLittleTimeIsNoFailureOfTheProvider(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		opts := []bridge.Option{bridge.WithFallback(bridge.StaticRoom(roomURL, roomNumber))}
		id, p := w.pd.AddIncident("Down"), w.start(t, opts...)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Hang().Times(1))
		go func() { _, _ = p.Open(t.Context(), bridge.Request{IncidentID: id}) }()
		pass(time.Second)
		p.kill()
		q := w.startOn(t, w.store, false, opts...)
		w.pd.Fault(pagerdutytest.GetIncident, pagerdutytest.Delay(6*time.Second))
		if b, err := q.Open(t.Context(), bridge.Request{IncidentID: id}); !kept(err) {
			t.Fatalf("bridge %+v, error %v, want it kept", b, err)
		}
		w.start(t, opts...)
		pass(5 * time.Second)
		w.oneMeeting(t, id)
	})
}
