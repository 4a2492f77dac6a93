package specs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// CheckRequest returns what is wrong with a request, whose body was read already.
func (c *Contract) CheckRequest(r *http.Request, body []byte) []Violation {
	route, in, ok := c.route(r)
	if !ok {
		nowhere := "no published operation is at " + r.URL.Host
		return c.real([]Violation{{r.Method + " " + r.URL.Path, Client, "path", nowhere}})
	}
	wrong := openapi3filter.ValidateRequest(r.Context(), c.input(r, body, route, in))
	found := c.explain(operation(route), Client).at("", wrong)
	found = append(found, unknownQuery(route, r)...)
	if schema := requestSchema(route, r.Header); schema != nil {
		found = append(found, unknownFields(operation(route), Client, schema, body)...)
	}
	return c.real(found)
}

// CheckAnswer returns what is wrong with the answer to a request. What the document has
// no operation for was reported with the request.
func (c *Contract) CheckAnswer(r *http.Request, status int, header http.Header, body []byte) []Violation {
	route, in, ok := c.route(r)
	if !ok {
		return nil
	}
	c.saw(operation(route), status)
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: c.input(r, nil, route, in),
		Status:                 status,
		Header:                 header,
		Options:                c.options,
	}
	answer.SetBodyBytes(body)
	found := c.explain(operation(route), Fake).at("", openapi3filter.ValidateResponse(r.Context(), answer))
	for i := range found {
		if found[i].Reason == "status is not supported" {
			found[i].Field = fmt.Sprintf("status %d", status)
		}
	}
	schema := answerSchema(route, status, header)
	switch {
	case schema != nil:
		found = append(found, unknownFields(operation(route), Fake, schema, body)...)
	case status >= 400 && c.refusal != nil:
		found = append(found, c.fits(operation(route), c.refusal, body)...)
	case status < 300 && len(body) > 0 && len(found) == 0:
		bare := fmt.Sprintf("%d is published without a body", status)
		found = append(found, Violation{operation(route), Fake, "body", bare})
	}
	return c.real(found)
}

// input makes a request of its own, so that the library can read and replace what it
// likes.
func (c *Contract) input(
	r *http.Request, body []byte, route *routers.Route, in map[string]string,
) *openapi3filter.RequestValidationInput {
	own := r.Clone(r.Context())
	own.Body, own.GetBody = http.NoBody, nil // the library would prefer GetBody, whatever was sent
	own.ContentLength = int64(len(body))
	if len(body) > 0 {
		own.Body = io.NopCloser(bytes.NewReader(body))
	}
	return &openapi3filter.RequestValidationInput{Request: own, Route: route, PathParams: in, Options: c.options}
}

func (c *Contract) explain(operation string, side Side) explain {
	direction := openapi3.VisitAsRequest()
	if side == Fake {
		direction = openapi3.VisitAsResponse()
	}
	return explain{operation, side, slices.Concat(
		c.options.SchemaValidationOptions, []openapi3.SchemaValidationOption{openapi3.MultiErrors(), direction},
	)}
}

func operation(route *routers.Route) string { return route.Method + " " + route.Path }

// fits checks a body of the fake's against a schema that no operation holds.
func (c *Contract) fits(operation string, schema *openapi3.Schema, body []byte) []Violation {
	x := c.explain(operation, Fake)
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return x.one("body", err.Error())
	}
	return append(x.at("body", schema.VisitJSON(value, x.options...)), unknownFields(operation, Fake, schema, body)...)
}

func requestSchema(route *routers.Route, header http.Header) *openapi3.Schema {
	body := route.Operation.RequestBody
	if body == nil || body.Value == nil {
		return nil
	}
	return schemaOf(body.Value.Content, header)
}

func answerSchema(route *routers.Route, status int, header http.Header) *openapi3.Schema {
	response := route.Operation.Responses.Status(status)
	if response == nil || response.Value == nil {
		return nil
	}
	return schemaOf(response.Value.Content, header)
}

func schemaOf(content openapi3.Content, header http.Header) *openapi3.Schema {
	media := content.Get(header.Get("Content-Type"))
	if media == nil || media.Schema == nil {
		return nil
	}
	return media.Schema.Value
}

// unknownQuery finds parameters that the document does not name.
func unknownQuery(route *routers.Route, r *http.Request) []Violation {
	var found []Violation
	for name := range r.URL.Query() {
		parameters := slices.Concat(route.Operation.Parameters, route.PathItem.Parameters)
		known := slices.ContainsFunc(parameters, func(p *openapi3.ParameterRef) bool {
			return p.Value.In == openapi3.ParameterInQuery && p.Value.Name == name
		})
		if !known {
			found = append(found, Violation{operation(route), Client, "query." + name, "is not published"})
		}
	}
	return found
}

// unknownFields finds fields of a JSON body that the document does not name.
func unknownFields(operation string, side Side, schema *openapi3.Schema, body []byte) []Violation {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return nil // that the body is no JSON was found before
	}
	var found []Violation
	for _, field := range undeclared([]*openapi3.Schema{schema}, value, "body") {
		found = append(found, Violation{operation, side, field, "is not published"})
	}
	return found
}
