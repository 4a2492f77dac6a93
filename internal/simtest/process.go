package simtest

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Process is a running program of the simulation.
type Process struct {
	Name         string
	dead, frozen bool // under the gate's lock
}

// NewProcess adds a process, p1 and so on. It is for Boot.
func (s *Sim) NewProcess() *Process {
	s.booted++
	p := &Process{Name: fmt.Sprintf("p%d", s.booted)}
	s.processes = append(s.processes, p)
	return p
}

// IsDead reports whether the process was killed.
func (p *Process) IsDead() bool { return p.dead }

// IsFrozen reports whether the process is frozen.
func (p *Process) IsFrozen() bool { return p.frozen }

// Actor is somebody whose calls in a process belong together: a request that came in, or
// a look at what is due.
type Actor struct {
	Name    string
	Process *Process
	Began   Moment

	// Killed is called when the process dies before the actor is done.
	Killed func()

	faulted bool
	report  func() // says what came of it; nil until it is done
}

// Faulted reports whether a call of the actor's went wrong.
func (a *Actor) Faulted() bool { return a.faulted }

type actorKey struct{}

// ActorOf is who a call is made for, or nil.
func ActorOf(ctx context.Context) *Actor {
	a, _ := ctx.Value(actorKey{}).(*Actor)
	return a
}

// Start lets an actor do something in a process, in a goroutine of its own, with that
// much patience. The report runs in the driver once it is done.
func (s *Sim) Start(p *Process, a *Actor, patience time.Duration, do func(context.Context) (report func())) {
	s.started++
	a.Name = fmt.Sprintf("%s %s%d", p.Name, a.Name, s.started)
	a.Process, a.Began = p, s.Now()
	s.actors = append(s.actors, a)
	ctx := context.WithValue(s.T.Context(), actorKey{}, a)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		report := do(ctx)
		s.gate.mu.Lock()
		defer s.gate.mu.Unlock()
		a.report = report
	}()
}

// AtWork is how many actors are at work.
func (s *Sim) AtWork() int { return len(s.actors) }

// HasActor reports whether one of the actors at work is so.
func (s *Sim) HasActor(is func(*Actor) bool) bool { return slices.ContainsFunc(s.actors, is) }

// reportDone reports the actors that are done, in the order they began.
func (s *Sim) reportDone() {
	s.gate.mu.Lock()
	var done []*Actor
	s.actors = slices.DeleteFunc(s.actors, func(a *Actor) bool {
		if a.report != nil {
			done = append(done, a)
		}
		return a.report != nil
	})
	s.gate.mu.Unlock()
	for _, a := range done {
		a.report()
	}
}

// Kill kills a process, as kill -9 does: no call of its arrives any more, and no answer
// reaches it or its callers.
func (s *Sim) Kill(p *Process) {
	s.gate.mu.Lock()
	p.dead = true
	s.gate.mu.Unlock()
	s.processes = slices.DeleteFunc(s.processes, func(q *Process) bool { return q == p })
	for _, c := range s.gate.waiting(func(c *Call) bool { return c.By.Process == p }) {
		fault := CrashAfter
		if c.processed.Never() {
			fault = Crash
		}
		s.Met(fault, c.Step)
		c.faulted(fault)
		s.gate.finish(c, arrival{fault: Crash})
		if c.processed.Never() && s.Chance(50) {
			s.gate.drop(c)
		}
	}
	s.actors = slices.DeleteFunc(s.actors, func(a *Actor) bool {
		if a.Process == p && a.Killed != nil {
			a.Killed()
		}
		return a.Process == p
	})
}

// Restart kills a process and boots another.
func (s *Sim) Restart(p *Process) {
	s.Kill(p)
	s.Trace("%s dies, %s starts", p.Name, s.Boot().Name)
}

// Freeze stops a process for so long at least: it sees neither answers nor deadlines.
func (s *Sim) Freeze(p *Process, least time.Duration) {
	s.gate.mu.Lock()
	p.frozen = true
	s.gate.mu.Unlock()
	s.unfreezeAt = time.Now().Add(least)
	s.Trace("%s freezes", p.Name)
}

// IsFrozen reports whether a process is frozen.
func (s *Sim) IsFrozen() bool {
	return slices.ContainsFunc(s.processes, (*Process).IsFrozen)
}

// MayUnfreeze reports whether a process is frozen and has been for long enough.
func (s *Sim) MayUnfreeze() bool { return s.IsFrozen() && time.Now().After(s.unfreezeAt) }

// Unfreeze lets frozen processes run again. What one waited for may have come meanwhile,
// or not.
func (s *Sim) Unfreeze() {
	for _, p := range s.processes {
		if !p.frozen {
			continue
		}
		s.Trace("%s runs again", p.Name)
		s.gate.mu.Lock()
		p.frozen = false
		s.gate.mu.Unlock()
		for _, c := range s.gate.waiting(func(c *Call) bool { return c.By.Process == p }) {
			s.wake(c)
		}
	}
}

// wake is what a call of a process that was frozen meets.
func (s *Sim) wake(c *Call) {
	s.Met(Freeze, c.Step)
	if c.Ctx.Err() == nil {
		return
	}
	if c.processed.Never() && c.Changes && !c.isTooLate() && s.Chance(50) {
		s.Process(c)
	}
	if !c.processed.Never() && c.TakesLateAnswer {
		s.Answer(c)
		return
	}
	fault := HangAfter
	if c.processed.Never() {
		fault = Hang
	}
	s.gate.markFaulted(c.By)
	c.faulted(fault)
	s.gate.drop(c)
	s.gate.finish(c, arrival{fault: Hang})
}
