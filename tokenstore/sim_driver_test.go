package tokenstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	stepsOfARun  = 250
	lateBound    = 20 * time.Second // how long a message to a vendor that detects reuse may be under way
	forEveryCell = 2000             // seeds that meet every cell
)

// simulation is one run: some processes, each with a source of its own, on one record and one vendor. One goroutine, the
// driver, does one thing at a time, chosen by the seed.
type simulation struct {
	t              *testing.T
	rng            *rand.Rand
	store          tokenstore.Store
	reuseDetection bool
	calmly         bool // nothing goes wrong
	down           bool // the store is
	programs       []*program
	booted         int
	actors         []*actor
	acts           int
	delivered      *call // in this step

	trace []string
	lie   string

	mu     sync.Mutex // for what goroutines of the processes touch
	parked []*call
	late   []*call // given up by their senders, and still on their way
	times  map[string]int
	cells  map[string]int // how often a fault met a kind of call

	// What is known of the truth.
	consents  []*consent
	exchanged map[string]*exchange // by the refresh token that was used up
	minted    int
	written   map[string]bool     // access tokens that a record has carried
	owners    map[string]*program // of leases
}

// program is a process.
type program struct {
	*tokenstore.TokenSource

	name         string
	dead, frozen bool
	unanswered   unanswered
	newest       *oauth2.Token // that a caller got last
	refused      string        // the access token that was refused last
	refusedAt    int           // the step
}

// actor is somebody who wants something of a process.
type actor struct {
	name       string
	program    *program
	began      int // the step
	consent    *consent
	uninstalls string
	token      *oauth2.Token
	err        error
	done       bool
}

type actorKey struct{}

func actorOf(ctx context.Context) *actor {
	by, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		panic("a call is made for nobody")
	}
	return by
}

func (a *actor) String() string { return a.name }

func simulate(t *testing.T, seed uint64) *simulation {
	t.Helper()
	s := &simulation{
		t: t, rng: rand.New(rand.NewPCG(seed, 0)), store: tokenstore.NewMemory(),
		times: map[string]int{}, cells: map[string]int{},
		exchanged: map[string]*exchange{}, written: map[string]bool{}, owners: map[string]*program{},
	}
	s.reuseDetection, s.calmly = s.chance(40), s.chance(10)
	for range 2 + s.rng.IntN(2) {
		s.boot()
	}
	s.install(s.programs[0])
	for range stepsOfARun {
		if s.lie != "" {
			break
		}
		s.step()
	}
	s.heal()
	return s
}

func (s *simulation) chance(percent int) bool { return s.rng.IntN(100) < percent }

func (s *simulation) between(low, high time.Duration) time.Duration {
	return low + time.Duration(s.rng.Int64N(int64(high-low)))
}

func pick[T any](s *simulation, from []T) T { return from[s.rng.IntN(len(from))] }

func (s *simulation) tell(format string, args ...any) {
	s.trace = append(s.trace, time.Now().Format("15:04:05.000000000 ")+fmt.Sprintf(format, args...))
}

// boot starts a process on what the last one left.
func (s *simulation) boot() {
	s.booted++
	p := &program{name: fmt.Sprintf("p%d", s.booted)}
	jitter := rand.New(rand.NewPCG(s.rng.Uint64(), 0))
	options := []tokenstore.Option{
		tokenstore.WithKeepAlive(accessLife / 2),
		tokenstore.WithJitter(func(about time.Duration) time.Duration {
			s.mu.Lock()
			defer s.mu.Unlock()
			return about/2 + time.Duration(jitter.Int64N(int64(about)))
		}),
	}
	if s.reuseDetection {
		options = append(options, tokenstore.WithReuseDetection(lateBound))
	}
	var err error
	p.TokenSource, err = tokenstore.NewTokenSource(gatedStore{s, p}, key, s.refresh(p), options...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.programs = append(s.programs, p)
	s.tell("%s starts", p.name)
}

// kill is kill -9: no goroutine of the process does anything any more.
func (s *simulation) kill(p *program) {
	s.tell("%s is killed", p.name)
	s.mu.Lock()
	p.dead = true
	for _, c := range slices.Clone(s.parked) {
		if c.by == p {
			s.cells["kill "+c.kind]++
			s.forsake(c)
			close(c.arrive)
		}
	}
	s.mu.Unlock()
	s.programs = slices.DeleteFunc(s.programs, func(q *program) bool { return q == p })
	s.actors = slices.DeleteFunc(s.actors, func(a *actor) bool { return a.program == p })
}

// act lets somebody do something in a process.
func (s *simulation) act(
	a *actor, what string, patience time.Duration, do func(context.Context) (*oauth2.Token, error),
) {
	s.acts++
	a.name, a.began = fmt.Sprintf("%s %s%d", a.program.name, what, s.acts), len(s.trace)
	s.tell("%s begins", a)
	s.actors = append(s.actors, a)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), actorKey{}, a), patience)
		defer cancel()
		token, err := do(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		a.token, a.err, a.done = token, err, true
	}()
}

func (s *simulation) ask(p *program, patience time.Duration) *actor {
	a := &actor{program: p}
	s.act(a, "token", patience, p.Token)
	return a
}

// install is a new consent, which a process saves.
func (s *simulation) install(p *program) {
	c, token := s.agree()
	a := &actor{program: p, consent: c}
	s.act(a, "save", s.between(5*time.Second, time.Minute), func(ctx context.Context) (*oauth2.Token, error) {
		return nil, p.Save(ctx, c.installation, token)
	})
}

// uninstall is the removal of the app: the vendor ends the grant and tells of it, late or twice too. What is not saved yet
// is not taken away: whoever installs sees to that.
func (s *simulation) uninstall(p *program) {
	c := pick(s, s.consents)
	if !c.stored {
		return
	}
	c.alive = false
	a := &actor{program: p, uninstalls: c.installation}
	s.act(a, "uninstall", s.between(5*time.Second, time.Minute), func(ctx context.Context) (*oauth2.Token, error) {
		return nil, p.Uninstall(ctx, c.installation)
	})
}

// step does one thing.
func (s *simulation) step() {
	s.rest()
	waiting := s.waiting()
	if len(waiting) > 0 && s.chance(65) {
		s.letOn(pick(s, waiting))
		s.rest()
		return
	}
	awake := slices.DeleteFunc(slices.Clone(s.programs), func(p *program) bool { return p.frozen })
	n := s.rng.IntN(100)
	switch {
	case n < 10:
		s.trouble()
	case n < 50:
		s.pass(len(waiting) > 0)
	case len(awake) == 0 || n < 53 && len(s.programs) < 3:
		s.boot()
	default:
		s.want(pick(s, awake))
	}
	s.rest()
}

// want lets somebody want something of a process.
func (s *simulation) want(p *program) {
	switch n := s.rng.IntN(50); {
	case n < 36:
		s.ask(p, s.between(time.Second, 30*time.Second))
	case n < 41:
		s.act(&actor{program: p}, "keeper", s.between(time.Second, 30*time.Second), func(ctx context.Context) (*oauth2.Token, error) {
			return nil, p.KeepAlive(ctx)
		})
	case n < 45:
		s.invalidate(p)
	case n < 47:
		// One at a time: whoever installs sees to that.
		if !slices.ContainsFunc(s.actors, func(a *actor) bool { return a.consent != nil }) {
			s.install(p)
		}
	case n < 49:
		s.uninstall(p)
	default:
		s.tell("the vendor revokes %s", s.consents[len(s.consents)-1].installation)
		s.consents[len(s.consents)-1].alive = false
	}
}

// trouble is what goes wrong apart from single messages.
func (s *simulation) trouble() {
	if s.calmly || len(s.programs) == 0 {
		return
	}
	p := pick(s, s.programs)
	switch s.rng.IntN(4) {
	case 0:
		s.kill(p)
	case 1:
		s.freeze(p, !p.frozen)
	case 2:
		s.down = !s.down
		s.tell("the store is down: %v", s.down)
	case 3:
		s.arriveLate()
	}
}

// freeze lets a process stand still, or go on: with answers that it does not know to be old.
func (s *simulation) freeze(p *program, still bool) {
	s.mu.Lock()
	p.frozen = still
	for _, c := range s.parked {
		c.stuck = c.stuck && c.by != p
	}
	s.mu.Unlock()
	s.tell("%s stands still: %v", p.name, still)
}

func (s *simulation) invalidate(p *program) {
	if p.newest == nil {
		return
	}
	s.tell("%s hears that %s is refused", p.name, p.newest.AccessToken)
	p.refused, p.refusedAt = p.newest.AccessToken, len(s.trace)
	p.Invalidate(context.Background(), p.newest)
	p.newest = nil
}

// pass lets time go by: seldom long while somebody waits for an answer.
func (s *simulation) pass(busy bool) {
	took := s.between(time.Millisecond, 300*time.Millisecond)
	switch n := s.rng.IntN(100); {
	case n < 10 && !busy, n < 2:
		took = s.between(time.Minute, accessLife)
	case n < 30 && !busy, n < 8:
		took = s.between(10*time.Second, time.Minute)
	case n < 60 && !busy, n < 30:
		took = s.between(time.Second, 6*time.Second)
	}
	s.tell("%v pass", took)
	time.Sleep(took)
}

// letOn lets a call one further: to where it is processed, or back to its sender. Or it meets a fault.
func (s *simulation) letOn(c *call) {
	fault := s.rng.IntN(100)
	if s.calmly {
		fault = 99
	}
	toStore := c.kind != "refresh"
	switch {
	case s.down && toStore:
		s.finish(c, reply{err: errDown})
		s.tell("%s meets a store that is down", c.name)
	case fault < 4 && !c.processed:
		s.cells["lose before "+c.kind]++
		s.tell("%s is lost", c.name)
		s.finish(c, reply{err: c.broken})
	case fault < 8:
		c.stuck = true
		s.tell("%s hangs", c.name)
	case fault < 10 && !toStore && !c.processed:
		s.cells["unsent refresh"]++
		s.tell("%s never leaves", c.name)
		s.finish(c, reply{err: unsent{}})
	case fault < 12 && !toStore && !c.processed:
		s.tell("%s meets a limit", c.name)
		s.finish(c, reply{err: vendorError(http.StatusTooManyRequests, "slow_down")})
	case !c.processed:
		s.process(c)
		if s.chance(50) {
			return
		}
		fallthrough
	case fault < 12:
		if fault >= 12 {
			s.answer(c)
			return
		}
		s.cells["lose after "+c.kind]++
		s.tell("the answer to %s is lost", c.name)
		s.mu.Lock()
		if c.spent != nil {
			c.spent.unheard = true
		}
		s.mu.Unlock()
		s.finish(c, reply{err: c.broken})
	default:
		s.answer(c)
	}
}

func (s *simulation) process(c *call) {
	s.mu.Lock()
	if c.kind == "refresh" && s.reuseDetection && time.Since(c.sent) >= lateBound {
		c.do = func() reply { return reply{err: c.broken} } // it never arrives
	}
	c.reply, c.processed = c.do(), true
	s.mu.Unlock()
	s.tell("%s is processed: %v", c.name, c.reply.err)
}

func (s *simulation) answer(c *call) {
	s.tell("%s is answered", c.name)
	s.delivered = c
	s.finish(c, c.reply)
}

// arriveLate lets a message arrive whose sender has given up.
func (s *simulation) arriveLate() {
	s.mu.Lock()
	waiting := inOrder(slices.Clone(s.late))
	if len(waiting) == 0 {
		s.mu.Unlock()
		return
	}
	c := pick(s, waiting)
	s.late = slices.DeleteFunc(s.late, func(l *call) bool { return l == c })
	s.mu.Unlock()
	c.astray = true
	s.cells["late "+c.kind]++
	s.process(c)
	if c.spent != nil {
		c.spent.unheard = true
	}
}

// rest waits until everybody waits, and hears what came of whom.
func (s *simulation) rest() {
	synctest.Wait()
	s.mu.Lock()
	var ended []*actor
	s.actors = slices.DeleteFunc(s.actors, func(a *actor) bool {
		if a.done {
			ended = append(ended, a)
		}
		return a.done
	})
	s.mu.Unlock()
	for _, a := range ended {
		s.tell("%s ends: %v", a, a.err)
		s.told(a)
	}
	s.delivered = nil
}

// calm lets everybody finish what they are at, without faults.
func (s *simulation) calm() {
	for {
		s.rest()
		if waiting := s.waiting(); len(waiting) > 0 {
			c := waiting[0]
			if !c.processed {
				s.process(c)
			}
			s.answer(c)
			continue
		}
		s.mu.Lock()
		busy := len(s.actors) > 0 || len(s.parked) > 0
		s.mu.Unlock()
		if !busy {
			return
		}
		time.Sleep(s.between(time.Millisecond, time.Second))
	}
}

// heal ends all trouble, lets every access token expire, and looks what callers are told then.
func (s *simulation) heal() {
	s.tell("everything works again")
	s.down = false
	for _, p := range s.programs {
		s.freeze(p, false)
	}
	s.boot()
	for range 30 { // what a process saves in the background comes every now and then
		s.calm()
		time.Sleep(s.between(time.Second, accessLife/20))
	}
	time.Sleep(accessLife)
	s.calm()
	want := s.wantInTheEnd()
	var last []*actor
	for _, p := range s.programs {
		last = append(last, s.ask(p, 5*time.Minute))
		s.calm()
	}
	for _, a := range last {
		s.wantTold(a, want)
	}
	for _, p := range slices.Clone(s.programs) {
		s.kill(p)
	}
	time.Sleep(10 * time.Minute)
}

func everyCell() []string {
	cells := []string{
		"a child revives its parent", "a lease is taken over",
		"a dead grant is marked", "a lost answer costs the grant", "an unanswered refresh is sent again",
		"unsent refresh", "hang get", "kill get", "lose before get", "lose after get",
	}
	for _, kind := range []string{"put lease", "put successor", "put mark", "put tombstone", "put consent", "refresh"} {
		for _, fault := range []string{"hang", "kill", "lose before", "lose after", "late"} {
			cells = append(cells, fault+" "+kind)
		}
	}
	return cells
}
