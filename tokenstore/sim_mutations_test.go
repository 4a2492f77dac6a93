package tokenstore_test

import (
	"flag"
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/mutant"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

var plant = flag.Bool("mistakes", false, "plant each mistake and let the simulation find it")

// mistakes are those that the simulation must find. Their places are marked in the
// source.
func mistakes() []mutant.Mistake {
	return []mutant.Mistake{
		mutant.Plant("a new token is handed out before it is stored", mutant.Before("save-refreshed",
			"s.replaceCached(newGrant(leased.grant.Installation, answer, leased.grant).token())")),
		mutant.Plant("the lease of another is ignored", mutant.Never("lease-of-another")),
		mutant.Plant("the time left is not compared with the lease", mutant.Always("lease-outlives-send")),
		mutant.Plant("a vendor that detects reuse is asked again at once", mutant.Never("send-again-despite-detection")),
		mutant.Plant("a rejection is final without a second look", mutant.Always("rejected-if-unchanged")),
		mutant.Plant("new tokens are dropped when the store does not take them at once",
			mutant.Before("confirm", "return nil, errReload")),
		mutant.Plant("a refresh brings back what was uninstalled", mutant.Before("successor-of-nothing",
			"if errors.Is(err, ErrNotInstalled) { version = record.Version; continue }")),
		mutant.Plant("a refresh replaces whatever is there", mutant.Never("successor-of-another")),
		mutant.Plant("a consent in doubt is stored again", mutant.Never("consent-landed")),
		mutant.Plant("an uninstall leaves the refresh token", mutant.After("tombstone",
			"tombstone.RefreshToken = stored.RefreshToken")),
		mutant.Plant("an uninstall takes a newer installation along", mutant.Never("uninstall-other")),
		mutant.Plant("a rejected token is handed out again", mutant.Drop("remember-rejected")),
	}
}

// TestMutations plants each mistake, builds the tests with it and lets the simulation
// find it.
func TestMutations(t *testing.T) {
	t.Parallel()
	if !*plant || simtest.RaceDetector {
		t.Skip("builds the package once per mistake: run it with -mistakes and without -race")
	}
	mutant.Find(t, mistakes(), simtest.FullRun)
}

func TestMutationsAreWrittenDown(t *testing.T) {
	t.Parallel()
	mutant.WantListed(t, "../docs/decisions.md", mistakes())
}
