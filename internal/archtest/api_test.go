package archtest

import (
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/api.txt from the code")

const apiHeader = `# The exported API of every package that others may import.
# A change here is a change for them: it belongs into CHANGELOG.md.
# Rewritten by: go test ./internal/archtest -run API -update
`

// TestAPIListing compares the exported API with the committed listing, so that
// no change of it passes unnoticed in a review.
func TestAPIListing(t *testing.T) {
	t.Parallel()
	const file = root + "/docs/api.txt"
	var listing strings.Builder
	listing.WriteString(apiHeader)
	for _, p := range importablePackages(t) {
		listing.WriteString("\n")
		for _, line := range apiLines(p) {
			listing.WriteString(line + "\n")
		}
	}

	if *update {
		if err := os.WriteFile(file, []byte(listing.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(committed), listing.String()); diff != "" {
		t.Errorf("the exported API differs from docs/api.txt (-committed +code); if that is meant, run\n"+
			"go test ./internal/archtest -run API -update\n%s", diff)
	}
}

// importablePackages loads the compiled API of the packages that others may
// import, in the order of their paths.
func importablePackages(t *testing.T) []*types.Package {
	t.Helper()
	var paths []string
	for _, p := range listPackages(t, "work") {
		if importable(p) {
			paths = append(paths, p.ImportPath)
		}
	}
	if len(paths) == 0 {
		t.Fatal("go list knows no package of ours")
	}
	slices.Sort(paths)

	compiled := make(map[string]string)
	for _, p := range listPackages(t, append([]string{"-export"}, paths...)...) {
		compiled[p.ImportPath] = p.Export
	}
	gc := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(compiled[path])
	})
	var pkgs []*types.Package
	for _, path := range paths {
		p, err := gc.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func importable(p pkg) bool {
	dirs := strings.Split(rel(p.ImportPath), "/")
	return p.ours() && p.Name != "main" && dirs[0] != "examples" && !slices.Contains(dirs, "internal")
}

// apiLines renders the exported API of p, one line for each name, in the manner
// of Go's own api/go1.txt.
func apiLines(p *types.Package) []string {
	l := &lister{pkg: p}
	for _, name := range p.Scope().Names() {
		obj := p.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			l.line("%s = %s", types.ObjectString(obj, l.qualifier), obj.Val().ExactString())
		case *types.TypeName:
			l.typeName(obj)
		default:
			l.line("%s", types.ObjectString(obj, l.qualifier))
		}
	}
	slices.Sort(l.lines)
	return slices.Compact(l.lines)
}

// lister collects the lines of one package.
type lister struct {
	pkg   *types.Package
	lines []string
}

func (l *lister) line(format string, args ...any) {
	l.lines = append(l.lines, "pkg "+rel(l.pkg.Path())+", "+fmt.Sprintf(format, args...))
}

// qualifier names other packages and leaves out the one that is listed.
func (l *lister) qualifier(p *types.Package) string {
	if p == l.pkg {
		return ""
	}
	return p.Name()
}

// typeName renders a type: its kind, its exported fields and methods.
func (l *lister) typeName(obj *types.TypeName) {
	full := types.ObjectString(obj, l.qualifier)
	under := types.TypeString(obj.Type().Underlying(), l.qualifier)
	head := strings.TrimSuffix(full, " "+under) // "type Name[P any]"

	switch t := obj.Type().Underlying().(type) {
	case *types.Struct:
		if obj.IsAlias() {
			l.line("%s", full)
			head = "type " + obj.Name()
		} else {
			l.line("%s struct", head)
		}
		if listedElsewhere(obj) {
			return
		}
		for field := range t.Fields() {
			if field.Exported() {
				l.line("%s struct, %s %s", head, field.Name(), types.TypeString(field.Type(), l.qualifier))
			}
		}
	case *types.Interface:
		if obj.IsAlias() || !t.IsMethodSet() {
			l.line("%s", full)
			return
		}
		l.line("%s interface", head)
		for method := range t.Methods() {
			if method.Exported() {
				l.line("%s interface, %s%s", head, method.Name(), l.parameters(method.Signature()))
			} else {
				l.line("%s interface, unexported methods", head)
			}
		}
		return
	default:
		l.line("%s", full)
	}
	if listedElsewhere(obj) {
		return
	}
	byValue := types.NewMethodSet(obj.Type())
	for method := range types.NewMethodSet(types.NewPointer(obj.Type())).Methods() {
		if !method.Obj().Exported() {
			continue
		}
		receiver := obj.Name()
		if byValue.Lookup(l.pkg, method.Obj().Name()) == nil {
			receiver = "*" + receiver
		}
		l.line("method (%s) %s%s", receiver, method.Obj().Name(), l.parameters(method.Type()))
	}
}

// listedElsewhere reports whether obj is an alias of a type that has its own lines. One
// of an internal package has none: what its alias shows is part of the API here.
func listedElsewhere(obj *types.TypeName) bool {
	if !obj.IsAlias() {
		return false
	}
	named, ok := types.Unalias(obj.Type()).(*types.Named)
	return !ok || !isInternal(named.Obj().Pkg())
}

func isInternal(p *types.Package) bool {
	return p != nil && slices.Contains(strings.Split(rel(p.Path()), "/"), "internal")
}

// parameters renders what stands after a function's name.
func (l *lister) parameters(signature types.Type) string {
	return strings.TrimPrefix(types.TypeString(signature, l.qualifier), "func")
}

func TestAPILines(t *testing.T) {
	t.Parallel()
	hidden := typeCheck(t, module+"/internal/faults", nil, `
package faults

type Fault struct { Op string; times int }
func (f Fault) Times(n int) Fault { return f }
`)
	p := typeCheck(t, module+"/call", []*types.Package{hidden}, `
package call

import ("context"; "iter"; "net/http"; "`+module+`/internal/faults")

type Region string
const US Region = "us"
const limit = 3
var ErrGone error
type Option func(*config)
type config struct{}
type Meeting struct { ID int64; Hosts []string; token string; base }
type base struct{}
func (base) String() string { return "" }
func (m *Meeting) End(ctx context.Context, why ...string) error { return nil }
func (Meeting) hidden() {}
type Source interface { Token(context.Context) (string, error) }
type Auth interface { apply(*http.Request) }
type List[T any] struct { Items []T }
type Same = Meeting
type Fault = faults.Fault
func New(s Source, opts ...Option) (*Meeting, error) { return nil, nil }
func All() iter.Seq2[*Meeting, error] { return nil }
func private() {}
`)
	want := []string{
		`pkg call, const US Region = "us"`,
		`pkg call, func All() iter.Seq2[*Meeting, error]`,
		`pkg call, func New(s Source, opts ...Option) (*Meeting, error)`,
		`pkg call, method (*Meeting) End(ctx context.Context, why ...string) error`,
		`pkg call, method (Fault) Times(n int) faults.Fault`,
		`pkg call, method (Meeting) String() string`,
		`pkg call, type Auth interface`,
		`pkg call, type Auth interface, unexported methods`,
		`pkg call, type Fault = faults.Fault`,
		`pkg call, type Fault struct, Op string`,
		`pkg call, type List[T any] struct`,
		`pkg call, type List[T any] struct, Items []T`,
		`pkg call, type Meeting struct`,
		`pkg call, type Meeting struct, Hosts []string`,
		`pkg call, type Meeting struct, ID int64`,
		`pkg call, type Option func(*config)`,
		`pkg call, type Region string`,
		`pkg call, type Same = Meeting`,
		`pkg call, type Source interface`,
		`pkg call, type Source interface, Token(context.Context) (string, error)`,
		`pkg call, var ErrGone error`,
	}
	if diff := cmp.Diff(want, apiLines(p)); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
}
