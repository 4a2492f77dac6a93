package bridge_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// fault is what goes wrong with a call.
type fault string

const (
	none        fault = "none"
	unreachable fault = "unreachable"      // it surely never left
	lost        fault = "lost"             // on the way there
	lostAfter   fault = "answer lost"      // processed, and nobody is told
	fails       fault = "5xx"              // not processed
	failsAfter  fault = "answer masked"    // processed, and a gateway answers 5xx
	hang        fault = "hangs"            // until its sender gives up
	hangAfter   fault = "answer hangs"     // processed, and its sender gives up
	late        fault = "completes late"   // its sender gave up before it was processed
	crash       fault = "crash"            // of its sender, before it was processed
	crashAfter  fault = "crash, processed" // of its sender, after
	freeze      fault = "freeze"           // of its sender, until its lease is over
	down        fault = "store down"       //
	limited     fault = "daily limit"      // of the host
	refused     fault = "refused for good" // by PagerDuty
)

// cells counts how often a fault met a step of the protocol.
type cells map[cell]int

type cell struct {
	fault fault
	step  string
}

func (s *simulation) covered(f fault, step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cells[cell{f, step}]++
}

func (c cells) add(other cells) {
	for at, n := range other {
		c[at] += n
	}
}

// faults are those that may meet a call as far as it is.
func (c *call) faults() []fault {
	switch {
	case !c.toVendor() && !c.processed.never():
		return []fault{lostAfter, hangAfter}
	case !c.toVendor() && c.changes:
		return []fault{lost, hang, late}
	case !c.toVendor():
		return []fault{lost, hang}
	case !c.processed.never():
		return []fault{lostAfter, failsAfter, hangAfter}
	}
	may := []fault{unreachable, lost, fails, hang}
	if c.changes {
		may = append(may, late)
	}
	switch c.step {
	case "zoom create":
		may = append(may, limited)
	case "pagerduty update_incident":
		may = append(may, refused)
	}
	return may
}

// risk is how much rather this call goes wrong than another, in quarters: what is seldom needs more.
func (c *call) risk() int {
	switch c.step {
	case "store get", "store due":
		return 2
	case "store put creating", "pagerduty get_incident":
		return 4
	case "store put failed", "store put ending", "zoom end", "zoom get", "zoom delete", "pagerduty add_note":
		return 32
	default:
		return 10
	}
}

func (c *call) toVendor() bool { return !strings.HasPrefix(c.step, "store") }

// everyCell is what a run over many seeds must have met: each fault at each step where it can happen.
func everyCell() []cell {
	var all []cell
	at := func(step string, faults ...fault) {
		for _, f := range faults {
			all = append(all, cell{f, step})
		}
	}
	anywhere := []fault{none, lost, lostAfter, hang, hangAfter, crash, crashAfter, freeze}
	for _, step := range []string{"get", "due"} {
		at("store "+step, append(anywhere, down)...)
	}
	for _, state := range []string{"creating", "created", "attached", "closing", "ending", "closed", "external", "failed", "other"} {
		at("store put "+state, append(anywhere, down, late)...)
	}
	vendors := append(anywhere, unreachable, fails, failsAfter)
	for _, step := range []string{"zoom token", "zoom list", "zoom get", "pagerduty get_incident", "pagerduty get_user"} {
		at(step, vendors...)
	}
	for _, step := range []string{"zoom create", "zoom end", "zoom delete", "pagerduty update_incident", "pagerduty add_note"} {
		at(step, append(vendors, late)...)
	}
	at("zoom create", limited)
	at("pagerduty update_incident", refused)
	return slices.DeleteFunc(all, func(c cell) bool { return impossible()[c] != "" })
}

// impossible are the cells that cannot be hit, and why.
func impossible() map[cell]string {
	return map[cell]string{}
}

// missing are the cells that were never hit.
func (c cells) missing() []string {
	var missing []string
	for _, at := range everyCell() {
		if c[at] == 0 {
			missing = append(missing, fmt.Sprintf("%s at %s", at.fault, at.step))
		}
	}
	return missing
}

// table shows what was hit, for -v.
func (c cells) table() string {
	var b strings.Builder
	for _, at := range slices.SortedFunc(maps.Keys(c), func(a, b cell) int {
		return strings.Compare(a.step+"\t"+string(a.fault), b.step+"\t"+string(b.fault))
	}) {
		fmt.Fprintf(&b, "%-28s %-18s %d\n", at.step, at.fault, c[at])
	}
	return b.String()
}
