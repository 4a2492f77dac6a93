package settings

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Error is everything that is wrong with an environment, in one line and without any value.
type Error struct {
	// Missing names the variables without which the others are half-set.
	Missing []string
	// Invalid are the values that mean nothing.
	Invalid []Invalid
}

// Invalid says what is wrong with one variable.
type Invalid struct{ Name, Why string }

// Wrong is an *[Error] about one variable.
func Wrong(name, why string) error { return &Error{Invalid: []Invalid{{name, why}}} }

// Error is one line that names each variable.
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

// add notes what is wrong with a variable, unless something already is.
func (e *Error) add(name, why string) {
	if e.blames(name) {
		return
	}
	e.Invalid = append(e.Invalid, Invalid{Name: name, Why: why})
}

func (e *Error) blames(name string) bool {
	return slices.ContainsFunc(e.Invalid, func(i Invalid) bool { return i.Name == name })
}

// addUnparsed notes the values that are not even of their field's type.
func (e *Error) addUnparsed(err error) {
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
		e.add(field.Tag.Get("env"), wantedType(field.Type))
	}
}

func wantedType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int:
		return "must be a whole number"
	default:
		return "must be a duration such as 15m"
	}
}
