package tokenstore_test

import (
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// simulated is the simulation of token sources: several processes on one record and one
// vendor.
var simulated = simtest.Config{Package: "./tokenstore", Quick: 200, Twice: 5, Cells: everyCell(), Play: play}

// TestSimulation runs the sources under every fault, again and again, and checks what the
// algorithm promises.
func TestSimulation(t *testing.T) {
	t.Parallel()
	simulated.Run(t)
}

func TestASeedGivesOneRun(t *testing.T) {
	t.Parallel()
	simulated.RunTwice(t)
}
