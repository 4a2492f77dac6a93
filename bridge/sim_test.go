package bridge_test

import (
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// simulated is the simulation of the bridge: several processes on one store and two
// vendors.
var simulated = simtest.Config{Package: "./bridge", Quick: 150, Twice: 10, Cells: everyCell(), Play: play}

// TestSimulation runs the protocol under every fault, again and again, and checks its
// promises.
func TestSimulation(t *testing.T) {
	t.Parallel()
	simulated.Run(t)
}

func TestASeedGivesOneRun(t *testing.T) {
	t.Parallel()
	simulated.RunTwice(t)
}
