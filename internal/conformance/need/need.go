// Package need finds the real things that tests run against.
//
// Where one is missing the test is skipped and says how to get it. INCIDENTBRIDGE_REQUIRE
// names things, by comma, that must be there, and with CI=true all of them must: their
// tests fail instead.
package need

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Program returns where the first of a tool's commands is.
func Program(t testing.TB, tool, install string, commands ...string) string {
	t.Helper()
	for _, command := range commands {
		if path, err := exec.LookPath(command); err == nil {
			return path
		}
	}
	missing(t, tool, install)
	return ""
}

// Address returns where a service is, as the environment variable says.
func Address(t testing.TB, service, install, variable string) string {
	t.Helper()
	address := os.Getenv(variable)
	if address == "" {
		missing(t, service, install+", and "+variable+" says where")
	}
	return address
}

func missing(t testing.TB, name, install string) {
	t.Helper()
	required := strings.Split(os.Getenv("INCIDENTBRIDGE_REQUIRE"), ",")
	if os.Getenv("CI") == "true" || slices.Contains(required, name) {
		t.Fatalf("%s is not here and must be: %s", name, install)
	}
	t.Skipf("NOT TESTED: %s is not here: %s", name, install)
}
