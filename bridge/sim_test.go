package bridge_test

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

var (
	seeds = flag.Int("seeds", defaultSeeds, "how many runs of the simulation")
	tail  = flag.Int("tail", 80, "how much of a failing run's trace is shown")
	from  = flag.Uint64("from", 1, "the first seed")
)

// forEveryCell is how many seeds meet every fault at every step.
const forEveryCell = 2000

// TestSimulation runs the protocol under every fault, again and again, and checks its promises. Each seed is another
// story, and always the same one. A run that fails prints the promise, the end of its trace and the line to replay it.
func TestSimulation(t *testing.T) {
	t.Parallel()
	var (
		mu    sync.Mutex
		total = cells{}
		steps int64
		next  atomic.Uint64
	)
	next.Store(*from)
	t.Run("seeds", func(t *testing.T) {
		for worker := range 2 {
			t.Run(fmt.Sprint(worker+1), func(t *testing.T) {
				t.Parallel()
				for !t.Failed() {
					seed := next.Add(1) - 1
					if seed >= *from+uint64(*seeds) {
						return
					}
					s := runSeed(t, seed)
					mu.Lock()
					total.add(s.cells)
					steps += s.steps.Load()
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d seeds, %d steps, %d cells", *seeds, steps, len(total))
	if testing.Verbose() {
		t.Log("\n" + total.table())
	}
	if missing := total.missing(); len(missing) > 0 && *seeds >= forEveryCell && !t.Failed() {
		t.Errorf("faults that never met a step:\n%s", strings.Join(missing, "\n"))
	}
}

func runSeed(t *testing.T, seed uint64) *simulation {
	t.Helper()
	const replay = "replay: go test ./bridge -run TestSimulation -seeds 1 -from"
	defer func() {
		if fault := recover(); fault != nil { // a goroutine is left, or waits for ever
			t.Fatalf("no goroutine is left: %v\n%s %d", fault, replay, seed)
		}
	}()
	var s *simulation
	synctest.Test(t, func(t *testing.T) {
		s = simulate(t, seed)
		if len(s.lies) > 0 {
			trace := s.trace[max(0, len(s.trace)-*tail):]
			t.Errorf("%s\n%s\n%s %d", strings.Join(trace, "\n"), strings.Join(s.lies, "\n"), replay, seed)
		}
	})
	return s
}

// TestASeedIsARun: the same seed, the same story, byte for byte.
func TestASeedIsARun(t *testing.T) {
	t.Parallel()
	for seed := range uint64(repeatedSeeds) {
		first, second := runSeed(t, seed+1), runSeed(t, seed+1)
		if diff := cmp.Diff(first.trace, second.trace); diff != "" {
			t.Fatalf("seed %d is two stories (-first +second):\n%s", seed+1, diff)
		}
	}
}
