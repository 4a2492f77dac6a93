package demo

import (
	"time"
)

// scene is one incident and what has been done to it.
type scene struct {
	incidentID string
	// The number of requests and meetings that the fakes had recorded before this scene.
	zoomCalls, pagerDutyCalls, meetings int

	action *action // the last one; nil: none yet. Guarded by Demo.mu.
}

// action is one click on a button.
type action struct {
	name    string // as the page shows it
	started time.Time
	done    chan struct{} // closed at its end

	took   time.Duration // zero while it is running
	result string
}

func (a *action) running() bool { return a != nil && a.took == 0 }

// incidentTitle returns the title of the nth incident.
func incidentTitle(n int) string {
	titles := []string{
		"Checkout answers 5xx in eu-west",
		"Orders queue has stopped moving",
		"Sign-in takes longer than 8 seconds",
		"Primary database is out of connections",
	}
	return titles[n%len(titles)]
}
