package simtest

import (
	"slices"
	"time"
)

// Action is something the driver may do. Weight is how often, beside the others that are
// possible then.
type Action struct {
	Weight int
	Do     func()
}

// DoOne lets a call on, with that weight if there is one, or does one of the actions.
func (s *Sim) DoOne(callWeight int, actions []Action) {
	calls := s.gate.waiting(func(c *Call) bool { return c.isReady() || c.isUnderWay() })
	if len(calls) == 0 {
		callWeight = 0
	}
	total := callWeight
	for _, a := range actions {
		total += a.Weight
	}
	n := s.rng.IntN(total)
	if n < callWeight {
		s.letOn(calls[s.rng.IntN(len(calls))])
		return
	}
	n -= callWeight
	for _, a := range actions {
		if n < a.Weight {
			a.Do()
			return
		}
		n -= a.Weight
	}
}

// Ready are the calls that the driver may let on, but for those of frozen processes.
func (s *Sim) Ready() []*Call { return s.gate.waiting((*Call).isReady) }

func (c *Call) isReady() bool { return !c.stuck && !c.By.Process.frozen }

// isUnderWay reports whether it has left a process that was frozen then, so that it will
// be processed.
func (c *Call) isUnderWay() bool {
	return !c.stuck && c.By.Process.frozen && c.processed.Never() && !c.isTooLate()
}

// letOn processes a call, or lets its answer arrive, or lets something go wrong with it.
func (s *Sim) letOn(c *Call) {
	if c.isUnderWay() {
		s.Process(c)
		return
	}
	if c.Step == s.Target.Step && s.Chance(70) && s.hit(c, s.Target.Fault) {
		return
	}
	if s.storeDown && !c.Vendor {
		s.Fail(c, StoreDown)
		return
	}
	if s.Interfere != nil {
		if f, ok := s.Interfere(c); ok {
			s.Fail(c, f)
			return
		}
	}
	if s.Chance(s.FaultPercent * c.weight() / 4) {
		s.Fail(c, Pick(s, c.faults()...))
		return
	}
	if !c.processed.Never() {
		s.Answer(c)
		return
	}
	s.Process(c)
	if !s.Chance(25 + c.weight()) {
		s.Answer(c)
	}
}

func (c *Call) weight() int {
	if c.Weight == 0 {
		return 10
	}
	return c.Weight
}

// faults are those that may meet the call where it is.
func (c *Call) faults() []Fault {
	switch {
	case !c.Vendor && !c.processed.Never():
		return []Fault{LostAfter, HangAfter}
	case !c.Vendor && c.Changes:
		return []Fault{Lost, Hang, Late}
	case !c.Vendor:
		return []Fault{Lost, Hang}
	case !c.processed.Never():
		return []Fault{LostAfter, FailsAfter, HangAfter}
	}
	may := []Fault{Unreachable, Lost, Fails, Hang}
	if c.Changes {
		may = append(may, Late)
	}
	return append(may, c.Faults...)
}

// hit lets this fault meet the call and reports whether it can.
func (s *Sim) hit(c *Call, f Fault) bool {
	if f.happensAfter() && c.processed.Never() {
		s.Process(c)
	}
	switch {
	case f == Crash && c.processed.Never(), f == CrashAfter:
		s.Restart(c.By.Process)
	case f == Freeze:
		s.Unfreeze() // one at a time
		s.Freeze(c.By.Process, s.freezeTime())
	case f == StoreDown:
		s.storeDown = true
		s.Fail(c, StoreDown)
	case f.happensAfter(), slices.Contains(c.faults(), f):
		s.Fail(c, f)
	default:
		return false
	}
	return true
}

// Process lets the store or the vendor do what the call asks for.
func (s *Sim) Process(c *Call) {
	s.gate.markProcessed(c, s.Now())
	c.answer = c.process()
	s.Trace("%s: done, %v", c.name, c.answer)
}

// Answer lets the answer arrive.
func (s *Sim) Answer(c *Call) {
	s.Met(None, c.Step)
	if c.Answered != nil {
		c.Answered()
	}
	s.Trace("%s: answered", c.name)
	s.gate.finish(c, arrival{answer: c.answer, fault: None})
}

// Fail lets a fault meet the call.
func (s *Sim) Fail(c *Call, f Fault) {
	s.Trace("%s: %s", c.name, f)
	s.gate.markFaulted(c.By)
	if f == Hang || f == HangAfter {
		c.stuck = true // until its sender gives up
		return
	}
	c.faulted(f)
	if f == Late {
		s.gate.drop(c)
	} else {
		s.Met(f, c.Step)
	}
	s.gate.finish(c, arrival{fault: f})
}

// ToggleStore takes the store down, or up again.
func (s *Sim) ToggleStore() {
	s.storeDown = !s.storeDown
	s.Trace("the store is down: %t", s.storeDown)
}

// HasLate reports whether messages are under way whose senders have given up.
func (s *Sim) HasLate() bool { return len(s.gate.underWay()) > 0 }

// LetOneArriveLate lets such a message arrive.
func (s *Sim) LetOneArriveLate() { s.arriveLate(Pick(s, s.gate.underWay()...)) }

// arriveLate processes a message that nobody waits for any more, or loses it for good.
func (s *Sim) arriveLate(c *Call) {
	s.gate.take(c)
	if c.isTooLate() || s.Chance(10) {
		s.Trace("%s: lost", c.name)
		return
	}
	s.Trace("%s: arrives late", c.name)
	s.Met(Late, c.Step)
	s.Process(c)
}

func (c *Call) isTooLate() bool { return c.LateBound > 0 && time.Since(c.sent.At) > c.LateBound }

// BusyProcess is a process with a call at the gate, rather at a step that is rare.
func (s *Sim) BusyProcess() *Process {
	var at []*Process
	for _, c := range s.Ready() {
		for range c.weight() {
			at = append(at, c.By.Process)
		}
	}
	if len(at) == 0 {
		at = s.processes
	}
	return Pick(s, at...)
}

// FreezeBusy freezes such a process, longer than a lease.
func (s *Sim) FreezeBusy() { s.Freeze(s.BusyProcess(), s.freezeTime()) }

func (s *Sim) freezeTime() time.Duration { return s.Between(16*time.Second, 40*time.Second) }

// Quiet lets every actor finish without any fault.
func (s *Sim) Quiet() { s.QuietBut(nil) }

// Meets is what the calls of some steps meet.
type Meets map[string]func(*Call)

// QuietBut does that, but for the calls of some steps. A frozen process stays frozen.
func (s *Sim) QuietBut(but Meets) {
	for {
		s.Rest()
		if calls := s.Ready(); len(calls) > 0 {
			c := calls[0]
			if meet := but[c.Step]; meet != nil {
				meet(c)
				continue
			}
			if c.processed.Never() {
				s.Process(c)
			}
			s.Answer(c)
			continue
		}
		if !s.HasActor(func(a *Actor) bool { return !a.Process.frozen }) {
			return
		}
		time.Sleep(500*time.Millisecond + time.Duration(s.rng.IntN(1000)))
	}
}

// StopFaults ends all trouble: nothing fails any more, frozen processes run, late
// messages arrive, and every actor finishes.
func (s *Sim) StopFaults() {
	s.Trace("everything works again")
	s.storeDown = false
	s.Unfreeze()
	for _, c := range s.gate.waiting(func(c *Call) bool { return c.stuck }) {
		c.stuck = false
	}
	s.Quiet()
	for _, c := range s.gate.underWay() {
		s.arriveLate(c)
	}
}
