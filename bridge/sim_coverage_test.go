package bridge_test

import (
	"slices"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// weightOf is how much rather a call goes wrong than another: what is rare needs more.
func weightOf(step string) int {
	switch step {
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

// everyCell is what a run over many seeds must have met: each fault at each step where it
// can happen.
func everyCell() []simtest.Cell {
	all := slices.Concat(simtest.StoreFaults("store get", false), simtest.StoreFaults("store due", false))
	for _, state := range []string{
		"creating", "created", "attached", "closing", "ending", "closed", "external", "failed", "other",
	} {
		all = append(all, simtest.StoreFaults("store put "+state, true)...)
	}
	for _, step := range []string{
		"zoom token", "zoom list", "zoom get", "pagerduty get_incident", "pagerduty get_user",
	} {
		all = append(all, simtest.VendorFaults(step, false)...)
	}
	for _, step := range []string{
		"zoom create", "zoom end", "zoom delete", "pagerduty update_incident", "pagerduty add_note",
	} {
		all = append(all, simtest.VendorFaults(step, true)...)
	}
	return append(all,
		simtest.Cell{Fault: limited, Step: "zoom create"},
		simtest.Cell{Fault: refused, Step: "pagerduty update_incident"},
	)
}
