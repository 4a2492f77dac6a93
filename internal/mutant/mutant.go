// Package mutant puts a mistake into a copy of the source and lets a test of the package find it. Production code has no
// switches for it.
package mutant

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Mistake is one that somebody might make.
type Mistake struct {
	Name  string
	Edits []Edit
}

// Edit is a small change of a file, named from the package's folder: from a text that stands there once.
type Edit struct{ File, From, To string }

// Find has the package's TestSimulation find each mistake within so many seeds.
func Find(t *testing.T, mistakes []Mistake, seeds int) {
	t.Helper()
	for _, m := range mistakes {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			story := Run(t, m.Edits, "-test.run", "^TestSimulation$", "-tail", "0", "-seeds", strconv.Itoa(seeds))
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

// WantListed checks that a file has a line "- NAME" for each mistake: the list is for readers, too.
func WantListed(t *testing.T, file string, mistakes []Mistake) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mistakes {
		if !strings.Contains(string(text), "\n- "+m.Name+"\n") {
			t.Errorf("%s does not list %q", file, m.Name)
		}
	}
}

// Run builds the tests of the package in the working directory with the edits, runs them with these arguments, and returns
// what they say.
func Run(t *testing.T, edits []Edit, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	list, binary := overlay(t, edits), filepath.Join(t.TempDir(), "mutant.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", list, "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the mistake does not build: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return string(out)
}

// overlay writes the changed files, and the file that tells the go command of them.
func overlay(t *testing.T, edits []Edit) string {
	t.Helper()
	folder, replaced := t.TempDir(), map[string]string{}
	for _, e := range edits {
		original, err := filepath.Abs(e.File)
		if err != nil {
			t.Fatal(err)
		}
		source := original
		if replaced[original] != "" {
			source = replaced[original]
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), e.From); n != 1 {
			t.Fatalf("%s has this %d times, want once; write the mistake anew:\n%s", e.File, n, e.From)
		}
		replaced[original] = filepath.Join(folder, filepath.Base(e.File))
		if err := os.WriteFile(replaced[original], []byte(strings.Replace(string(text), e.From, e.To, 1)), 0o600); err != nil {
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
