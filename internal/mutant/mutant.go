// Package mutant plants a mistake in a copy of the source and lets a test of the package
// find it. Production code has no switches for it.
//
// A mistake names no text of the source. The place to change is marked by a comment at
// the end of a line, //mutant:NAME, where NAME is made of small letters, digits and
// dashes and occurs once in the root module; another comment may stand before it on the
// same line. A [Change] is an operation on such a place, so a rename, or a function that
// moves to another file, changes nothing here.
//
// An operation works on one of two things at the marker:
//
//   - the marked statement: the one that begins on the line, or else the innermost one
//     around the line
//   - the marked expression: the widest one that ends on the line, where an expression is a
//     condition, an operand of && or ||, a case, an assigned or returned value, an argument
//     or an element. Where several end on the line it is the last one, so to mark an
//     operand, break the line behind it.
//
// A marker that is missing or doubled, and a mistake that does not compile, fail the
// test.
package mutant

// Mistake is one that somebody might make.
type Mistake struct {
	Name    string
	Changes []Change
}

// Plant returns a mistake that is made by these changes together.
func Plant(name string, changes ...Change) Mistake {
	return Mistake{Name: name, Changes: changes}
}

// Change is an operation on a marked place in the source.
type Change struct {
	marker string
	on     part
	code   string // what replaces the part; $ is the part as it was
	keep   bool   // the old statement stays in the text, not executed, so that its variables are used
	zero   bool   // code depends on whether the expression is a constant
}

// part is what a change replaces.
type part int

const (
	expression part = iota
	statement
)

// Never makes the marked condition or operand false. It is not evaluated.
func Never(marker string) Change {
	return Change{marker: marker, on: expression, code: "(false && ($))"}
}

// Always makes the marked condition or operand true. It is not evaluated.
func Always(marker string) Change {
	return Change{marker: marker, on: expression, code: "(true || ($))"}
}

// Zero makes the marked value the zero value of its type. It is evaluated, unless it is a
// constant.
func Zero(marker string) Change {
	return Change{marker: marker, on: expression, zero: true}
}

// Expr replaces the marked expression by code, in which $ is the expression as it was.
func Expr(marker, code string) Change {
	return Change{marker: marker, on: expression, code: code}
}

// Drop leaves the marked statement out, with the block that belongs to it.
func Drop(marker string) Change {
	return Change{marker: marker, on: statement, keep: true}
}

// Replace executes code instead of the marked statement.
func Replace(marker, code string) Change {
	return Change{marker: marker, on: statement, code: code, keep: true}
}

// Before executes code before the marked statement.
func Before(marker, code string) Change {
	return Change{marker: marker, on: statement, code: code + "\n$"}
}

// After executes code after the marked statement.
func After(marker, code string) Change {
	return Change{marker: marker, on: statement, code: "$\n" + code}
}
