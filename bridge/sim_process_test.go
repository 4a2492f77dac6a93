package bridge_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// program is a process of the simulation: a Service with clients, memory and a clock of its own.
type program struct {
	*bridge.Service
	name         string
	skew         time.Duration
	shared       *actor // who makes the calls that several actors wait for
	dead, frozen bool   // under the gate's lock
}

// actor is somebody whose calls belong together: a trigger that came in, or a look at what is due.
type actor struct {
	name     string
	program  *program
	incident string
	trigger  *trigger  // nil: none
	news     *newsItem // nil: none; PagerDuty sends it again until it is taken
	began    moment
	ended    moment            // zero: at work
	end      time.Time         // when its process is frozen; zero: never
	looked   map[string]moment // the last look at an incident, or into a meeting, whose answer arrived
	doubted  map[string]moment // what create of its own is in doubt since when
	met      *sheet            // the record as it found it first
	hurt     bool              // a call of its own went wrong
	report   func()            // says what came of it; nil until it ended
}

// key is the idempotency key it came with.
func (a *actor) key() string {
	if a.trigger == nil {
		return ""
	}
	return a.trigger.request.IdempotencyKey
}

type actorKey struct{}

// actorOf is who a call is made for. What a process does on nobody's behalf has its shared actor.
func actorOf(ctx context.Context, p *program) *actor {
	if by, ok := ctx.Value(actorKey{}).(*actor); ok {
		return by
	}
	return p.shared
}

// boot starts a process on what the last one left.
func (s *simulation) boot() *program {
	s.t.Helper()
	s.booted++
	p := &program{name: fmt.Sprintf("p%d", s.booted), skew: s.skew()}
	p.shared = &actor{name: p.name + " shared", program: p, looked: map[string]moment{}}
	zc, err := zoom.NewClient(zoom.ServerToServer(s.zoom.AccountCredentials()),
		zoom.WithTransport(wire{s, p, "zoom", s.zoom.Transport()}))
	if err != nil {
		s.t.Fatal(err)
	}
	pd, err := pagerduty.NewClient(pagerduty.APIKey(s.pd.Key(), s.pd.From()),
		pagerduty.WithTransport(wire{s, p, "pagerduty", s.pd.Transport()}))
	if err != nil {
		s.t.Fatal(err)
	}
	options := slices.Concat(s.family.options, []bridge.Option{
		bridge.WithClock(func() time.Time { return time.Now().Add(p.skew) }),
		bridge.WithLogger(slog.New(listener{s})),
		bridge.WithEventHandler(func(_ context.Context, e bridge.Event) {
			if e.Err != nil {
				s.heard("an event", e.Err.Error())
			}
		}),
	})
	p.Service, err = bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, hosts[0], hosts[1:]...), gatedStore{s, p}, options...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.programs = append(s.programs, p)
	return p
}

// kill stops a process dead: no call of its arrives any more, and no answer reaches it or its callers.
func (s *simulation) kill(p *program) {
	s.gate.mu.Lock()
	p.dead = true
	s.gate.mu.Unlock()
	s.programs = slices.DeleteFunc(s.programs, func(q *program) bool { return q == p })
	for _, c := range s.gate.waiting(func(c *call) bool { return c.by.program == p }) {
		if c.processed.never() {
			s.covered(crash, c.step)
		} else {
			s.covered(crashAfter, c.step)
		}
		s.gate.finish(c, c.broken(crash))
		if c.processed.never() && s.chance(50) {
			s.gate.stray(c)
		}
	}
	s.actors = slices.DeleteFunc(s.actors, func(a *actor) bool {
		if a.program == p {
			s.untold(a)
		}
		return a.program == p
	})
}

// act lets somebody do something in a process, in a goroutine of its own. did runs in the driver once it is done.
func (s *simulation) act(p *program, a *actor, patience time.Duration, do func(context.Context) (did func())) {
	s.acts++
	a.name = fmt.Sprintf("%s %s%d", p.name, a.name, s.acts)
	a.program, a.began, a.looked, a.doubted = p, s.moment(), map[string]moment{}, map[string]moment{}
	s.actors = append(s.actors, a)
	ctx := context.WithValue(s.t.Context(), actorKey{}, a)
	if s.family.ends {
		a.end = time.Now().Add(patience + s.between(300*time.Millisecond, 10*time.Second))
		ctx = bridge.WithHardDeadline(ctx, a.end)
	}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		did := do(ctx)
		s.gate.mu.Lock()
		defer s.gate.mu.Unlock()
		a.report = did
	}()
}

// collect hears what actors have done since the last time.
func (s *simulation) collect() {
	s.gate.mu.Lock()
	var ended []*actor
	s.actors = slices.DeleteFunc(s.actors, func(a *actor) bool {
		if a.report == nil {
			return false
		}
		ended = append(ended, a)
		return true
	})
	s.gate.mu.Unlock()
	for _, a := range ended { // in the order they began
		a.ended = s.moment()
		a.report()
	}
}

// listener reads what a Service logs.
type listener struct{ *simulation }

func (listener) Enabled(context.Context, slog.Level) bool { return true }
func (l listener) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l listener) WithGroup(string) slog.Handler          { return l }

func (l listener) Handle(_ context.Context, r slog.Record) error {
	l.heard("a log line", r.Message)
	r.Attrs(func(a slog.Attr) bool {
		l.heard("a log line", a.Value.String())
		return true
	})
	return nil
}
