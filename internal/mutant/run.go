package mutant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Find has the package's TestSimulation find each mistake within so many seeds.
func Find(t *testing.T, mistakes []Mistake, seeds int) {
	t.Helper()
	for _, m := range mistakes {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			story := Run(t, m, "-test.run", "^TestSimulation$", "-tail", "0", "-seeds", strconv.Itoa(seeds))
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

// WantListed checks that a file has a line "- NAME" for each mistake: the list is for
// readers, too. It also checks that each mistake can be made, short of compiling it.
func WantListed(t *testing.T, file string, mistakes []Mistake) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	source := load(t)
	for _, m := range mistakes {
		if !strings.Contains(string(text), "\n- "+m.Name+"\n") {
			t.Errorf("%s does not list %q", file, m.Name)
		}
		if _, err := source.mutate(m); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

// Run builds the tests of the package in the working directory with the mistake, runs
// them with these arguments, and returns what they print.
func Run(t *testing.T, m Mistake, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	list, binary := overlay(t, m), filepath.Join(t.TempDir(), "mutant.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", list, "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the mistake %q does not compile: %v\n%s", m.Name, err, out)
	}
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return string(out)
}

// overlay writes the changed files, and the file that names them to the go command.
func overlay(t *testing.T, m Mistake) string {
	t.Helper()
	changed, err := load(t).mutate(m)
	if err != nil {
		t.Fatal(err)
	}
	folder, replaced := t.TempDir(), map[string]string{}
	for original, text := range changed {
		replaced[original] = filepath.Join(folder, strconv.Itoa(len(replaced))+".go")
		if err := os.WriteFile(replaced[original], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// module holds the files of a module that have markers.
type module struct {
	root  string
	files map[string]*file // by absolute name
}

// load finds the markers of the module around the working directory.
func load(t *testing.T) *module {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	source, err := scan(root)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("the working directory is in no module")
		}
		folder = filepath.Dir(folder)
	}
}

// scan reads the markers of the module at root, without those of modules inside it.
func scan(root string) (*module, error) {
	m := &module{root: root, files: map[string]*file{}}
	seen := map[string]string{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(root, name)
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), "//mutant:") {
			return err
		}
		f, err := parse(name, string(text))
		if err != nil {
			return err
		}
		for marker := range f.lines {
			if seen[marker] != "" {
				return fmt.Errorf("marker %s occurs twice: in %s and in %s", marker, seen[marker], name)
			}
			seen[marker] = name
		}
		m.files[name] = f
		return nil
	})
	return m, err
}

// enter reports by its error whether a folder holds source of the module at root.
func enter(root, folder string) error {
	if folder == root {
		return nil
	}
	if base := filepath.Base(folder); base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

// markers returns the markers of the module, sorted.
func (m *module) markers() []string {
	var all []string
	for _, f := range m.files {
		for marker := range f.lines {
			all = append(all, marker)
		}
	}
	slices.Sort(all)
	return all
}

// mutate returns the files that differ with the mistake, by absolute name.
func (m *module) mutate(mistake Mistake) (map[string]string, error) {
	changed := map[string]string{}
	byFile := map[*file][]Change{}
	for _, change := range mistake.Changes {
		f := m.fileOf(change.marker)
		if f == nil {
			return nil, fmt.Errorf("no line of %s ends with //mutant:%s", m.root, change.marker)
		}
		byFile[f] = append(byFile[f], change)
	}
	for f, changes := range byFile {
		text, err := f.rewrite(changes)
		if err != nil {
			return nil, err
		}
		changed[f.name] = text
		if slices.ContainsFunc(changes, func(c Change) bool { return c.zero }) {
			zero := filepath.Join(filepath.Dir(f.name), "mutant_zero.go")
			changed[zero] = "package " + f.syntax.Name.Name + "\n\n" + zeroFunc
		}
	}
	return changed, nil
}

func (m *module) fileOf(marker string) *file {
	for _, f := range m.files {
		if f.lines[marker] != 0 {
			return f
		}
	}
	return nil
}
