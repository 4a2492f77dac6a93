package mutant

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// source has a marker of each kind. f is what the changes work on.
const source = `package p

const pause = 2 * 5 //mutant:const

const word = "word" //mutant:word

var list = []int{
	1, //mutant:element
	2,
}

type pair struct{ a, b int }

func f(a, b int, ok bool) (p pair, err error) {
	n := a + b //mutant:define
	if a > b && ok { //mutant:if
		n++
	}
	if ok &&
		a > b && //mutant:operand
		n > 0 { // a comment //mutant:last-operand
		n = a //mutant:assign
	}
	switch {
	case a == 1, b == 1: //mutant:case
		n--
	case a == 2,
		b == 2: //mutant:half-a-case
		n--
	}
	for n < a { //mutant:for
		n++
	}
	if n == 7 {
		return p, nil
	} else if n == 8 { //mutant:else-if
		n = max(a, //mutant:argument
			b)
	}
	p = pair{
		a: n, //mutant:field
		b: b,
	}
	return p, err //mutant:return
}
`

func TestChange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  Change
		old, to string // lines of the source
	}{
		{
			"never an if", Never("if"),
			"	if a > b && ok { //mutant:if", "	if (false && (a > b && ok)) { //mutant:if",
		},
		{
			"never an operand", Never("operand"),
			"		a > b && //mutant:operand", "		(false && (a > b)) && //mutant:operand",
		},
		{
			"always the last operand", Always("last-operand"),
			"		n > 0 { // a comment", "		(true || (n > 0)) { // a comment",
		},
		{
			"never a case", Never("case"),
			"	case a == 1, b == 1: //mutant:case", "	case (false && (a == 1)), (false && (b == 1)): //mutant:case",
		},
		{
			"never one condition of a case", Never("half-a-case"),
			"		b == 2: //mutant:half-a-case", "		(false && (b == 2)): //mutant:half-a-case",
		},
		{
			"always in a for", Always("for"),
			"	for n < a { //mutant:for", "	for (true || (n < a)) { //mutant:for",
		},
		{
			"never an else if", Never("else-if"),
			"	} else if n == 8 { //mutant:else-if", "	} else if (false && (n == 8)) { //mutant:else-if",
		},
		{
			"zero a constant", Zero("const"),
			"const pause = 2 * 5 //mutant:const", "const pause = (0 * (2 * 5)) //mutant:const",
		},
		{
			"zero a text", Zero("word"),
			`const word = "word" //mutant:word`, `const word = "" //mutant:word`,
		},
		{
			"zero an element", Zero("element"),
			"	1, //mutant:element", "	mutantZero(1), //mutant:element",
		},
		{
			"zero the last value that is returned", Zero("return"),
			"	return p, err //mutant:return", "	return p, mutantZero(err) //mutant:return",
		},
		{
			"zero what is assigned", Zero("define"),
			"	n := a + b //mutant:define", "	n := mutantZero(a + b) //mutant:define",
		},
		{
			"zero a field", Zero("field"),
			"		a: n, //mutant:field", "		a: mutantZero(n), //mutant:field",
		},
		{
			"another argument", Expr("argument", "-$"),
			"		n = max(a, //mutant:argument", "		n = max(-a, //mutant:argument",
		},
		{
			"drop a block", Drop("if"),
			"	if a > b && ok { //mutant:if\n		n++\n	}\n",
			"	if false {\n		if a > b && ok { //mutant:if\n			n++\n		}\n	}\n",
		},
		{
			"drop a statement", Drop("assign"),
			"		n = a //mutant:assign\n", "		if false {\n			n = a\n		}\n		//mutant:assign\n",
		},
		{
			"drop the statement around a line", Drop("field"),
			"	p = pair{\n		a: n, //mutant:field\n		b: b,\n	}\n",
			"	if false {\n		p = pair{\n			a: n, //mutant:field\n			b: b,\n		}\n	}\n",
		},
		{
			"replace a statement", Replace("return", "return p, nil"),
			"	return p, err //mutant:return\n", "	if false {\n		return p, err\n	}\n	return p, nil //mutant:return\n",
		},
		{
			"replace a declaration", Replace("define", "n := a - b"),
			"	n := a + b //mutant:define\n", "	n := a - b //mutant:define\n",
		},
		{
			"before a statement", Before("assign", "n++"),
			"		n = a //mutant:assign\n", "		n++\n		n = a //mutant:assign\n",
		},
		{
			"after a statement", After("define", "n++"),
			"	n := a + b //mutant:define\n", "	n := a + b\n	n++ //mutant:define\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, err := parse("p.go", source)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.rewrite([]Change{test.change})
			if err != nil {
				t.Fatal(err)
			}
			compiles(t, got)
			want := strings.Replace(source, test.old, test.to, 1)
			if want == source {
				t.Fatalf("the source has no %q", test.old)
			}
			if diff := cmp.Diff(squeeze(want), squeeze(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangesOfOneMistakeAreMadeTogether(t *testing.T) {
	t.Parallel()
	f, err := parse("p.go", source)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.rewrite([]Change{Zero("return"), Never("if"), Zero("const")})
	if err != nil {
		t.Fatal(err)
	}
	compiles(t, got)
	for _, want := range []string{"mutantZero(err)", "(false && (a > b && ok))", "(0 * (2 * 5))"} {
		if !strings.Contains(got, want) {
			t.Errorf("the text lacks %q:\n%s", want, got)
		}
	}
}

func TestWrongChange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		changes []Change
		want    string
	}{
		{"a variable would be missing", []Change{Drop("define")}, "p.go:15: marker define: the statement declares variables"},
		{"a case is no statement", []Change{Drop("case")}, "the line begins a case"},
		{"an else is no statement", []Change{Drop("else-if")}, "the line begins an else"},
		{"a constant is no statement", []Change{Drop("const")}, "the line is not in a statement"},
		{"two changes of one place", []Change{Drop("if"), Never("if")}, "two changes of one mistake overlap"},
		{"not Go", []Change{Before("if", "if {")}, "the mistake is not Go"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, err := parse("p.go", source)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.rewrite(test.changes); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("rewrite = %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestWrongMarkers(t *testing.T) {
	t.Parallel()
	const fine = "package p\n\nvar a = 1 //mutant:a\n"
	tests := []struct {
		name   string
		files  map[string]string
		change Change
		want   string
	}{
		{"missing", map[string]string{"p.go": fine}, Zero("b"), "ends with //mutant:b"},
		{"twice in a file", map[string]string{"p.go": fine + "\nvar b = 1 //mutant:a\n"}, Zero("a"), "marker a occurs twice"},
		{"in two files", map[string]string{"p.go": fine, "q/q.go": fine}, Zero("a"), "marker a occurs twice"},
		{"on a line of its own", map[string]string{"p.go": fine + "\n//mutant:b\nvar b = 1\n"}, Zero("b"), "must end a line of code"},
		{"in a test", map[string]string{"p_test.go": fine}, Zero("a"), "ends with //mutant:a"},
		{"in testdata", map[string]string{"testdata/p.go": fine}, Zero("a"), "ends with //mutant:a"},
		{"in another module", map[string]string{"q/go.mod": "module q\n", "q/q.go": fine}, Zero("a"), "ends with //mutant:a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for name, text := range test.files {
				write(t, filepath.Join(root, name), text)
			}
			m, err := scan(root)
			if err == nil {
				_, err = m.mutate(Plant("a mistake", test.change))
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestMistakeReachesOtherPackages(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "p.go"), "package p\n\nvar a = 1 //mutant:a\n")
	write(t, filepath.Join(root, "q", "q.go"), "package q\n\nfunc b() bool { return true } //mutant:b\n")
	m, err := scan(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.mutate(Plant("a mistake", Zero("a"), Never("b")))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		filepath.Join(root, "p.go"):           "package p\n\nvar a = mutantZero(1) //mutant:a\n",
		filepath.Join(root, "mutant_zero.go"): "package p\n\n" + zeroFunc,
		filepath.Join(root, "q", "q.go"):      "package q\n\nfunc b() bool { return (false && (true)) } //mutant:b\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMarkersAreUsed finds markers that no test names, left over from a mistake that is
// gone.
func TestMarkersAreUsed(t *testing.T) {
	t.Parallel()
	m := load(t)
	var tests strings.Builder
	for _, pattern := range []string{"*/*_test.go", "*/*/*_test.go", "*/*/*/*_test.go"} {
		names, err := filepath.Glob(filepath.Join(m.root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(text)
		}
	}
	for _, marker := range m.markers() {
		if !strings.Contains(tests.String(), `"`+marker+`"`) {
			t.Errorf("no test plants a mistake at //mutant:%s", marker)
		}
	}
}

// squeeze takes out what only gofmt cares about.
func squeeze(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return lines
}

func compiles(t *testing.T, text string) {
	t.Helper()
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, "p.go", text+"\n"+zeroFunc, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importer.Default()}
	if _, err := config.Check("p", fset, []*ast.File{syntax}, nil); err != nil {
		t.Errorf("the mistake does not compile: %v\n%s", err, text)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
