package mutant

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// zeroFunc is added to a package in which a value becomes zero.
const zeroFunc = "func mutantZero[T any](T) (zero T) { return zero }\n"

var markerComment = regexp.MustCompile(`//mutant:([a-z0-9-]+)$`)

// file is a parsed source with its markers.
type file struct {
	name   string
	text   string
	fset   *token.FileSet
	syntax *ast.File
	lines  map[string]int // marker to the line that it ends
}

func parse(name, text string) (*file, error) {
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &file{name: name, text: text, fset: fset, syntax: syntax, lines: map[string]int{}}
	for _, group := range syntax.Comments {
		for _, comment := range group.List {
			match := markerComment.FindStringSubmatch(comment.Text)
			if match == nil {
				continue
			}
			marker, at := match[1], fset.Position(comment.Pos())
			if strings.TrimSpace(text[at.Offset-(at.Column-1):at.Offset]) == "" {
				return nil, fmt.Errorf("%s: marker %s must end a line of code", at, marker)
			}
			if f.lines[marker] != 0 {
				return nil, fmt.Errorf("%s: marker %s occurs twice", at, marker)
			}
			f.lines[marker] = at.Line
		}
	}
	return f, nil
}

// span is a part of the text with what replaces it.
type span struct {
	start, end int
	text       string
}

// rewrite returns the text with all changes made.
func (f *file) rewrite(changes []Change) (string, error) {
	var spans []span
	for _, change := range changes {
		found, err := f.locate(change)
		if err != nil {
			return "", fmt.Errorf("%s:%d: marker %s: %w", f.name, f.lines[change.marker], change.marker, err)
		}
		for _, n := range found {
			start, end := f.offset(n.Pos()), f.offset(n.End())
			spans = append(spans, span{start, end, change.apply(f.text[start:end], n)})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return b.start - a.start })
	text, from := f.text, len(f.text)
	for _, s := range spans {
		if s.end > from {
			line := 1 + strings.Count(f.text[:s.start], "\n")
			return "", fmt.Errorf("%s:%d: two changes of one mistake overlap", f.name, line)
		}
		text, from = text[:s.start]+s.text+text[s.end:], s.start
	}
	if _, err := parser.ParseFile(token.NewFileSet(), f.name, text, parser.SkipObjectResolution); err != nil {
		return "", fmt.Errorf("the mistake is not Go: %w", err)
	}
	return text, nil
}

// apply returns what replaces the node, whose text is given.
func (c Change) apply(old string, n ast.Node) string {
	if c.zero {
		return zero(old, n)
	}
	code := strings.ReplaceAll(c.code, "$", old)
	if c.keep && !declares(n) {
		return "if false {\n" + old + "\n}\n" + code
	}
	return code
}

// constant wraps the value of a constant declaration, where no function may be called.
type constant struct{ ast.Expr }

func zero(old string, n ast.Node) string {
	value, isConstant := n.(constant)
	if !isConstant {
		return "mutantZero(" + old + ")"
	}
	if literal, ok := value.Expr.(*ast.BasicLit); ok && literal.Kind == token.STRING {
		return `""`
	}
	return "(0 * (" + old + "))"
}

// declares reports whether the statements after n may use a variable that n declares.
func declares(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.DeclStmt:
		return true
	case *ast.AssignStmt:
		return n.Tok == token.DEFINE
	default:
		return false
	}
}

// locate returns the part of the source that the change replaces. It is one node, or all
// expressions of a case.
func (f *file) locate(c Change) ([]ast.Node, error) {
	line := f.lines[c.marker]
	if c.on == expression {
		return f.expression(line)
	}
	n, err := f.statement(line)
	if err != nil {
		return nil, err
	}
	if c.code == "" && declares(n) {
		return nil, errors.New("the statement declares variables, which would be missing: use Zero, Expr or Replace")
	}
	return []ast.Node{n}, nil
}

// expression returns the widest expression that ends on the line, the last one if there
// are several. One that also begins there is preferred to one that does not.
func (f *file) expression(line int) ([]ast.Node, error) {
	var best []ast.Node
	better := func(list []ast.Node) bool {
		if best == nil {
			return true
		}
		first, last := list[0], list[len(list)-1]
		begins, bestBegins := f.line(first.Pos()) == line, f.line(best[0].Pos()) == line
		if begins != bestBegins {
			return begins
		}
		if last.End() != best[len(best)-1].End() {
			return last.End() > best[len(best)-1].End()
		}
		return first.Pos() < best[0].Pos()
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		for _, list := range expressions(n) {
			if f.line(list[len(list)-1].End()) == line && better(list) {
				best = list
			}
		}
		return true
	})
	if best == nil {
		return nil, errors.New("no condition, operand or value ends on this line")
	}
	return best, nil
}

// expressions returns the expressions of n that a marker may mean. A list is changed as a
// whole.
func expressions(n ast.Node) [][]ast.Node {
	var all [][]ast.Node
	add := func(list ...ast.Expr) {
		for _, e := range list {
			if e != nil {
				all = append(all, []ast.Node{e})
			}
		}
	}
	switch n := n.(type) {
	case *ast.IfStmt:
		add(n.Cond)
	case *ast.ForStmt:
		add(n.Cond)
	case *ast.RangeStmt:
		add(n.X)
	case *ast.SwitchStmt:
		add(n.Tag)
		if n.Tag == nil {
			return append(all, cases(n)...)
		}
	case *ast.BinaryExpr:
		if n.Op == token.LAND || n.Op == token.LOR {
			add(n.X, n.Y)
		}
	case *ast.ReturnStmt:
		add(n.Results...)
	case *ast.AssignStmt:
		add(n.Rhs...)
	case *ast.ExprStmt:
		add(n.X)
	case *ast.GenDecl:
		return values(n)
	case *ast.KeyValueExpr:
		add(n.Value)
	case *ast.CallExpr:
		add(n.Args...)
	case *ast.CompositeLit:
		for _, element := range n.Elts {
			if _, named := element.(*ast.KeyValueExpr); !named {
				add(element)
			}
		}
	}
	return all
}

// cases returns the conditions of a switch without a tag: each one, and those of a clause
// together.
func cases(n *ast.SwitchStmt) [][]ast.Node {
	var all [][]ast.Node
	for _, clause := range n.Body.List {
		clause, ok := clause.(*ast.CaseClause)
		if !ok || clause.List == nil {
			continue
		}
		var together []ast.Node
		for _, e := range clause.List {
			all = append(all, []ast.Node{e})
			together = append(together, e)
		}
		all = append(all, together)
	}
	return all
}

// values returns the values of a declaration of constants or variables.
func values(n *ast.GenDecl) [][]ast.Node {
	var all [][]ast.Node
	for _, spec := range n.Specs {
		spec, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for _, e := range spec.Values {
			if n.Tok == token.CONST {
				all = append(all, []ast.Node{constant{e}})
			} else {
				all = append(all, []ast.Node{e})
			}
		}
	}
	return all
}

// statement returns the statement that begins on the line, or else the innermost one
// around it.
func (f *file) statement(line int) (ast.Node, error) {
	var begins, around ast.Node
	var wrong error
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CaseClause, *ast.CommClause:
			if f.line(n.Pos()) == line {
				wrong = errors.New("the line begins a case: use Never, or mark a statement of its body")
			}
		case *ast.IfStmt:
			if n.Else != nil && f.line(n.Else.Pos()) == line {
				wrong = errors.New("the line begins an else: use Never, or mark a statement of its body")
			}
		}
		for _, s := range statements(n) {
			if f.line(s.Pos()) == line && begins == nil {
				begins = s
			}
			if f.line(s.Pos()) <= line && line <= f.line(s.End()) {
				around = s
			}
		}
		return true
	})
	switch {
	case begins != nil:
		return begins, nil
	case wrong != nil:
		return nil, wrong
	case around == nil:
		return nil, errors.New("the line is not in a statement")
	default:
		return around, nil
	}
}

// statements returns the statements that stand in the block n.
func statements(n ast.Node) []ast.Stmt {
	var list []ast.Stmt
	switch n := n.(type) {
	case *ast.BlockStmt:
		list = n.List
	case *ast.CaseClause:
		list = n.Body
	case *ast.CommClause:
		list = n.Body
	}
	return slices.DeleteFunc(slices.Clone(list), func(s ast.Stmt) bool {
		switch s.(type) {
		case *ast.CaseClause, *ast.CommClause:
			return true
		default:
			return false
		}
	})
}

func (f *file) line(pos token.Pos) int   { return f.fset.Position(pos).Line }
func (f *file) offset(pos token.Pos) int { return f.fset.Position(pos).Offset }
