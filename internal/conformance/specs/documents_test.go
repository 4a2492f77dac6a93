package specs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/conformance/specs"
)

// documents returns the folder with the vendors' documents. Without one the test is
// skipped, or fails where they must be there.
func documents(t *testing.T) string {
	t.Helper()
	root := filepath.Join("..", "..", "..")
	folder := filepath.Join(root, "..", "shared", "specs")
	if named := os.Getenv("INCIDENTBRIDGE_SPECS"); filepath.IsAbs(named) {
		folder = named
	} else if named != "" {
		folder = filepath.Join(root, named)
	}
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return folder
	}
	const missing = "the vendors' documents are not in %s: put them there, or name their folder in INCIDENTBRIDGE_SPECS"
	if required() {
		t.Fatalf(missing, folder)
	}
	t.Skipf("NOT TESTED: "+missing, folder)
	return ""
}

func required() bool {
	list, ok := os.LookupEnv("INCIDENTBRIDGE_REQUIRE")
	if !ok {
		return os.Getenv("CI") == "true"
	}
	return slices.Contains(strings.Split(list, ","), "specs")
}

func contract(t *testing.T, file string, exceptions []specs.Exception) *specs.Contract {
	t.Helper()
	loaded, err := specs.Load(filepath.Join(documents(t), file), exceptions...)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// reportTo makes each violation an error of the test, once.
func reportTo(t *testing.T) func(specs.Violation) {
	t.Helper()
	seen := make(map[specs.Violation]bool)
	return func(v specs.Violation) {
		if !seen[v] {
			t.Error(v)
		}
		seen[v] = true
	}
}
