package simtest

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one message of a process to the store or to a vendor. It parks twice: before it
// is processed and before its answer arrives, so that others run in between.
type Call struct {
	By      *Actor
	Op, Key string
	Step    string          // the protocol's step it belongs to, for coverage
	Ctx     context.Context // its sender's, which says when it gives up
	Vendor  bool            // it goes to a vendor, and not to the store
	Changes bool            // it is more than a question

	// Weight is how much rather this call goes wrong or waits than another, 10 if it is
	// 0: rare steps need more.
	Weight int
	// Faults may meet it before it is processed, besides those that any call may meet.
	Faults []Fault
	// LateBound is how long it may be on its way, 0: for ever.
	LateBound time.Duration
	// TakesLateAnswer: a process that was frozen takes the answer that has come
	// meanwhile, although the call's context is done.
	TakesLateAnswer bool

	// Answered is called when the answer arrives.
	Answered func()
	// Faulted is called when the sender gets no answer, or not the true one. A goroutine
	// of the process may call it.
	Faulted func(Fault)

	name      string // who, what and which time: the same in every run of a seed
	origin    string // the functions that sent it: two goroutines of one actor may send the same
	sent      Moment
	processed Moment
	stuck     bool // it is left until its sender gives up
	abandoned bool // its sender has given up, or is dead

	process func() any
	answer  any
	arrive  chan arrival
}

// arrival is what a sender gets: an answer, or what a fault leaves of it.
type arrival struct {
	answer any
	fault  Fault
}

// Processed is when the call was processed.
func (c *Call) Processed() Moment { return c.processed }

// Abandoned reports whether nobody waits for the answer any more.
func (c *Call) Abandoned() bool { return c.abandoned }

// Send carries a call through the gate, in the goroutine of the process. The driver calls
// process, which does what the call asks for; broken is what the sender sees instead of
// an answer.
func Send[R any](s *Sim, c *Call, process func() R, broken func(Fault) R) R {
	c.process = func() any { return process() }
	if !s.gate.park(c, s.Now()) {
		return broken(Crash)
	}
	answer, fault := s.wait(c)
	if fault != None {
		return broken(fault)
	}
	return answer.(R) //nolint:errcheck // it is what process returned
}

// wait waits until the driver has let the call on, or its sender gives up.
func (s *Sim) wait(c *Call) (any, Fault) {
	select {
	case a := <-c.arrive:
		return a.answer, a.fault
	case <-c.Ctx.Done():
	}
	if s.gate.isFrozen(c) { // a frozen process sees no deadline pass
		a := <-c.arrive
		return a.answer, a.fault
	}
	fault := s.gate.abandon(c)
	s.Met(fault, c.Step)
	c.faulted(fault)
	return nil, Hang
}

func (c *Call) faulted(f Fault) {
	if c.Faulted != nil {
		c.Faulted(f)
	}
}

// gate is where calls park. What it guards is shared with the goroutines of the
// processes.
type gate struct {
	mu     sync.Mutex
	parked []*Call
	late   []*Call // abandoned by their senders, and still on their way
	times  map[string]int
}

// park parks a call and reports whether its process is alive.
func (g *gate) park(c *Call, now Moment) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.By.Process.dead {
		return false
	}
	id := fmt.Sprintf("%s %s %s", c.By.Name, c.Op, c.Key)
	c.origin = origin()
	g.times[id+c.origin]++
	c.name, c.sent, c.arrive = fmt.Sprintf("%s #%d", id, g.times[id+c.origin]), now, make(chan arrival, 1)
	g.parked = append(g.parked, c)
	return true
}

func (g *gate) isFrozen(c *Call) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return c.By.Process.frozen
}

// abandon takes away a call whose sender gives up. What was not processed by then may be,
// later.
func (g *gate) abandon(c *Call) Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remove(c)
	c.By.faulted = true
	if !c.processed.Never() {
		return HangAfter
	}
	g.leaveUnderWay(c)
	return Hang
}

// remove is called with the lock held.
func (g *gate) remove(c *Call) {
	g.parked = slices.DeleteFunc(g.parked, func(p *Call) bool { return p == c })
}

// leaveUnderWay keeps what changes something and was not processed yet. It is called with
// the lock held.
func (g *gate) leaveUnderWay(c *Call) {
	c.abandoned = true
	if c.Changes && c.processed.Never() {
		g.late = append(g.late, c)
	}
}

// finish lets the sender of a call have its answer, or a fault.
func (g *gate) finish(c *Call, a arrival) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remove(c)
	c.arrive <- a
}

// drop leaves a message under way whose sender is told of a fault.
func (g *gate) drop(c *Call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leaveUnderWay(c)
}

// take takes a message off the way.
func (g *gate) take(c *Call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late = slices.DeleteFunc(g.late, func(l *Call) bool { return l == c })
}

func (g *gate) markProcessed(c *Call, now Moment) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.processed = now
}

func (g *gate) markFaulted(a *Actor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a.faulted = true
}

// waiting are the parked calls of that kind, in an order that does not depend on how
// goroutines ran.
func (g *gate) waiting(is func(*Call) bool) []*Call {
	g.mu.Lock()
	defer g.mu.Unlock()
	return inOrder(g.parked, is)
}

// underWay are the messages whose senders gave up.
func (g *gate) underWay() []*Call {
	g.mu.Lock()
	defer g.mu.Unlock()
	return inOrder(g.late, func(*Call) bool { return true })
}

func inOrder(calls []*Call, is func(*Call) bool) []*Call {
	var chosen []*Call
	for _, c := range calls {
		if is(c) {
			chosen = append(chosen, c)
		}
	}
	slices.SortFunc(chosen, func(a, b *Call) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.origin, b.origin))
	})
	return chosen
}

// origin names the functions that the calling goroutine is in, the innermost first.
func origin() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	var names strings.Builder
	for {
		frame, more := frames.Next()
		names.WriteString(frame.Function)
		names.WriteByte('\n')
		if !more {
			return names.String()
		}
	}
}
