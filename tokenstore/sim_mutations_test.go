package tokenstore_test

import (
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/mutant"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// mutations are the mistakes that the simulation must find. When one of them no longer fits the source, write it anew for
// what the source says now: the mistake stays possible.
func mutations() []mutant.Mistake {
	return []mutant.Mistake{
		mistake(
			"a new token is handed out before it is stored", "flight.go",
			"		return f.save(ctx, mine, newGrant(mine.Installation, answer, mine.grant)), nil",
			"		child := newGrant(mine.Installation, answer, mine.grant)\n		s.adopt(child.token())\n		return f.save(ctx, mine, child), nil",
		),
		mistake(
			"the lease of another is ignored", "flight.go",
			"		if g.Lease != nil && !g.leasedTo(f.owner) && time.Now().Before(g.Lease.Until) { // line 5", "		if false {",
		),
		mistake(
			"the time left is not compared with the lease", "flight.go",
			"	return min(wall, monotonic) >= need", "	_ = min(wall, monotonic) >= need\n	return true",
		),
		mistake(
			"a vendor that detects reuse is asked again at once", "flight.go",
			" && s.config.lateBound == 0", "",
		),
		mistake(
			"a refusal is final without a second look", "flight.go",
			"	return reason, err == nil", "	_ = err\n	return reason, true",
		),
		mistake(
			"a new pair is dropped when the store does not take it at once", "flight.go",
			"		record, now, err := s.read(ctx) // line 14",
			"		if err != nil {\n			return nil\n		}\n		record, now, err := s.read(ctx)",
		),
		mistake(
			"a refresh brings back what was uninstalled", "flight.go",
			"		record, now, err := s.read(ctx) // line 14",
			"		record, now, err := s.read(ctx)\n		if errors.Is(err, ErrNotInstalled) {\n			version = record.Version\n			continue\n		}",
		),
		mistake(
			"a refresh replaces whatever is there", "flight.go",
			"		if err == nil && !now.isParentOf(child, mine.RefreshToken) {", "		if false {",
		),
		mistake(
			"a consent in doubt is stored again", "consent.go",
			"		if tried && now.Installation == installation && err == nil {\n			return nil", "		if false {\n			return nil",
		),
		mistake(
			"an uninstall leaves the refresh token", "consent.go",
			"Installation: installation, Uninstalled: true}",
			"Installation: installation, Uninstalled: true, RefreshToken: now.RefreshToken}",
		),
		mistake(
			"an uninstall takes a newer installation along", "consent.go",
			" || err == nil && now.Installation != installation {", " || err == nil && now.Installation == \"\" {",
		),
		mistake(
			"a refused token is handed out again", "source.go",
			"		s.refused = token.AccessToken\n", "",
		),
	}
}

func mistake(name, file, from, to string) mutant.Mistake {
	return mutant.Mistake{Name: name, Edits: []mutant.Edit{{File: file, From: from, To: to}}}
}

// TestMutations puts each mistake into the source, builds the tests with it and lets the simulation find it.
func TestMutations(t *testing.T) {
	t.Parallel()
	if testing.Short() || simtest.RaceDetector {
		t.Skip("builds the package once per mistake, without the race detector")
	}
	mutant.Find(t, mutations(), simtest.FullRun)
}

func TestMutationsAreWrittenDown(t *testing.T) {
	t.Parallel()
	mutant.WantListed(t, "../docs/decisions.md", mutations())
}
