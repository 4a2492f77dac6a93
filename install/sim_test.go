package install_test

import (
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// simulated is the simulation of installations: several processes on one store and two
// vendors.
var simulated = simtest.Config{Package: "./install", Quick: 150, Twice: 10, Cells: everyCell(), Play: play}

// TestSimulation installs and uninstalls under every fault, again and again, and checks
// the promises.
func TestSimulation(t *testing.T) {
	t.Parallel()
	simulated.Run(t)
}

func TestASeedGivesOneRun(t *testing.T) {
	t.Parallel()
	simulated.RunTwice(t)
}
