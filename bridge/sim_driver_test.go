package bridge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// simulation is one run: several processes on one store and two vendors, in a bubble of its own. One goroutine, the
// driver, does one thing at a time, and only when every process is parked at the gate or asleep; what it does is chosen
// by the seed. So a seed always gives the same run.
type simulation struct {
	t      *testing.T
	rng    *rand.Rand
	family family
	aim    cell // what this run would rather see

	gate  gate
	store tokenstore.Store
	zoom  *zoomtest.Server
	pd    *pagerdutytest.Server

	programs []*program
	actors   []*actor // at work
	booted   int
	acts     int

	incidents []*incident
	meetings  map[string]*meeting
	triggers  []*trigger
	users     []bridge.Requester // the last may not open anything
	storeDown bool
	thawAt    time.Time // when a frozen process may wake
	healing   bool

	steps atomic.Int64
	start time.Time
	trace []string

	mu      sync.Mutex
	cells   cells
	lies    []string // promises that were broken
	secrets []string // what must never be told
}

const (
	lateBound = 60 * time.Second // how long a create may be on its way; of anything else nobody assumes a bound
	longest   = 60 * time.Second // an actor's patience, at most
)

// hosts make the meetings, in order.
var hosts = []string{"host@example.com", "second@example.com"}

// simulate runs a seed.
func simulate(t *testing.T, seed uint64) *simulation {
	s := &simulation{
		t: t, rng: rand.New(rand.NewPCG(seed, 4)), cells: cells{}, meetings: map[string]*meeting{}, start: time.Now(),
		store: tokenstore.NewMemory(), gate: gate{times: map[string]int{}},
	}
	cells := everyCell()
	s.aim = cells[seed%uint64(len(cells))]
	s.family = s.pickFamily()
	s.tell("seed %d: %s", seed, s.family.name)
	s.prepare()
	for int(s.steps.Load()) < s.family.steps && len(s.lies) == 0 {
		s.step()
	}
	if len(s.lies) == 0 {
		s.heal()
		s.judge()
	}
	s.end()
	return s
}

func (s *simulation) prepare() {
	s.zoom = zoomtest.New(
		zoomtest.WithUsers(hosts...), zoomtest.WithUsers("ada@example.com"),
		zoomtest.WithListLag(pick(s, 0, time.Second, 20*time.Second)), zoomtest.WithDailyLimit(s.family.dailyLimit),
	)
	s.pd = pagerdutytest.New()
	role := func(role string) func(*pagerdutytest.User) { return func(u *pagerdutytest.User) { u.Role = role } }
	ada := s.pd.AddUser("ada@example.com", role("user"))
	s.users = []bridge.Requester{
		{},
		{},
		{ID: ada},
		{Email: "ada@example.com"},
		{ID: s.pd.AddUser("ben@example.com", role("limited_user"))},
		{ID: s.pd.AddUser("eve@example.com", role("read_only_user"))},
	}
	s.secrets = []string{"zoomtest-access-token", "SECRET", "pwd=", s.pd.Key(), "calendar-secret"}
	for i := range s.family.incidents {
		id := s.pd.AddIncident(fmt.Sprintf("Down %d", i+1))
		s.incidents = append(s.incidents, newIncident(id, s.pd.Incident(id).Number))
	}
	for range s.family.programs {
		s.boot()
	}
	if s.family.before != nil {
		s.family.before(s)
	}
	if s.family.dailyLimit > 0 {
		s.addForeign()
	}
}

// addForeign puts the meeting of another deployment beside ours: it serves the same incidents.
func (s *simulation) addForeign() {
	zc, err := zoom.NewClient(zoom.ServerToServer(s.zoom.AccountCredentials()), zoom.WithTransport(s.zoom.Transport()))
	if err != nil {
		s.t.Fatal(err)
	}
	m := markerText{ledger: strings.Repeat("f0", 8), incident: s.incidents[0].id, generation: 1, nonce: strings.Repeat("0f", 8)}
	made, err := zc.CreateMeeting(s.t.Context(), hosts[0], zoom.MeetingRequest{Topic: "Theirs", Agenda: m.String()})
	if err != nil {
		s.t.Fatal(err)
	}
	id := fmt.Sprint(made.ID)
	s.meetings[id] = &meeting{id: id, markerText: m, link: made.JoinURL, foreign: true}
}

// step does one thing.
func (s *simulation) step() {
	s.rest()
	calls := s.ready()
	deeds := s.deeds()
	total := 0
	for _, d := range deeds {
		total += d.weight
	}
	forCalls, forTime := 0, 25
	if len(calls) > 0 {
		forCalls, forTime = 3*total+60, 5
	}
	n := s.rng.IntN(total + forCalls + forTime)
	switch {
	case n < forCalls:
		s.letOn(calls[s.rng.IntN(len(calls))])
		return
	case n < forCalls+forTime:
		s.letTimePass(len(calls) == 0)
		return
	}
	n -= forCalls + forTime
	for _, d := range deeds {
		if n < d.weight {
			d.do()
			return
		}
		n -= d.weight
	}
}

// rest waits until everybody is parked, asleep or done, and hears who is done.
func (s *simulation) rest() {
	synctest.Wait()
	s.collect()
	s.steps.Add(1)
}

// ready are the calls that may be let on now.
func (s *simulation) ready() []*call {
	return s.gate.waiting(func(c *call) bool { return !c.stuck && !c.by.program.frozen })
}

// letOn processes a call, or gives its answer, or lets something go wrong with it.
func (s *simulation) letOn(c *call) {
	if c.step == s.aim.step && s.chance(70) && s.hit(c, s.aim.fault) {
		return
	}
	if s.storeDown && !c.toVendor() {
		s.fail(c, down)
		return
	}
	if c.step == "pagerduty update_incident" && c.processed.never() && s.chance(s.family.refusing) {
		s.fail(c, pick(s, refused, refused, late))
		return
	}
	if s.chance(s.family.faults * c.risk() / 4) {
		s.fail(c, pick(s, c.faults()...))
		return
	}
	if !c.processed.never() {
		s.answer(c)
		return
	}
	s.process(c)
	if !s.chance(25 + c.risk()) {
		s.answer(c)
	}
}

// hit lets this fault meet the call; false: it cannot.
func (s *simulation) hit(c *call, f fault) bool {
	after := f == lostAfter || f == failsAfter || f == hangAfter || f == crashAfter
	if after && c.processed.never() {
		s.process(c)
	}
	switch {
	case f == crash && c.processed.never(), f == crashAfter:
		s.replace(c.by.program)
	case f == freeze:
		s.thaw() // whoever else stands still
		s.freeze(c.by.program)
	case f == down:
		s.storeDown = true
		s.fail(c, down)
	case after, slices.Contains(c.faults(), f):
		s.fail(c, f)
	default:
		return false
	}
	return true
}

// process lets the store or the vendor do what it is asked.
func (s *simulation) process(c *call) {
	s.gate.process(c, s.moment())
	c.answer = c.process()
	s.tell("%s: done, %s", c.name, outcome(c.answer))
}

// answer lets the answer arrive.
func (s *simulation) answer(c *call) {
	s.covered(none, c.step)
	if c.look != "" {
		s.mu.Lock()
		c.by.looked[c.look] = c.processed
		s.mu.Unlock()
	}
	s.tell("%s: answered", c.name)
	s.gate.finish(c, c.answer)
}

// fail lets a call go wrong.
func (s *simulation) fail(c *call, f fault) {
	s.tell("%s: %s", c.name, f)
	s.gate.hurt(c.by)
	if c.step == "zoom create" && f != unreachable && f != limited {
		s.mu.Lock()
		c.by.doubted[c.about] = s.moment()
		s.mu.Unlock()
	}
	switch f {
	case hang, hangAfter:
		c.stuck = true // until its sender gives up
		return
	case late:
		s.gate.stray(c)
	default:
		s.covered(f, c.step)
	}
	if f == refused {
		c.incident(s).excuse("refused").to = s.moment()
	}
	s.gate.finish(c, c.broken(f))
}

// letTimePass moves the clock, farther when nobody waits at the gate.
func (s *simulation) letTimePass(idle bool) {
	n := s.rng.IntN(100)
	if idle {
		n += 35
	}
	switch {
	case n < 60:
		s.pass(s.between(time.Millisecond, 300*time.Millisecond))
	case n < 85:
		s.pass(s.between(300*time.Millisecond, 4*time.Second))
	case n < 100:
		s.pass(s.between(4*time.Second, 20*time.Second))
	default:
		s.passUntilDue()
	}
}

// pass lets time go by, never a round number of anything, so that no two timers ring at once.
func (s *simulation) pass(d time.Duration) {
	d += time.Duration(1 + s.rng.IntN(997_000))
	s.tell("%v pass", d.Round(time.Millisecond))
	time.Sleep(d)
	synctest.Wait()
}

// passUntilDue waits until something is due by the clock of some process, and a little longer or less.
func (s *simulation) passUntilDue() {
	due, _, ok := s.nextDue()
	if !ok || time.Until(due) > time.Hour && !s.chance(10) {
		s.pass(s.between(time.Second, time.Minute))
		return
	}
	p := pick(s, s.programs...)
	s.pass(max(0, time.Until(due)-p.skew+s.between(-2*time.Second, 3*time.Second)))
}

// nextDue is when the ledger names the next thing to do.
func (s *simulation) nextDue() (time.Time, *incident, bool) {
	keys, _, err := s.store.Due(context.Background(), "bridge", time.Now().Add(1000*time.Hour), "", 1)
	if err != nil || len(keys) == 0 {
		return time.Time{}, nil, false
	}
	r, err := s.store.Get(context.Background(), keys[0])
	return r.DueAt, s.incident(readSheet(r.Value).IncidentID), err == nil
}

// calm lets everybody finish what they are at, without faults.
func (s *simulation) calm() { s.calmBut(nil) }

// meets is what the calls of some steps meet.
type meets map[string]func(*call)

// calmBut does that, but for some calls. Whoever stands still goes on doing so.
func (s *simulation) calmBut(but meets) {
	for {
		s.rest()
		if calls := s.ready(); len(calls) > 0 {
			if meet := but[calls[0].step]; meet != nil {
				meet(calls[0])
				continue
			}
			if calls[0].processed.never() {
				s.process(calls[0])
			}
			s.answer(calls[0])
			continue
		}
		if !slices.ContainsFunc(s.actors, func(a *actor) bool { return !a.program.frozen }) {
			return
		}
		time.Sleep(500*time.Millisecond + time.Duration(s.rng.IntN(1000)))
	}
}

// heal ends all trouble: nothing fails any more, everybody is up, people have left, and what is due is done, until
// nothing is due for hours.
func (s *simulation) heal() {
	s.tell("everything works again")
	s.healing, s.storeDown = true, false
	s.thaw()
	for _, c := range s.gate.waiting(func(c *call) bool { return c.stuck }) {
		c.stuck = false
	}
	s.calm()
	for _, c := range s.gate.straying() {
		s.arriveLate(c)
	}
	s.everybodyLeaves()
	s.boot()
	for range 300 {
		s.tellNews()
		due, next, ok := s.nextDue()
		if !ok || time.Until(due) > 3*time.Hour {
			return
		}
		if wait := time.Until(due) + 3*time.Second; wait > 0 {
			s.pass(wait)
		}
		s.reconcile(pick(s, s.programs...), next)
		s.calm()
	}
	s.broke("what is due gets done", "something is still due after 300 rounds")
}

// end stops everything and lets the last goroutine go.
func (s *simulation) end() {
	for _, p := range slices.Clone(s.programs) {
		s.kill(p)
	}
	time.Sleep(5 * time.Minute)
	synctest.Wait()
}

func (s *simulation) moment() moment { return moment{step: int(s.steps.Load()) + 1, at: time.Now()} }

func (s *simulation) stakeholder(r bridge.Requester) bool { return r == s.users[len(s.users)-1] }

func (s *simulation) chance(percent int) bool { return s.rng.IntN(100) < percent }

func (s *simulation) between(from, to time.Duration) time.Duration {
	return from + time.Duration(s.rng.Int64N(int64(to-from)))
}

// skew is how wrong a process's clock goes: by up to five seconds between two of them.
func (s *simulation) skew() time.Duration {
	return pick(s, 0, s.between(-time.Second, time.Second), s.between(-2500*time.Millisecond, 2500*time.Millisecond))
}

func pick[T any](s *simulation, from ...T) T { return from[s.rng.IntN(len(from))] }
