package specs

import (
	"errors"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// explain takes a validation error apart, down to the fields that are wrong.
type explain struct {
	operation string
	side      Side
	options   []openapi3.SchemaValidationOption
}

// at returns the violations in err, which was found at the field.
func (x explain) at(field string, err error) []Violation {
	switch e := err.(type) { //nolint:errorlint // a layer at a time: errors.As would look past the others of a list
	case nil:
		return nil
	case openapi3.MultiError:
		var found []Violation
		for _, one := range e {
			found = append(found, x.at(field, one)...)
		}
		return found
	case *openapi3filter.SecurityRequirementsError:
		return x.one("header.Authorization", e.Errors[0].Error())
	case *openapi3filter.RequestError:
		field = "body"
		if e.Parameter != nil {
			field = e.Parameter.In + "." + e.Parameter.Name
		}
		return x.below(field, e.Reason, e.Err)
	case *openapi3filter.ResponseError:
		return x.below("body", e.Reason, e.Err)
	case *openapi3.SchemaError:
		return x.schema(field, e)
	}
	return x.one(field, err.Error())
}

func (x explain) below(field, reason string, err error) []Violation {
	if err == nil {
		return x.one(field, reason)
	}
	return x.at(field, err)
}

// schema explains a value that does not fit. One that fits none of several schemas is
// explained by the one it misses least.
func (x explain) schema(field string, err *openapi3.SchemaError) []Violation {
	here := strings.Join(append([]string{field}, err.JSONPointer()...), ".")
	switch err.SchemaField {
	case "properties":
		return nil // a field of a closed object, which undeclared finds in all objects
	case "allOf":
		if parts, ok := errors.AsType[openapi3.MultiError](err.Origin); ok {
			return x.at(field, parts)
		}
	case "oneOf":
		return x.closest(here, err, err.Schema.OneOf)
	case "anyOf":
		return x.closest(here, err, err.Schema.AnyOf)
	}
	if err.Reason == "" {
		return x.one(here, "does not fit "+err.SchemaField)
	}
	return x.one(here, err.Reason)
}

func (x explain) closest(here string, err *openapi3.SchemaError, branches openapi3.SchemaRefs) []Violation {
	var best []Violation
	for _, branch := range branches {
		found := x.at(here, branch.Value.VisitJSON(err.Value, x.options...))
		if len(found) > 0 && (best == nil || len(found) < len(best)) {
			best = found
		}
	}
	if best == nil { // it fits more than one
		return x.one(here, err.Reason)
	}
	return best
}

func (x explain) one(field, reason string) []Violation {
	line, _, _ := strings.Cut(reason, "\n")
	return []Violation{{x.operation, x.side, field, line}}
}
