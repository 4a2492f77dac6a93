package specs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
)

// Vendor returns a RoundTripper that answers each request as the document shows it: with
// the success it lists, and its example or, where it has none, a body made of what the
// schema says of each field.
func (c *Contract) Vendor() http.RoundTripper { return vendor{c} }

type vendor struct{ contract *Contract }

// RoundTrip answers the request.
func (v vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := drain(r.Body); err != nil {
		return nil, err
	}
	route, _, ok := v.contract.route(r)
	if !ok {
		return nil, fmt.Errorf("the document describes no %s %s", r.Method, r.URL.Path)
	}
	for _, name := range slices.Sorted(maps.Keys(route.Operation.Responses.Map())) {
		status, err := strconv.Atoi(name)
		if err != nil || status >= 300 {
			continue
		}
		body, err := shown(route.Operation.Responses.Status(status).Value)
		if err != nil {
			return nil, err
		}
		return &http.Response{
			StatusCode: status,
			Header:     http.Header{"Content-Type": {"application/json"}},
			Body:       io.NopCloser(bytes.NewReader(body)),
			Request:    r,
		}, nil
	}
	return nil, fmt.Errorf("the document lists no success of %s", operation(route))
}

func shown(response *openapi3.Response) ([]byte, error) {
	media := response.Content.Get("application/json")
	if media == nil {
		return nil, nil
	}
	if all := examples(media); len(all) > 0 {
		return all[0], nil
	}
	return json.Marshal(sample(media.Schema.Value, nil))
}

// sample makes a value that fits the schema, of the examples that its fields have.
func sample(schema *openapi3.Schema, above []*openapi3.Schema) any {
	if slices.Contains(above, schema) {
		return nil // it holds itself: deep enough
	}
	above = append(slices.Clone(above), schema)
	switch {
	case schema.Example != nil:
		return schema.Example
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	case len(schema.OneOf) > 0:
		return sample(schema.OneOf[0].Value, above)
	case len(schema.AnyOf) > 0:
		return sample(schema.AnyOf[0].Value, above)
	case schema.Type.Is("array"):
		return []any{sample(schema.Items.Value, above)}
	case schema.Type.Is("integer"), schema.Type.Is("number"):
		return 1
	case schema.Type.Is("boolean"):
		return true
	case schema.Type.Is("string") && schema.Format == "date-time":
		return "2026-11-23T07:00:00Z"
	case schema.Type.Is("string"):
		return "text"
	}
	object := make(map[string]any)
	for _, part := range schema.AllOf {
		if fields, ok := sample(part.Value, above).(map[string]any); ok {
			maps.Copy(object, fields)
		}
	}
	for name, property := range schema.Properties {
		object[name] = sample(property.Value, above)
	}
	return object
}
