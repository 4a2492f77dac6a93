package conformance_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// need returns where the first of a tool's commands is. Without any the test is skipped, or fails where the tool must
// be there.
func need(t *testing.T, tool, install string, commands ...string) string {
	t.Helper()
	for _, command := range commands {
		if path, err := exec.LookPath(command); err == nil {
			return path
		}
	}
	required := strings.Split(os.Getenv("INCIDENTBRIDGE_REQUIRE"), ",")
	if os.Getenv("CI") == "true" || slices.Contains(required, tool) {
		t.Fatalf("%s is not here and must be: %s", tool, install)
	}
	t.Skipf("NOT TESTED: %s is not here: %s", tool, install)
	return ""
}
