package archtest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// release is the version under which the modules of this tree ask for each other.
const release = "v0.1.0"

// goLine is written by hand in every module: a newer toolchain would write its
// own patch level and ask it of everybody.
const goLine = "1.26.0"

// rootRequires is all that the root module may ask for directly: three for its
// code, two for its tests.
var rootRequires = []string{
	"github.com/PagerDuty/go-pagerduty",
	"github.com/google/go-cmp",
	"github.com/hashicorp/go-retryablehttp",
	"github.com/jarcoal/httpmock",
	"golang.org/x/oauth2",
}

// modFile is what these tests read of go mod edit -json.
type modFile struct {
	Module    struct{ Path string }
	Go        string
	Toolchain string
	Require   []requirement
	Replace   []replacement
}

type requirement struct {
	Path, Version string
	Indirect      bool
}

type replacement struct{ Old, New struct{ Path string } }

func TestModuleFiles(t *testing.T) {
	t.Parallel()
	for _, dir := range moduleDirs(t) {
		for _, fault := range modFileFaults(dir, readModFile(t, dir)) {
			t.Error(fault)
		}
	}
}

// A module outside go.work would never be tested by go test work.
func TestWorkspaceHasEveryModule(t *testing.T) {
	t.Parallel()
	var work struct {
		Go  string
		Use []struct{ DiskPath string }
	}
	unmarshal(t, goCommand(t, "work", "edit", "-json"), &work)

	var used []string
	for _, use := range work.Use {
		used = append(used, path.Clean(use.DiskPath))
	}
	slices.Sort(used)
	if diff := cmp.Diff(moduleDirs(t), used); diff != "" {
		t.Errorf("folders with a go.mod and folders in go.work (-tree +work):\n%s", diff)
	}
	if work.Go != goLine {
		t.Errorf("go.work says go %s, want %s", work.Go, goLine)
	}
}

// modFileFaults returns what is wrong with the go.mod of a folder, one line each.
func modFileFaults(dir string, mod modFile) []string {
	var faults []string
	fault := func(format string, args ...any) {
		faults = append(faults, path.Join(dir, "go.mod")+": "+fmt.Sprintf(format, args...))
	}

	if want := path.Join(module, dir); mod.Module.Path != want {
		fault("module is %s, want %s", mod.Module.Path, want)
	}
	if mod.Go != goLine || mod.Toolchain != "" {
		fault("want go %s and no toolchain, got go %s %s", goLine, mod.Go, mod.Toolchain)
	}
	if dir == "." {
		var direct []string
		for _, require := range mod.Require {
			if !require.Indirect {
				direct = append(direct, require.Path)
			}
		}
		slices.Sort(direct)
		if !slices.Equal(direct, rootRequires) {
			fault("requires directly %v, want %v", direct, rootRequires)
		}
		if len(mod.Replace) > 0 {
			fault("replaces %s: nobody who imports us would get that", mod.Replace[0].Old.Path)
		}
		return faults
	}

	replaced := make(map[string]string)
	for _, replace := range mod.Replace {
		replaced[replace.Old.Path] = path.Clean(replace.New.Path)
	}
	if !slices.ContainsFunc(mod.Require, func(r requirement) bool { return r.Path == module }) {
		fault("does not require %s", module)
	}
	for _, require := range mod.Require {
		if !ours(require.Path) {
			if local, ok := replaced[require.Path]; ok {
				fault("replaces %s by %s, which is not ours", require.Path, local)
			}
			continue
		}
		if require.Version != release {
			fault("requires %s %s, want %s", require.Path, require.Version, release)
		}
		if got, want := replaced[require.Path], relativeDir(dir, rel(require.Path)); got != want {
			fault("replaces %s by %q, want %q", require.Path, got, want)
		}
	}
	return faults
}

func TestModFileFaultsAreFound(t *testing.T) {
	t.Parallel()
	requires := func(version string, paths ...string) []requirement {
		var all []requirement
		for _, p := range paths {
			all = append(all, requirement{Path: p, Version: version})
		}
		return all
	}
	replaces := func(old, by string) []replacement {
		var r replacement
		r.Old.Path, r.New.Path = old, by
		return []replacement{r}
	}
	named := func(path string, mod modFile) modFile {
		mod.Module.Path = path
		if mod.Go == "" {
			mod.Go = goLine
		}
		return mod
	}
	const store = module + "/tokenstore/redisstore"
	const drivers = "github.com/redis/go-redis/v9"

	tests := []struct {
		name string
		dir  string
		mod  modFile
		want []string
	}{
		{
			name: "the root as it should be",
			dir:  ".",
			mod: named(module, modFile{Require: append(
				requires("v1.0.0", rootRequires...), requirement{Path: drivers, Indirect: true},
			)}),
		},
		{
			name: "a nested module as it should be",
			dir:  "tokenstore/redisstore",
			mod: named(store, modFile{
				Require: append(requires(release, module), requires("v9.23.0", drivers)...),
				Replace: replaces(module, "../../"),
			}),
		},
		{
			name: "a folder whose module has another name",
			dir:  ".",
			mod:  named(store, modFile{Require: requires("v1.0.0", rootRequires...)}),
			want: []string{"go.mod: module is " + store + ", want " + module},
		},
		{
			name: "a patch level on the go line",
			dir:  ".",
			mod:  named(module, modFile{Go: "1.26.8", Toolchain: "go1.26.8", Require: requires("v1.0.0", rootRequires...)}),
			want: []string{"go.mod: want go 1.26.0 and no toolchain, got go 1.26.8 go1.26.8"},
		},
		{
			name: "a driver in the root",
			dir:  ".",
			mod:  named(module, modFile{Require: requires("v9.23.0", drivers)}),
			want: []string{fmt.Sprintf("go.mod: requires directly [%s], want %v", drivers, rootRequires)},
		},
		{
			name: "a replacement in the root",
			dir:  ".",
			mod: named(module, modFile{
				Require: requires("v1.0.0", rootRequires...),
				Replace: replaces(rootRequires[0], "../fork"),
			}),
			want: []string{"go.mod: replaces " + rootRequires[0] + ": nobody who imports us would get that"},
		},
		{
			name: "a nested module that stands alone",
			dir:  "tokenstore/redisstore",
			mod:  named(store, modFile{Require: requires("v9.23.0", drivers)}),
			want: []string{"tokenstore/redisstore/go.mod: does not require " + module},
		},
		{
			name: "a nested module that asks for another release of a neighbour, from nowhere",
			dir:  "examples",
			mod: named(module+"/examples", modFile{
				Require: append(requires(release, module), requires("v0.0.9", store)...),
				Replace: replaces(module, "../"),
			}),
			want: []string{
				"examples/go.mod: requires " + store + " v0.0.9, want " + release,
				"examples/go.mod: replaces " + store + ` by "", want "../tokenstore/redisstore"`,
			},
		},
		{
			name: "a nested module that replaces what is not ours",
			dir:  "examples",
			mod: named(module+"/examples", modFile{
				Require: append(requires(release, module), requires("v9.23.0", drivers)...),
				Replace: append(replaces(module, ".."), replaces(drivers, "../fork")...),
			}),
			want: []string{"examples/go.mod: replaces " + drivers + " by ../fork, which is not ours"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, modFileFaults(tt.dir, tt.mod)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// relativeDir is the way from one folder of the tree to another.
func relativeDir(from, to string) string {
	way, err := filepath.Rel(filepath.FromSlash(from), filepath.FromSlash(path.Join(".", to)))
	if err != nil {
		return err.Error()
	}
	return filepath.ToSlash(way)
}

// moduleDirs finds the folders that have a go.mod, sorted, the root as ".".
func moduleDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.Name() != "go.mod" {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		dirs = append(dirs, filepath.ToSlash(dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(dirs)
	return dirs
}

func readModFile(t *testing.T, dir string) modFile {
	t.Helper()
	var mod modFile
	unmarshal(t, goCommand(t, "mod", "edit", "-json", path.Join(dir, "go.mod")), &mod)
	return mod
}

func unmarshal(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}
