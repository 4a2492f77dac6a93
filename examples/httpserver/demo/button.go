package demo

import (
	"context"
	"fmt"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// button is a button of the page. do does its work and returns the result as a sentence.
type button struct {
	path, label, about, did string
	do                      func(context.Context, *scene) string
}

// outcome describes the result of a click.
func outcome(b *bridge.Bridge, err error) string {
	if err != nil {
		return "It failed: " + err.Error() + "."
	}
	switch b.State {
	case bridge.StateAttached:
		return "The call is on the incident."
	case bridge.StateCreated:
		return "The call is made; PagerDuty has not accepted it yet."
	default:
		return "The bridge is " + string(b.State) + "."
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
