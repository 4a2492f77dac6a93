package bridge_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// program is a process of the simulation: a Service with clients, memory and a clock of
// its own.
type program struct {
	*simtest.Process
	*bridge.Service

	skew   time.Duration
	shared *actor // who makes the calls that several actors wait for
}

// actor is somebody whose calls belong together: a trigger that came in, or a look at
// what is due.
type actor struct {
	simtest.Actor

	program      *program
	incident     string
	trigger      *trigger                  // nil: none
	news         *newsItem                 // nil: none; PagerDuty sends it again until it is taken
	end          time.Time                 // when its process is frozen; zero: never
	looked       map[string]simtest.Moment // the last look at an incident, a meeting or a list
	inDoubtSince map[string]simtest.Moment // what create of its own is in doubt since when
	found        *recordView               // the record as it found it first
}

// key is the idempotency key it came with.
func (a *actor) key() string {
	if a.trigger == nil {
		return ""
	}
	return a.trigger.request.IdempotencyKey
}

// knowsSince is when it may have learned the oldest thing it knows of an incident.
func (a *actor) knowsSince() simtest.Moment {
	if a.trigger != nil && !a.trigger.snapshot.Never() {
		return a.trigger.snapshot
	}
	return a.Began
}

type actorKey struct{}

// actorOf is who a call is made for. What a process does on nobody's behalf has its
// shared actor.
func (p *program) actorOf(ctx context.Context) *actor {
	if by, ok := ctx.Value(actorKey{}).(*actor); ok {
		return by
	}
	return p.shared
}

// boot starts a process on what the last one left.
func (s *simulation) boot() *program {
	s.T.Helper()
	p := &program{Process: s.NewProcess(), skew: s.skew()}
	p.shared = &actor{
		Actor:   simtest.Actor{Name: p.Name + " shared", Process: p.Process},
		program: p, looked: map[string]simtest.Moment{},
	}
	credentials := zoom.ServerToServer(s.zoom.AccountCredentials())
	zc, err := zoom.NewClient(credentials, zoom.WithTransport(s.zoomTransport(p)))
	if err != nil {
		s.T.Fatal(err)
	}
	auth := pagerduty.APIKey(s.pd.Key(), s.pd.From())
	pd, err := pagerduty.NewClient(auth, pagerduty.WithTransport(s.pagerDutyTransport(p)))
	if err != nil {
		s.T.Fatal(err)
	}
	options := slices.Concat(s.family.options, []bridge.Option{
		bridge.WithClock(func() time.Time { return time.Now().Add(p.skew) }),
		bridge.WithLogger(slog.New(logReader{s.recorder})),
		bridge.WithEventHandler(func(_ context.Context, e bridge.Event) {
			if e.Err != nil {
				s.said("an event", e.Err.Error())
			}
		}),
	})
	p.Service, err = bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, hosts[0], hosts[1:]...), s.storeOf(p), options...)
	if err != nil {
		s.T.Fatal(err)
	}
	s.programs = append(s.programs, p)
	return p
}

// skew is how wrong a process's clock is: by up to five seconds between two of them.
func (s *simulation) skew() time.Duration {
	const most = maxSkew / 2
	return simtest.Pick(s.Sim, 0, s.Between(-time.Second, time.Second), s.Between(-most, most))
}

// living are the processes that were not killed.
func (s *simulation) living() []*program {
	return slices.DeleteFunc(slices.Clone(s.programs), func(p *program) bool { return p.IsDead() })
}

func (s *simulation) anyLiving() *program { return simtest.Pick(s.Sim, s.living()...) }

// anyAwake is a process that is not frozen, or nil.
func (s *simulation) anyAwake() *program {
	awake := slices.DeleteFunc(s.living(), func(p *program) bool { return p.IsFrozen() })
	if len(awake) == 0 {
		return nil
	}
	return simtest.Pick(s.Sim, awake...)
}

// act lets somebody do something in a process, in a goroutine of its own. The report runs
// in the driver once it is done.
func (s *simulation) act(
	p *program, a *actor, patience time.Duration, do func(context.Context) (report func()),
) {
	a.program, a.looked, a.inDoubtSince = p, map[string]simtest.Moment{}, map[string]simtest.Moment{}
	a.Killed = func() { s.sendAgain(a) }
	if s.family.ends {
		a.end = time.Now().Add(patience + s.Between(300*time.Millisecond, 10*time.Second))
	}
	s.Start(p.Process, &a.Actor, patience, func(ctx context.Context) func() {
		ctx = context.WithValue(ctx, actorKey{}, a)
		if !a.end.IsZero() {
			ctx = bridge.WithHardDeadline(ctx, a.end)
		}
		return do(ctx)
	})
}

// opened reports what a trigger was answered.
func (s *simulation) opened(a *actor, b *bridge.Bridge, err error) {
	if err != nil && kept(err) {
		i := s.incident(a.incident)
		i.accepted = append(i.accepted, a)
	}
	s.answered(a, b, err)
}

// answered reports what a caller was told.
func (s *simulation) answered(a *actor, b *bridge.Bridge, err error) {
	s.Trace("%s is told: %s", a.Name, bridgeText(b, err))
	if err != nil {
		s.failed(a, err)
		return
	}
	for _, w := range b.Warnings {
		s.said("a warning", w)
	}
	s.happened(answered{a, b})
}

// did reports an actor to whom nothing is told but an error.
func (s *simulation) did(a *actor, err error) {
	s.Trace("%s is done: %s", a.Name, errorText(err))
	if err != nil {
		s.failed(a, err)
	}
}

func (s *simulation) failed(a *actor, err error) {
	s.said("an error of "+a.Name, err.Error())
	if !errors.Is(err, bridge.ErrNotFound) {
		s.sendAgain(a)
	}
}

// sendAgain leaves an event that was not taken to be delivered again.
func (s *simulation) sendAgain(a *actor) {
	if a.news != nil {
		i := s.incident(a.incident)
		i.news = append(i.news, *a.news)
	}
}

// logReader reads what a Service logs.
type logReader struct{ *recorder }

func (logReader) Enabled(context.Context, slog.Level) bool { return true }
func (l logReader) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l logReader) WithGroup(string) slog.Handler          { return l }

func (l logReader) Handle(_ context.Context, r slog.Record) error {
	l.said("a log line", r.Message)
	r.Attrs(func(a slog.Attr) bool {
		l.said("a log line", a.Value.String())
		return true
	})
	return nil
}
