package bridge_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// gate is where every call of a simulated process waits until the driver lets it on. A call waits twice: before it is
// processed and before its answer arrives, so that others run in between.
type gate struct {
	mu     sync.Mutex
	parked []*call
	late   []*call // given up by their senders, and still on their way
	times  map[string]int
}

// call is one message to the store or to a vendor.
type call struct {
	by        *actor
	op, key   string
	name      string // who, what and which time: the same in every run of a seed
	step      string // the protocol's step it belongs to, for coverage
	sent      moment
	processed moment // zero: not yet
	stuck     bool   // it is left until its sender gives up
	changes   bool   // it is more than a question
	look      string // what its sender has seen when the answer arrives
	about     string // which create it is
	seen      moment // when its sender had last seen what it writes to

	ctx     context.Context
	process func() any      // does what was asked; the driver calls it
	broken  func(fault) any // what the sender sees instead of an answer
	answer  any
	arrive  chan any
}

// moment is when something happened: the driver's step, and the time.
type moment struct {
	step int
	at   time.Time
}

func (m moment) never() bool { return m.step == 0 }

func (m moment) before(other moment) bool { return m.step < other.step }

// cross carries a call through the gate. It runs in the goroutine of the process under test.
func (s *simulation) cross(c *call) any {
	s.wantInTime(c)
	if !s.gate.enter(c, s.moment()) {
		return c.broken(crash)
	}
	select {
	case answer := <-c.arrive:
		return answer
	case <-c.ctx.Done():
	}
	if s.gate.frozen(c) {
		return <-c.arrive // a frozen process sees no deadline pass
	}
	s.covered(s.gate.leave(c), c.step)
	return c.broken(hang)
}

// enter parks a call; false: its process is dead.
func (g *gate) enter(c *call, now moment) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.by.program.dead {
		return false
	}
	id := fmt.Sprintf("%s %s %s", c.by.name, c.op, c.key)
	g.times[id]++
	c.name, c.sent, c.arrive = fmt.Sprintf("%s #%d", id, g.times[id]), now, make(chan any, 1)
	g.parked = append(g.parked, c)
	return true
}

func (g *gate) frozen(c *call) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return c.by.program.frozen
}

// leave takes away a call whose sender is gone, and says what that was. What was not processed by then may be, later.
func (g *gate) leave(c *call) fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.parked = slices.DeleteFunc(g.parked, func(p *call) bool { return p == c })
	c.by.hurt = true
	if !c.processed.never() {
		return hangAfter
	}
	if c.changes {
		g.late = append(g.late, c)
	}
	return hang
}

// process marks a call as processed.
func (g *gate) process(c *call, now moment) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.processed = now
}

// hurt notes that a call of somebody's went wrong.
func (g *gate) hurt(a *actor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a.hurt = true
}

// waiting are the calls that the driver may let on, in an order that does not depend on how goroutines ran.
func (g *gate) waiting(may func(*call) bool) []*call {
	g.mu.Lock()
	defer g.mu.Unlock()
	return inOrder(g.parked, may)
}

// straying are the messages whose senders gave up.
func (g *gate) straying() []*call {
	g.mu.Lock()
	defer g.mu.Unlock()
	return inOrder(g.late, func(*call) bool { return true })
}

// stray leaves a message on its way although nobody waits for its answer any more.
func (g *gate) stray(c *call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.changes && c.processed.never() {
		g.late = append(g.late, c)
	}
}

func (g *gate) forget(c *call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late = slices.DeleteFunc(g.late, func(l *call) bool { return l == c })
}

func inOrder(calls []*call, may func(*call) bool) []*call {
	var chosen []*call
	for _, c := range calls {
		if may(c) {
			chosen = append(chosen, c)
		}
	}
	slices.SortFunc(chosen, func(a, b *call) int { return cmp.Compare(a.name, b.name) })
	return chosen
}

// finish lets the sender have this answer.
func (g *gate) finish(c *call, answer any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.parked = slices.DeleteFunc(g.parked, func(p *call) bool { return p == c })
	c.arrive <- answer
}
