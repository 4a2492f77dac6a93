package specs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// undeclared returns the fields of value that none of the schemas names. A schema that
// names no field at all, or that says that others may come, takes any.
func undeclared(schemas []*openapi3.Schema, value any, at string) []string {
	schemas = spread(schemas)
	switch value := value.(type) {
	case []any:
		var items []*openapi3.Schema
		for _, schema := range schemas {
			if schema.Items != nil {
				items = append(items, schema.Items.Value)
			}
		}
		var unknown []string
		for i, item := range value {
			unknown = append(unknown, undeclared(items, item, fmt.Sprintf("%s.%d", at, i))...)
		}
		return unknown
	case map[string]any:
		return undeclaredIn(schemas, value, at)
	}
	return nil
}

func undeclaredIn(schemas []*openapi3.Schema, object map[string]any, at string) []string {
	describes := func(s *openapi3.Schema) bool {
		return len(s.Properties) > 0 || (s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has)
	}
	if !slices.ContainsFunc(schemas, describes) {
		return nil
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		var named []*openapi3.Schema
		open := false
		for _, schema := range schemas {
			if property := schema.Properties[name]; property != nil {
				named = append(named, property.Value)
			}
			if rest := schema.AdditionalProperties; rest.Schema != nil {
				open = true
			} else if rest.Has != nil && *rest.Has {
				open = true
			}
		}
		switch {
		case len(named) > 0:
			unknown = append(unknown, undeclared(named, object[name], at+"."+name)...)
		case !open:
			unknown = append(unknown, at+"."+name)
		}
	}
	return unknown
}

// spread puts beside each schema those it is composed of.
func spread(schemas []*openapi3.Schema) []*openapi3.Schema {
	var all []*openapi3.Schema
	for _, schema := range schemas {
		if schema == nil {
			continue
		}
		all = append(all, schema)
		for _, parts := range []openapi3.SchemaRefs{schema.AllOf, schema.OneOf, schema.AnyOf} {
			for _, part := range parts {
				all = append(all, spread([]*openapi3.Schema{part.Value})...)
			}
		}
	}
	return all
}
