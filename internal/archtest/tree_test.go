package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	module = "github.com/incidentbridge/incidentbridge"
	root   = "../.." // of the tree, seen from this folder
)

// pkg is what these tests read of go list's answer for one package.
type pkg struct {
	ImportPath   string
	Name         string
	Export       string // file with its compiled API, when asked for
	Module       *struct{ Path string }
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// ours tells whether p is of this repository, whichever module it is in.
func (p pkg) ours() bool { return ours(p.ImportPath) }

func (p pkg) inRootModule() bool { return p.Module != nil && p.Module.Path == module }

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// rel is an import path as seen from the root of the tree.
func rel(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

// listPackages asks the go command for the given packages and all they depend
// on; "work" stands for every package of every module.
func listPackages(t *testing.T, flagsAndPaths ...string) []pkg {
	t.Helper()
	const fields = "ImportPath,Name,Export,Module,Imports,TestImports,XTestImports,Deps"
	args := append([]string{"list", "-deps", "-json=" + fields}, flagsAndPaths...)

	var pkgs []pkg
	answers := json.NewDecoder(bytes.NewReader(goCommand(t, args...)))
	for {
		var p pkg
		err := answers.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// goCommand runs the go command at the root of the tree and returns its output.
func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	dependOnTree(t)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// dependOnTree looks at every Go and module file, because go test reuses a
// result while the files that the test itself looked at stay as they were, and
// it cannot see what the go command reads for us.
func dependOnTree(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		switch filepath.Ext(path) {
		case ".go", ".mod", ".work":
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
