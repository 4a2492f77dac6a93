package archtest

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pagesWithPaths are the documents that lead a reader to files of this repository.
var pagesWithPaths = []string{"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/protocol.md"}

func TestNamedPathsExist(t *testing.T) {
	t.Parallel()
	tree := treePaths(t)
	for _, page := range pagesWithPaths {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range pathFaults(string(text), tree) {
			t.Errorf("%s: %s", page, fault)
		}
	}
}

var (
	codeBlock = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```")
	codeSpan  = regexp.MustCompile("`([^`\n]+)`")
	pathLike  = regexp.MustCompile(`^[\w.*-]+(/[\w.*-]+)*/?$`)
	// fileLike is a name that can only be a file: of Go, of a document, of a setting.
	fileLike = regexp.MustCompile(`\.(go|md|mod|work|sum|txt|yml|yaml|html|css|svg|png|json|sh)$`)
)

// pathFaults returns the paths in backticks that are not in the tree. A path counts if it
// begins with a folder of the root, or if it ends like a file. A short one, such as
// task.go, may be in any folder: it stands for the end of a path. A star stands for any
// part of a name.
func pathFaults(page string, tree []string) []string {
	var faults []string
	for _, span := range codeSpan.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		named := strings.TrimSuffix(strings.TrimPrefix(span[1], "./"), "/")
		if !pathLike.MatchString(named) || strings.HasPrefix(named, "*.") {
			continue
		}
		first, _, isDeep := strings.Cut(named, "/")
		fromRoot := isDeep && slices.Contains(tree, first)
		if !fromRoot && !fileLike.MatchString(named) {
			continue
		}
		exists := func(file string) bool {
			if !fromRoot { // the same number of names, from the end
				parts := strings.Split(file, "/")
				file = strings.Join(parts[max(0, len(parts)-strings.Count(named, "/")-1):], "/")
			}
			ok, _ := path.Match(named, file)
			return ok
		}
		if !slices.ContainsFunc(tree, exists) {
			faults = append(faults, fmt.Sprintf("there is no %s", named))
		}
	}
	return faults
}

// treePaths returns every file and folder of the tree, with slashes, from its root.
func treePaths(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || file == root {
			return err
		}
		if d.Name() == ".git" {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(root, file)
		paths = append(paths, filepath.ToSlash(relative))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestPathFaultsAreFound(t *testing.T) {
	t.Parallel()
	tree := []string{
		"go.mod", "docs", "docs/api.txt", "bridge", "bridge/open.go", "bridge/sim_test.go",
		"bridge/internal", "bridge/internal/ledger", "bridge/internal/ledger/task.go", ".ci", ".ci/run",
	}
	tests := []struct {
		name string
		page string
		want []string
	}{
		{"files, folders and a script", "`go.mod`, `docs/api.txt`, `bridge/internal/ledger`, `bridge/`, `.ci/run`", nil},
		{"a file by its name alone", "see `task.go`", nil},
		{"a file with its folder alone", "see `ledger/task.go`", nil},
		{"a star", "`bridge/sim_*.go`, `sim_*_test.go`", []string{"there is no sim_*_test.go"}},
		{"what is no path", "`ErrStale`, `a/b`, `GET /readyz`, `/install`, `zoom:`, `*.go`, `bridge.New`", nil},
		{"a path in a block of code", "```sh\ngo run `bridge/gone.go`\n```\n", nil},
		{"a file that is gone", "`bridge/close.go`", []string{"there is no bridge/close.go"}},
		{"a folder that is gone", "`bridge/internal/house`", []string{"there is no bridge/internal/house"}},
		{"a name alone that is gone", "`incident.go`", []string{"there is no incident.go"}},
		{"a file in another folder", "`bridge/task.go`", []string{"there is no bridge/task.go"}},
		{"a script that is gone", "`.ci/walk`", []string{"there is no .ci/walk"}},
		{"the end of a name only", "`k.go`", []string{"there is no k.go"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, pathFaults(tt.page, tree)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
