package simtest

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// FullRun is how many seeds a run with -long has, enough to meet every fault at every
// step.
const FullRun = 2000

//nolint:gochecknoglobals // the flags of a test binary, which are set before any test runs
var (
	long  = flag.Bool("long", false, fmt.Sprintf("run %d seeds of a simulation", FullRun))
	seeds = flag.Int("seeds", 0, "run this number of seeds of a simulation (0: as many as -long says)")
	from  = flag.Uint64("from", 1, "the first seed of a simulation")
	tail  = flag.Int("tail", 80, "how many lines of a failing run's trace are shown")
)

// Long reports whether the test binary was started with -long.
func Long() bool { return *long }

// Config is a simulation as the runner sees it.
type Config struct {
	Package string     // of the test, for the line that replays a seed: "./bridge"
	Quick   int        // how many seeds are run without -long
	Twice   int        // how many seeds [Config.RunTwice] runs without -long
	Cells   []Cell     // what a run of FullRun seeds must have met
	Play    func(*Sim) // one run
}

// Run plays the seeds that the flags name. A run that breaks a promise prints the end of
// its trace, the promise, and the line that replays it.
func (c Config) Run(t *testing.T) {
	t.Helper()
	var (
		mu    sync.Mutex
		met   = cells{}
		steps int
		next  atomic.Uint64
	)
	count := c.count()
	next.Store(*from)
	t.Run("seeds", func(t *testing.T) {
		for worker := range 2 {
			t.Run(fmt.Sprint(worker+1), func(t *testing.T) {
				t.Parallel()
				for !t.Failed() {
					seed := next.Add(1) - 1
					if seed >= *from+uint64(count) { //nolint:gosec // G115: a count of seeds is not negative
						return
					}
					s := c.runSeed(t, seed)
					mu.Lock()
					met.add(s.cells)
					steps += s.Steps()
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d seeds, %d steps, %d cells", count, steps, len(met))
	if testing.Verbose() {
		t.Log("\n" + met.table())
	}
	if missing := met.missing(c.Cells); len(missing) > 0 && count >= FullRun && !t.Failed() {
		t.Errorf("these never happened:\n%s", strings.Join(missing, "\n"))
	}
}

func (c Config) count() int {
	switch {
	case *seeds > 0:
		return *seeds
	case *long:
		return FullRun
	default:
		return c.Quick
	}
}

// RunTwice checks that a seed always gives the same run, byte for byte.
func (c Config) RunTwice(t *testing.T) {
	t.Helper()
	count := c.Twice
	if *long {
		count *= 20
	}
	for seed := range uint64(count) { //nolint:gosec // G115: a count of seeds is not negative
		first, second := c.runSeed(t, seed+1), c.runSeed(t, seed+1)
		if diff := cmp.Diff(first.trace, second.trace); diff != "" {
			t.Fatalf("seed %d gives two runs (-first +second):\n%s", seed+1, diff)
		}
	}
}

func (c Config) runSeed(t *testing.T, seed uint64) *Sim {
	t.Helper()
	test, _, _ := strings.Cut(t.Name(), "/")
	replay := fmt.Sprintf("replay: go test %s -run %s -seeds 1 -from %d", c.Package, test, seed)
	defer func() {
		if fault := recover(); fault != nil { // a goroutine is left over, or waits for ever
			t.Fatalf("no goroutine is left: %v\n%s", fault, replay)
		}
	}()
	var s *Sim
	synctest.Test(t, func(t *testing.T) {
		s = c.play(t, seed)
		if s.Violated() {
			t.Errorf("%s\n%s\n%s", strings.Join(s.trace[max(0, len(s.trace)-*tail):], "\n"),
				strings.Join(s.violations, "\n"), replay)
		}
	})
	return s
}

// play is one run, in a bubble.
func (c Config) play(t *testing.T, seed uint64) *Sim {
	t.Helper()
	s := newSim(t, seed, c.Cells)
	c.Play(s)
	s.end()
	return s
}
