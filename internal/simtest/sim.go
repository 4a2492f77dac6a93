package simtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Sim is one run. Its methods are for the driver's goroutine, unless they say otherwise.
type Sim struct {
	T    *testing.T
	Seed uint64

	// Target is the fault that this run meets more often than others. The runner gives
	// each cell its share of the seeds.
	Target Cell
	// FaultPercent is how many of the calls go wrong, of those with weight 4.
	FaultPercent int
	// Interfere may choose what goes wrong with a call; nil: nothing in particular.
	Interfere func(*Call) (Fault, bool)
	// Boot starts a process, on what those before it have left.
	Boot func() *Process

	rng   *rand.Rand
	start time.Time
	steps atomic.Int64
	trace []string

	gate       gate
	processes  []*Process
	actors     []*Actor // at work
	booted     int      // processes, ever
	started    int      // actors, ever
	storeDown  bool
	unfreezeAt time.Time // when frozen processes may run again

	mu         sync.Mutex
	cells      cells
	violations []string
}

func newSim(t *testing.T, seed uint64, cellsToMeet []Cell) *Sim {
	t.Helper()
	s := &Sim{
		T: t, Seed: seed, rng: rand.New(rand.NewPCG(seed, 4)), start: time.Now(),
		gate: gate{times: map[string]int{}}, cells: cells{},
	}
	if n := uint64(len(cellsToMeet)); n > 0 {
		s.Target = cellsToMeet[seed%n]
	}
	return s
}

// end stops every process and lets the last goroutine end.
func (s *Sim) end() {
	for _, p := range slices.Clone(s.processes) {
		s.Kill(p)
	}
	time.Sleep(10 * time.Minute)
	synctest.Wait()
}

// Moment is when something happened: the driver's step, and the time.
type Moment struct {
	Step int
	At   time.Time
}

// Never reports whether it has not happened.
func (m Moment) Never() bool { return m.Step == 0 }

// Before reports whether it happened in an earlier step. What never happened is before
// everything.
func (m Moment) Before(other Moment) bool { return m.Step < other.Step }

// Now is this moment. Any goroutine may call it.
func (s *Sim) Now() Moment { return Moment{Step: s.Steps() + 1, At: time.Now()} }

// Steps is how many steps the driver has done. Any goroutine may call it.
func (s *Sim) Steps() int { return int(s.steps.Load()) }

// Trace adds a line to the run's trace. It must be the same in every run of the seed: no
// nonce, no version.
func (s *Sim) Trace(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf("%4d %11v  ", s.Steps(), time.Since(s.start).Round(time.Millisecond))+
		fmt.Sprintf(format, args...))
}

// Chance is true for so many of a hundred.
func (s *Sim) Chance(percent int) bool { return s.rng.IntN(100) < percent }

// IntN is a number from 0 to n-1.
func (s *Sim) IntN(n int) int { return s.rng.IntN(n) }

// Between is a duration from low to just under high.
func (s *Sim) Between(low, high time.Duration) time.Duration {
	return low + time.Duration(s.rng.Int64N(int64(high-low)))
}

// Pick is one of them.
func Pick[T any](s *Sim, from ...T) T { return from[s.rng.IntN(len(from))] }

// Rand is a source of its own for what goroutines of a process choose. It is not safe for
// concurrent use.
func (s *Sim) Rand() *rand.Rand { return rand.New(rand.NewPCG(s.rng.Uint64(), 0)) }

// Rest waits until every goroutine is parked, asleep or done, reports the actors that are
// done, and counts a step.
func (s *Sim) Rest() {
	synctest.Wait()
	s.reportDone()
	s.steps.Add(1)
}

// Pass lets time pass, a little more than d and never a round number of anything, so that
// no two timers fire at once.
func (s *Sim) Pass(d time.Duration) {
	d += time.Duration(1 + s.rng.IntN(997_000))
	s.Trace("%v pass", d.Round(time.Millisecond))
	time.Sleep(d)
	synctest.Wait()
}
