package tokenstore_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/mutant"
)

// mutation is a mistake that somebody might make.
type mutation struct{ name, file, from, to string }

// mutations are the mistakes that the simulation must find. When one of them no longer fits the source, write it anew for
// what the source says now: the mistake stays possible.
func mutations() []mutation {
	return []mutation{
		{
			"a new token is handed out before it is stored", "flight.go",
			"		return f.save(ctx, mine, newGrant(mine.Installation, answer, mine.grant)), nil",
			"		child := newGrant(mine.Installation, answer, mine.grant)\n		s.adopt(child.token())\n		return f.save(ctx, mine, child), nil",
		},
		{
			"the lease of another is ignored", "flight.go",
			"		if g.Lease != nil && !g.leasedTo(f.owner) && time.Now().Before(g.Lease.Until) { // line 5", "		if false {",
		},
		{
			"the time left is not compared with the lease", "flight.go",
			"	return min(wall, monotonic) >= need", "	_ = min(wall, monotonic) >= need\n	return true",
		},
		{
			"a vendor that detects reuse is asked again at once", "flight.go",
			" && s.config.lateBound == 0", "",
		},
		{
			"a refusal is final without a second look", "flight.go",
			"	return reason, err == nil", "	_ = err\n	return reason, true",
		},
		{
			"a new pair is dropped when the store does not take it at once", "flight.go",
			"		record, now, err := s.read(ctx) // line 14",
			"		if err != nil {\n			return nil\n		}\n		record, now, err := s.read(ctx)",
		},
		{
			"a refresh brings back what was uninstalled", "flight.go",
			"		record, now, err := s.read(ctx) // line 14",
			"		record, now, err := s.read(ctx)\n		if errors.Is(err, ErrNotInstalled) {\n			version = record.Version\n			continue\n		}",
		},
		{
			"a refresh replaces whatever is there", "flight.go",
			"		if err == nil && !now.isParentOf(child, mine.RefreshToken) {", "		if false {",
		},
		{
			"a consent in doubt is stored again", "consent.go",
			"		if tried && now.Installation == installation && err == nil {\n			return nil", "		if false {\n			return nil",
		},
		{
			"an uninstall leaves the refresh token", "consent.go",
			"Installation: installation, Uninstalled: true}",
			"Installation: installation, Uninstalled: true, RefreshToken: now.RefreshToken}",
		},
		{
			"an uninstall takes a newer installation along", "consent.go",
			" || err == nil && now.Installation != installation {", " || err == nil && now.Installation == \"\" {",
		},
		{
			"a refused token is handed out again", "source.go",
			"		s.refused = token.AccessToken\n", "",
		},
	}
}

// TestMutations puts each mistake into the source, builds the tests with it and lets the simulation find it.
func TestMutations(t *testing.T) {
	t.Parallel()
	if testing.Short() || withRaceDetector {
		t.Skip("builds the package once per mistake, without the race detector")
	}
	for _, m := range mutations() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			story := mutant.Run(t, []mutant.Edit{{File: m.file, From: m.from, To: m.to}},
				"-test.run", "^TestSimulation$", "-tail", "0", "-seeds", fmt.Sprint(*seeds))
			broken, replay, found := strings.Cut(story, "replay: ")
			if !found {
				t.Fatalf("the simulation did not find it:\n%s", story)
			}
			lines := strings.Split(strings.TrimSpace(broken), "\n")
			replay, _, _ = strings.Cut(replay, "\n")
			t.Logf("%s\n%s", strings.TrimSpace(lines[len(lines)-1]), replay)
		})
	}
}

// The list of mistakes is for readers too.
func TestMutationsAreWrittenDown(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/decisions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutations() {
		if !strings.Contains(string(text), "\n- "+m.name+"\n") {
			t.Errorf("docs/decisions.md does not list %q", m.name)
		}
	}
}
