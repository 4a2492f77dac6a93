package tokenstore_test

import (
	"flag"
	"fmt"
	"slices"
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

// TestSimulation runs sources of several processes on one record under every fault, again and again, and checks what the
// algorithm promises. Each seed is another story, and always the same one. A run that fails prints the promise, the end of
// its trace and the line to replay it.
func TestSimulation(t *testing.T) {
	t.Parallel()
	var (
		mu    sync.Mutex
		total = map[string]int{}
		steps int
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
					for cell, n := range s.cells {
						total[cell] += n
					}
					steps += len(s.trace)
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d seeds, %d steps, %d cells", *seeds, steps, len(total))
	if *seeds < forEveryCell || t.Failed() {
		return
	}
	missing := slices.DeleteFunc(everyCell(), func(cell string) bool { return total[cell] > 0 })
	if len(missing) > 0 {
		t.Errorf("never happened:\n%s", strings.Join(missing, "\n"))
	}
}

func runSeed(t *testing.T, seed uint64) *simulation {
	t.Helper()
	const replay = "replay: go test ./tokenstore -run TestSimulation -seeds 1 -from"
	defer func() {
		if fault := recover(); fault != nil { // a goroutine is left, or waits for ever
			t.Fatalf("no goroutine is left: %v\n%s %d", fault, replay, seed)
		}
	}()
	var s *simulation
	synctest.Test(t, func(t *testing.T) {
		s = simulate(t, seed)
		if s.lie != "" {
			trace := s.trace[max(0, len(s.trace)-*tail):]
			t.Errorf("%s\n%s\n%s %d", strings.Join(trace, "\n"), s.lie, replay, seed)
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
