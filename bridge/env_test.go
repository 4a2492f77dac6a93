package bridge_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const host = "host@example.com"

// world is an account at each vendor and a store, for processes to share.
type env struct {
	zoom  *zoomtest.Server
	pd    *pagerdutytest.Server
	store tokenstore.Store
}

// inWorld runs a test in a world with a clock of its own.
func inEnv(t *testing.T, test func(t *testing.T, w *env)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { pass(time.Minute) }) // work that outlives its caller ends by itself
		test(t, &env{
			zoom:  zoomtest.New(zoomtest.WithUsers(host)),
			pd:    pagerdutytest.New(pagerdutytest.WithUsers("ada@example.com")),
			store: tokenstore.NewMemory(),
		})
	})
}

// process is a running program: a service that can be killed.
type process struct {
	*bridge.Service
	life simtest.Killable
}

// kill stops a process dead: nothing it sends arrives any more, and no answer reaches it.
func (p *process) kill() { p.life.Kill() }

// start starts a process in this world.
func (w *env) start(t *testing.T, opts ...bridge.Option) *process {
	t.Helper()
	return w.startOn(t, w.store, true, opts...)
}

// startOn starts a process on a store of its own kind; run: it does due work by itself.
func (w *env) startOn(t *testing.T, store tokenstore.Store, run bool, opts ...bridge.Option) *process {
	t.Helper()
	p := &process{}
	zc, err := zoom.NewClient(zoom.ServerToServer(w.zoom.AccountCredentials()),
		zoom.WithTransport(p.life.Transport(w.zoom.Transport())))
	if err != nil {
		t.Fatal(err)
	}
	pd, err := pagerduty.NewClient(pagerduty.APIKey(w.pd.Key(), w.pd.From()),
		pagerduty.WithTransport(p.life.Transport(w.pd.Transport())))
	if err != nil {
		t.Fatal(err)
	}
	p.Service, err = bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, host), p.life.Store(store), opts...)
	if err != nil {
		t.Fatal(err)
	}
	if run {
		go func() { _ = p.Run(t.Context()) }()
	}
	return p
}

// calls counts what reached the vendors, by operation, without token requests.
func (w *env) calls() map[string]int {
	calls := map[string]int{}
	for _, r := range w.zoom.Requests() {
		if r.Op != zoomtest.GiveToken {
			calls["zoom "+r.Op]++
		}
	}
	for _, r := range w.pd.Requests() {
		calls["pagerduty "+r.Op]++
	}
	return calls
}

// meetings are those that are still there.
func (w *env) meetings() []zoomtest.Meeting {
	var there []zoomtest.Meeting
	for _, m := range w.zoom.Meetings() {
		if !m.Deleted {
			there = append(there, m)
		}
	}
	return there
}

// oneMeeting is the only meeting, which the incident shows.
func (w *env) oneMeeting(t *testing.T, incidentID string) zoomtest.Meeting {
	t.Helper()
	meetings := w.meetings()
	if len(meetings) != 1 {
		t.Fatalf("%d meetings, want 1", len(meetings))
	}
	if shown := w.pd.Incident(incidentID).Bridge.URL; shown != meetings[0].JoinURL {
		t.Fatalf("the incident shows %q, want %q", shown, meetings[0].JoinURL)
	}
	return meetings[0]
}

// pass lets time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// state is the bridge's state as the ledger has it.
func (p *process) state(t *testing.T, incidentID string) bridge.State {
	t.Helper()
	b, err := p.Get(t.Context(), incidentID)
	if errors.Is(err, bridge.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.State
}

func open(t *testing.T, p *process, req bridge.Request) *bridge.Bridge {
	t.Helper()
	b, err := p.Open(t.Context(), req)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return b
}
