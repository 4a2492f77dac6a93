package install_test

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
		mutant.Plant("an install takes the lock of another", mutant.Never("install-lock-active")),
		mutant.Plant("the lock ends before its install does",
			mutant.Expr("install-lock-until", "now.Add(5 * time.Second)")),
		mutant.Plant("a consent that was removed is installed", mutant.Never("removal-since")),
		mutant.Plant("an install that was stored is rolled back", mutant.Never("rollback-installed")),
		mutant.Plant("a rollback deletes the grants before it releases the lock",
			mutant.Before("rollback-release", "if err := i.deleteGrants(ctx, id); err != nil { return nil, err }"),
			mutant.Replace("rollback-delete", "return r, nil")),
		mutant.Plant("what an install that crashed has written stays", mutant.Never("maintain-lock")),
		mutant.Plant("a grant that is written late stays", mutant.Never("revoke-until")),
		mutant.Plant("an uninstall gives away the lock of an install that is writing",
			mutant.Replace("uninstall-cancel", "r.releaseLock(now)")),
		mutant.Plant("a removal ends a newer installation", mutant.Always("removal-age")),
		mutant.Plant("an uninstall leaves the secrets", mutant.Drop("uninstall-secrets")),
		mutant.Plant("an uninstall leaves the tokens", mutant.Drop("revoke-grants")),
		mutant.Plant("a consent is revoked that the installation depends on", mutant.Never("revoke-in-use")),
		mutant.Plant("a set-up is stored in another installation", mutant.Never("setup-of-another")),
		mutant.Plant("a subscription whose secret is lost stays", mutant.Replace("setup-duplicates", "return nil")),
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
