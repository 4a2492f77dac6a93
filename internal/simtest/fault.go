package simtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fault is what goes wrong with a call. A simulation may have more of its own, for calls
// to vendors.
type Fault string

// The faults that any call can meet, if they fit.
const (
	None        Fault = "none"
	Unreachable Fault = "unreachable"      // it surely never left
	Lost        Fault = "lost"             // on the way there
	LostAfter   Fault = "answer lost"      // processed, and nobody is told
	Fails       Fault = "5xx"              // not processed
	FailsAfter  Fault = "answer masked"    // processed, and a gateway answers 5xx
	Hang        Fault = "hangs"            // until its sender gives up
	HangAfter   Fault = "answer hangs"     // processed, and its sender gives up
	Late        Fault = "completes late"   // its sender gave up before it was processed
	Crash       Fault = "crash"            // of its sender, before it was processed
	CrashAfter  Fault = "crash, processed" // of its sender, after it was processed
	Freeze      Fault = "freeze"           // of its sender
	StoreDown   Fault = "store down"
)

// happensAfter reports whether the fault meets a call that was processed.
func (f Fault) happensAfter() bool {
	return f == LostAfter || f == FailsAfter || f == HangAfter || f == CrashAfter
}

// StoreFaults are the cells of a step at the store.
func StoreFaults(step string, changes bool) []Cell {
	return cellsOf(step, changes, None, Lost, LostAfter, Hang, HangAfter, Crash, CrashAfter, Freeze, StoreDown)
}

// VendorFaults are the cells of a step at a vendor.
func VendorFaults(step string, changes bool) []Cell {
	return cellsOf(step, changes,
		None, Lost, LostAfter, Hang, HangAfter, Crash, CrashAfter, Freeze, Unreachable, Fails, FailsAfter)
}

func cellsOf(step string, changes bool, faults ...Fault) []Cell {
	if changes {
		faults = append(faults, Late)
	}
	var all []Cell
	for _, f := range faults {
		all = append(all, Cell{f, step})
	}
	return all
}

// Cell is a fault at a step of the protocol, or with an empty Fault something else that
// must have happened.
type Cell struct {
	Fault Fault
	Step  string
}

func (c Cell) String() string {
	if c.Fault == "" {
		return c.Step
	}
	return fmt.Sprintf("%s at %s", c.Fault, c.Step)
}

// cells counts how often a fault has met a step.
type cells map[Cell]int

// Met notes that a fault has met a step. Any goroutine may call it.
func (s *Sim) Met(f Fault, step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cells[Cell{f, step}]++
}

func (c cells) add(other cells) {
	for cell, n := range other {
		c[cell] += n
	}
}

// missing are those of the cells that were never met.
func (c cells) missing(all []Cell) []string {
	var missing []string
	for _, cell := range all {
		if c[cell] == 0 {
			missing = append(missing, cell.String())
		}
	}
	return missing
}

func (c cells) table() string {
	var b strings.Builder
	for _, cell := range slices.SortedFunc(maps.Keys(c), func(a, b Cell) int {
		return strings.Compare(a.Step+"\t"+string(a.Fault), b.Step+"\t"+string(b.Fault))
	}) {
		fmt.Fprintf(&b, "%-34s %-18s %d\n", cell.Step, cell.Fault, c[cell])
	}
	return b.String()
}
