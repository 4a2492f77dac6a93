package settings

import (
	"encoding"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Error lists everything that is wrong with an environment, in one line and without any
// value.
type Error struct {
	// Missing names the variables that the given ones need.
	Missing []string
	// Invalid lists the variables with an invalid value.
	Invalid []Invalid
}

// InvalidSetting returns an *[Error] about one variable.
func InvalidSetting(name, why string) error { return &Error{Invalid: []Invalid{{name, why}}} }

// Error returns one line that names each variable.
func (e *Error) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, "missing "+strings.Join(e.Missing, ", "))
	}
	for _, invalid := range e.Invalid {
		parts = append(parts, invalid.Name+" "+invalid.Why)
	}
	return strings.Join(parts, "; ")
}

// add adds a variable, unless why is empty or the variable is listed already.
func (e *Error) add(name, why string) {
	listed := slices.ContainsFunc(e.Invalid, func(i Invalid) bool { return i.Name == name })
	if why != "" && !listed {
		e.Invalid = append(e.Invalid, Invalid{Name: name, Why: why})
	}
}

// addParseErrors adds the variables that env could not parse.
func (e *Error) addParseErrors(err error) {
	var all env.AggregateError
	if !errors.As(err, &all) {
		all.Errors = []error{err}
	}
	for _, err := range all.Errors {
		var parse env.ParseError
		if !errors.As(err, &parse) {
			e.add("environment", "cannot be read: "+err.Error())
			continue
		}
		field, _ := reflect.TypeFor[Settings]().FieldByName(parse.Name)
		e.add(field.Tag.Get("env"), parseProblem(field.Type, parse.Err))
	}
}

// parseProblem returns the error of a type of this package, or what a basic type wants:
// the errors of strconv and time repeat the value.
func parseProblem(t reflect.Type, err error) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return err.Error()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int:
		return "must be a whole number"
	default:
		return "must be a duration such as 15m"
	}
}

// Invalid is a variable and what is wrong with its value.
type Invalid struct{ Name, Why string }
