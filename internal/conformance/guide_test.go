package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

const docs = "../../docs"

// The guide names the scopes that the code asks for, and no other, and its pictures are
// there.
func TestTheGuideIsTrue(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join(docs, "guide.md"))
	if err != nil {
		t.Fatal(err)
	}
	scopes := slices.Concat(zoom.UserScopes(), pagerduty.RunScopes(), pagerduty.SetUpScopes())
	for _, fault := range guideFaults(string(guide), append(scopes, "incident_workflows.read")) {
		t.Error(fault)
	}
}

var (
	scopeWord = regexp.MustCompile("`([a-z]+(?::[a-z_]+){2,3}|[a-z_]+\\.(?:read|write))`")
	picture   = regexp.MustCompile(`\]\((img/[^)]+)\)`)
)

// guideFaults returns what is wrong with the guide: scopes that are missing or unknown,
// and pictures that do not exist.
func guideFaults(guide string, scopes []string) []string {
	var faults []string
	for _, scope := range scopes {
		if !strings.Contains(guide, "`"+scope+"`") {
			faults = append(faults, "docs/guide.md does not name the scope "+scope)
		}
	}
	for _, found := range scopeWord.FindAllStringSubmatch(guide, -1) {
		if !slices.Contains(scopes, found[1]) {
			faults = append(faults, "docs/guide.md names a scope that nothing asks for: "+found[1])
		}
	}
	for _, found := range picture.FindAllStringSubmatch(guide, -1) {
		if _, err := os.Stat(filepath.Join(docs, found[1])); err != nil {
			faults = append(faults, fmt.Sprintf("docs/guide.md shows %s: %v", found[1], err))
		}
	}
	return faults
}

func TestAFaultInTheGuideIsFound(t *testing.T) {
	t.Parallel()
	for name, guide := range map[string]string{
		"a scope is missing":     "`a:b:c`",
		"a scope is unknown":     "`a:b:c` `users.read` `users.write`",
		"a picture is not there": "`a:b:c` `users.read` ![x](img/none.png)",
	} {
		if faults := guideFaults(guide, []string{"a:b:c", "users.read"}); len(faults) != 1 {
			t.Errorf("%s: found %q", name, faults)
		}
	}
}
