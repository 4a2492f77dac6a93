package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A sleep in a test is slow, and too short on a slow machine. In a bubble of
// testing/synctest it takes no time and is exact.
func TestSleepsAreInBubbles(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	byFolder := make(map[string][]*ast.File)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		byFolder[filepath.Dir(path)] = append(byFolder[filepath.Dir(path)], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(byFolder) < 2 {
		t.Error("no test file was found but ours")
	}
	for _, folder := range slices.Sorted(maps.Keys(byFolder)) {
		for _, fault := range sleepFaults(files, byFolder[folder]) {
			t.Error(fault)
		}
	}
}

// sleepFaults finds the calls of time.Sleep in the test files of one folder,
// unless these have bubbles: a stand-in that sleeps in one may have a file of
// its own.
func sleepFaults(positions *token.FileSet, files []*ast.File) []string {
	var faults []string
	for _, file := range files {
		for _, spec := range file.Imports {
			if spec.Path.Value == `"testing/synctest"` {
				return nil
			}
		}
		for node := range ast.Preorder(file) {
			call, ok := node.(*ast.SelectorExpr)
			if !ok || call.Sel.Name != "Sleep" {
				continue
			}
			if name, ok := call.X.(*ast.Ident); ok && name.Name == "time" {
				faults = append(faults, fmt.Sprintf("%s sleeps outside a synctest bubble", positions.Position(call.Pos())))
			}
		}
	}
	return faults
}

func TestSleepFaultsAreFound(t *testing.T) {
	t.Parallel()
	const sleeper = "package p\nimport \"time\"\nfunc f() { time.Sleep(1) }\n"
	tests := []struct {
		name    string
		sources []string
		want    []string
	}{
		{
			name:    "with bubbles in another file of the folder",
			sources: []string{sleeper, "package p\nimport _ \"testing/synctest\"\n"},
		},
		{
			name:    "without",
			sources: []string{sleeper, "package p\nimport _ \"testing\"\n"},
			want:    []string{"source0_test.go:3:12 sleeps outside a synctest bubble"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			positions := token.NewFileSet()
			var files []*ast.File
			for i, source := range tt.sources {
				name := fmt.Sprintf("source%d_test.go", i)
				file, err := parser.ParseFile(positions, name, source, parser.SkipObjectResolution)
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, file)
			}
			if diff := cmp.Diff(tt.want, sleepFaults(positions, files)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
