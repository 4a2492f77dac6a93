package archtest

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAPINamesNoForeignTypes keeps the choice of our dependencies ours: only
// the standard library's types, our own and x/oauth2's stand in signatures.
func TestAPINamesNoForeignTypes(t *testing.T) {
	t.Parallel()
	ofRoot := make(map[string]bool)
	for _, p := range listPackages(t, "work") {
		ofRoot[p.ImportPath] = p.inRootModule()
	}
	for _, p := range importablePackages(t) {
		if !ofRoot[p.Path()] {
			continue // redisstore and the like are about their vendor's types
		}
		for _, fault := range foreignTypes(p) {
			t.Error(fault)
		}
	}
}

// foreignTypes returns a line for each exported name of p that lets somebody
// else's type be seen.
func foreignTypes(p *types.Package) []string {
	s := &search{pkg: p, seen: make(map[types.Type]bool)}
	for _, name := range p.Scope().Names() {
		obj := p.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		s.name = rel(p.Path()) + "." + name
		s.visit(obj.Type())
		if alias, ok := obj.Type().(*types.Alias); ok {
			s.visit(alias.Rhs())
		}
	}
	return s.faults
}

// search walks through all that an exported name shows.
type search struct {
	pkg    *types.Package
	name   string
	seen   map[types.Type]bool
	faults []string
}

func (s *search) visit(t types.Type) {
	if s.seen[t] {
		return
	}
	s.seen[t] = true

	switch t := t.(type) {
	case *types.Alias:
		s.declared(t.Obj())
		for arg := range t.TypeArgs().Types() {
			s.visit(arg)
		}
	case *types.Named:
		s.declared(t.Obj())
		for arg := range t.TypeArgs().Types() {
			s.visit(arg)
		}
		if t.Obj().Pkg() == s.pkg || isInternal(t.Obj().Pkg()) {
			s.visit(t.Underlying())
			for method := range types.NewMethodSet(types.NewPointer(t)).Methods() {
				if method.Obj().Exported() {
					s.visit(method.Type())
				}
			}
		}
	case *types.Struct:
		for field := range t.Fields() {
			if field.Exported() {
				s.visit(field.Type())
			}
		}
	case *types.Interface:
		for method := range t.Methods() {
			s.visit(method.Signature())
		}
	case *types.Signature:
		for param := range t.Params().Variables() {
			s.visit(param.Type())
		}
		for result := range t.Results().Variables() {
			s.visit(result.Type())
		}
	case *types.Map:
		s.visit(t.Key())
		s.visit(t.Elem())
	case interface{ Elem() types.Type }: // pointer, slice, array, channel
		s.visit(t.Elem())
	}
}

// declared checks where a type comes from.
func (s *search) declared(obj *types.TypeName) {
	if obj.Pkg() == nil { // error, comparable
		return
	}
	path := obj.Pkg().Path()
	first, _, _ := strings.Cut(path, "/")
	standard := !strings.Contains(first, ".")
	if !standard && !ours(path) && path != oauth2 {
		s.faults = append(s.faults, fmt.Sprintf("%s shows %s.%s", s.name, path, obj.Name()))
	}
}

func TestForeignTypesAreFound(t *testing.T) {
	t.Parallel()
	sdk := typeCheck(t, goPagerDuty, nil, `package pagerduty; type Incident struct{}`)
	auth := typeCheck(t, oauth2, nil, `package oauth2; type Token struct{}`)

	tests := []struct {
		name string
		code string
		want []string
	}{
		{name: "x/oauth2 is welcome", code: `func Token() *oauth2.Token { return nil }`},
		{name: "an unexported field may be theirs", code: `type Client struct { inner *sdk.Incident }`},
		{name: "an unexported function too", code: `func list() []sdk.Incident { return nil }`},
		{
			name: "result",
			code: `func List() ([]sdk.Incident, error) { return nil, nil }`,
			want: []string{"call.List shows " + goPagerDuty + ".Incident"},
		},
		{
			name: "parameter of an option's function",
			code: `type Option func(func(sdk.Incident))`,
			want: []string{"call.Option shows " + goPagerDuty + ".Incident"},
		},
		{
			name: "field",
			code: `type Call struct { Of map[string]*sdk.Incident }`,
			want: []string{"call.Call shows " + goPagerDuty + ".Incident"},
		},
		{
			name: "method",
			code: `type Call struct{}; func (*Call) Incident() sdk.Incident { return sdk.Incident{} }`,
			want: []string{"call.Call shows " + goPagerDuty + ".Incident"},
		},
		{
			name: "method of an interface",
			code: `type Source interface { Incidents() <-chan sdk.Incident }`,
			want: []string{"call.Source shows " + goPagerDuty + ".Incident"},
		},
		{
			name: "alias",
			code: `type Incident = sdk.Incident`,
			want: []string{"call.Incident shows " + goPagerDuty + ".Incident"},
		},
		{
			name: "type argument",
			code: `func All() iter.Seq2[sdk.Incident, error] { return nil }`,
			want: []string{"call.All shows " + goPagerDuty + ".Incident"},
		},
		{
			name: "behind an unexported type of our own",
			code: `type call struct { Incident sdk.Incident }; func Last() *call { return nil }`,
			want: []string{"call.Last shows " + goPagerDuty + ".Incident"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			imports := `import ("iter"; sdk "` + goPagerDuty + `"; "` + oauth2 + `")
				var _ iter.Seq[sdk.Incident]; var _ oauth2.Token;`
			p := typeCheck(t, module+"/call", []*types.Package{sdk, auth}, "package call; "+imports+tt.code)
			if diff := cmp.Diff(tt.want, foreignTypes(p)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

// typeCheck makes a package of one piece of source, which may import the given
// packages beside the standard library.
func typeCheck(t *testing.T, path string, known []*types.Package, source string) *types.Package {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "source.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	standard := importer.Default()
	config := types.Config{Importer: importFunc(func(path string) (*types.Package, error) {
		i := slices.IndexFunc(known, func(p *types.Package) bool { return p.Path() == path })
		if i < 0 {
			return standard.Import(path)
		}
		return known[i], nil
	})}
	p, err := config.Check(path, files, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type importFunc func(path string) (*types.Package, error)

func (f importFunc) Import(path string) (*types.Package, error) { return f(path) }
