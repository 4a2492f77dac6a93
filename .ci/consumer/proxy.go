// Proxy writes a file-system module proxy that holds every module of this
// workspace which is ever tagged, at one version, as the tree stands now.
//
//	go run ./proxy.go FOLDER VERSION
package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// neverTagged are the folders of modules that are for this tree alone.
var neverTagged = []string{"examples", "internal/conformance"}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: go run ./proxy.go FOLDER VERSION")
	}
	if err := writeProxy(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

// tagged is a module of the workspace as a release will hold it.
type tagged struct {
	path  string // import path
	dir   string // folder, seen from the root of the tree: "" for the root module
	files []string
}

func writeProxy(folder, version string) error {
	top, err := output(".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	root := strings.TrimSpace(top)
	modules, err := modulesOf(root)
	if err != nil {
		return err
	}
	for _, m := range modules {
		fmt.Printf("%s@%s: %d files\n", m.path, version, len(m.files))
		if err := m.write(root, folder, version); err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
	}
	return nil
}

// modulesOf finds the modules in the tree and the files that belong to each:
// those that git knows or would add, each in the innermost module around it.
func modulesOf(root string) ([]tagged, error) {
	listed, err := output(root, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	files := strings.Split(strings.TrimRight(listed, "\x00"), "\x00")
	files = slices.DeleteFunc(files, func(file string) bool {
		info, err := os.Lstat(filepath.Join(root, file))
		return err != nil || !info.Mode().IsRegular()
	})
	slices.Sort(files)
	files = slices.Compact(files)

	byDir := make(map[string][]string)
	for _, file := range files {
		dir := innermostModule(files, file)
		byDir[dir] = append(byDir[dir], file)
	}

	work, err := output(root, "go", "list", "-m", "-f", "{{.Path}}\t{{.Dir}}")
	if err != nil {
		return nil, err
	}
	var modules []tagged
	for line := range strings.Lines(work) {
		modulePath, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		dir, err := filepath.Rel(root, dir)
		if err != nil {
			return nil, err
		}
		dir = filepath.ToSlash(dir)
		if slices.Contains(neverTagged, dir) {
			continue
		}
		if dir == "." {
			dir = ""
		}
		modules = append(modules, tagged{path: modulePath, dir: dir, files: byDir[dir]})
	}
	return modules, nil
}

func innermostModule(files []string, file string) string {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if _, found := slices.BinarySearch(files, dir+"/go.mod"); found {
			return dir
		}
	}
	return ""
}

// write lays the module down as the go command asks for it.
func (m tagged) write(root, folder, version string) error {
	at := filepath.Join(folder, m.path, "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(root, m.dir, "go.mod"))
	if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Now().UTC()})
	if err != nil {
		return err
	}
	packed, err := m.zip(root, version)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(at, "list"), []byte(version+"\n"), 0o644),
		os.WriteFile(filepath.Join(at, version+".info"), info, 0o644),
		os.WriteFile(filepath.Join(at, version+".mod"), mod, 0o644),
		os.WriteFile(filepath.Join(at, version+".zip"), packed, 0o644),
	)
}

// zip packs the files under the prefix that the go command wants. A nested
// module without a licence of its own gets the root's, as in a real release.
func (m tagged) zip(root, version string) ([]byte, error) {
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	add := func(name, file string) error {
		content, err := os.Open(filepath.Join(root, file))
		if err != nil {
			return err
		}
		defer content.Close()
		entry, err := w.Create(m.path + "@" + version + "/" + name)
		if err != nil {
			return err
		}
		_, err = io.Copy(entry, content)
		return err
	}
	for _, file := range m.files {
		if err := add(strings.TrimPrefix(strings.TrimPrefix(file, m.dir), "/"), file); err != nil {
			return nil, err
		}
	}
	if m.dir != "" && !slices.Contains(m.files, m.dir+"/LICENSE") {
		if err := add("LICENSE", "LICENSE"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	err := w.Close()
	return packed.Bytes(), err
}

// output runs a command in a folder.
func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return string(out), nil
}
