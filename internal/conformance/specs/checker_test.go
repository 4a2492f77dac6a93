package specs_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/incidentbridge/incidentbridge/internal/conformance/specs"
)

// shop is an API of our own, with what the vendors' have: a body, references, a choice,
// headers and empty answers.
const shop = `{
 "openapi": "3.0.2", "info": {"title": "Shop", "version": "1"}, "servers": [{"url": "https://api.shop.example/v1"}],
 "security": [{"key": []}],
 "paths": {"/orders/{id}": {
  "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
  "put": {
   "parameters": [
    {"name": "From", "in": "header", "required": true, "schema": {"type": "string", "format": "email"}},
    {"name": "notify", "in": "query", "schema": {"type": "boolean"}}],
   "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Write"}}}},
   "responses": {
    "200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
    "204": {"description": ""},
    "404": {"description": "", "content": {"application/json": {"schema": {"type": "object", "required": ["code"],
     "properties": {"code": {"type": "integer"}}}}}}}}}},
 "components": {
  "securitySchemes": {"key": {"type": "apiKey", "name": "Authorization", "in": "header"}},
  "schemas": {
   "Write": {"type": "object", "required": ["type"], "properties": {
    "type": {"type": "string", "enum": ["order"]}, "link": {"type": "string", "format": "url"}}},
   "Order": {"allOf": [
    {"type": "object", "properties": {"id": {"type": "string", "readOnly": true}}},
    {"type": "object", "properties": {"count": {"type": "integer"}, "free": {"type": "object"}, "buyer": {"oneOf": [
     {"type": "object", "required": ["team", "rank"], "properties": {"team": {"type": "string"}, "rank": {"type": "integer"}}},
     {"type": "object", "required": ["user"], "properties": {"user": {"type": "string"}}}]}}}]}}}
}`

// exchange is a request with its answer; what is empty is right.
type exchange struct {
	method, url, from, key, kind, body string

	status int
	answer string
}

func (x exchange) withDefaults() exchange {
	orElse := func(value *string, other string) {
		if *value == "" {
			*value = other
		}
	}
	orElse(&x.method, http.MethodPut)
	orElse(&x.url, "https://api.shop.example/v1/orders/O1")
	orElse(&x.from, "buyer@example.com")
	orElse(&x.key, "key")
	orElse(&x.kind, "application/json")
	orElse(&x.body, `{"type":"order"}`)
	if x.status == 0 {
		x.status = 200
		orElse(&x.answer, `{"id":"O1","count":2,"buyer":{"user":"U1"},"free":{"anything":"goes"}}`)
	}
	return x
}

func (x exchange) through(t *testing.T, contract *specs.Contract) []string {
	t.Helper()
	x = x.withDefaults()
	vendor := roundTrip(func(r *http.Request) (*http.Response, error) {
		sent, err := io.ReadAll(r.Body)
		if err != nil || string(sent) != x.body {
			t.Errorf("the vendor got %q, %v", sent, err)
		}
		return &http.Response{
			StatusCode: x.status,
			Header:     http.Header{"Content-Type": {"application/json; charset=utf-8"}},
			Body:       io.NopCloser(strings.NewReader(x.answer)),
		}, nil
	})
	var found []string
	checked := contract.Transport(vendor, func(v specs.Violation) { found = append(found, v.String()) })

	r, err := http.NewRequestWithContext(t.Context(), x.method, x.url, bytes.NewBufferString(x.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"From": {x.from}, "Authorization": {x.key}, "Content-Type": {x.kind}}
	if x.key == "none" {
		r.Header.Del("Authorization")
	}
	answer, err := checked.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); err != nil || string(got) != x.answer {
		t.Errorf("the client got %q, %v, want %q", got, err, x.answer)
	}
	return found
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What the checker would not see, no test against the vendors' documents would find.
func TestPlantedViolationsAreFound(t *testing.T) {
	t.Parallel()
	const operation = "PUT /orders/{id}: "
	tests := []struct {
		name     string
		exchange exchange
		want     []string
	}{
		{name: "all is well"},
		{name: "nothing where nothing is published", exchange: exchange{status: 204}},
		{name: "an error as it is published", exchange: exchange{status: 404, answer: `{"code":7}`}},
		{
			name:     "a misspelt field in a request",
			exchange: exchange{body: `{"type":"order","lnik":"https://a.example"}`},
			want:     []string{operation + "client: body.lnik: is not published"},
		},
		{
			name:     "a value that is none of the list",
			exchange: exchange{body: `{"type":"ordre"}`},
			want:     []string{operation + `client: body.type: value is not one of the allowed values ["order"]`},
		},
		{
			name:     "a field that is missing",
			exchange: exchange{body: `{}`},
			want:     []string{operation + `client: body.type: property "type" is missing`},
		},
		{
			name:     "a link that is none",
			exchange: exchange{body: `{"type":"order","link":"a.example/1"}`},
			want: []string{
				operation + `client: body.link: string doesn't match the format "url" (not an absolute URL)`,
			},
		},
		{
			name:     "an address that is none",
			exchange: exchange{from: "the buyer"},
			want: []string{
				operation + `client: header.From: string doesn't match the format "email" ("the buyer" is not an e-mail address)`,
			},
		},
		{
			name:     "a body of another kind",
			exchange: exchange{kind: "text/plain"},
			want:     []string{operation + `client: body: header Content-Type has unexpected value "text/plain"`},
		},
		{
			name:     "no credentials",
			exchange: exchange{key: "none"},
			want:     []string{operation + "client: header.Authorization: nothing authenticates the request"},
		},
		{
			name:     "a parameter that the vendor would pass over",
			exchange: exchange{url: "https://api.shop.example/v1/orders/O1?notfiy=true"},
			want:     []string{operation + "client: query.notfiy: is not published"},
		},
		{
			name:     "a parameter of another type",
			exchange: exchange{url: "https://api.shop.example/v1/orders/O1?notify=maybe"},
			want:     []string{operation + "client: query.notify: value maybe: an invalid boolean: invalid syntax"},
		},
		{
			name:     "a path that is not there",
			exchange: exchange{url: "https://api.shop.example/v1/order/O1"},
			want:     []string{"PUT /v1/order/O1: client: path: no published operation is at api.shop.example"},
		},
		{
			name:     "a host that is another's",
			exchange: exchange{url: "https://shop.example/v1/orders/O1"},
			want:     []string{"PUT /v1/orders/O1: client: path: no published operation is at shop.example"},
		},
		{
			name:     "a method that is not there",
			exchange: exchange{method: http.MethodPost},
			want:     []string{"POST /v1/orders/O1: client: path: no published operation is at api.shop.example"},
		},
		{
			name:     "a status that is never answered",
			exchange: exchange{status: 409, answer: `{"code":7}`},
			want:     []string{operation + "fake: status 409: status is not supported"},
		},
		{
			name:     "an error in another shape",
			exchange: exchange{status: 404, answer: `{"code":"seven"}`},
			want:     []string{operation + "fake: body.code: value must be an integer"},
		},
		{
			name:     "an answer with a field of its own",
			exchange: exchange{status: 200, answer: `{"id":"O1","colour":"red"}`},
			want:     []string{operation + "fake: body.colour: is not published"},
		},
		{
			name:     "several faults of an answer, below what it is composed of",
			exchange: exchange{status: 200, answer: `{"id":null,"count":"2"}`},
			want: []string{
				operation + "fake: body.id: Value is not nullable",
				operation + "fake: body.count: value must be an integer",
			},
		},
		{
			name:     "a choice is explained by what comes closest",
			exchange: exchange{status: 200, answer: `{"buyer":{"user":7}}`},
			want:     []string{operation + "fake: body.buyer.user: value must be a string"},
		},
		{
			name:     "an answer that is no JSON",
			exchange: exchange{status: 200, answer: `{"id":`},
			want:     []string{operation + "fake: body: unexpected EOF"},
		},
		{
			name:     "something where nothing is published",
			exchange: exchange{status: 204, answer: `{}`},
			want:     []string{operation + "fake: body: 204 is published without a body"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			contract, err := specs.Parse([]byte(shop))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tt.exchange.through(t, contract)); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExceptionsPassWhatTheyNameAndNoMore(t *testing.T) {
	t.Parallel()
	ofOrder := specs.Exception{Operation: "PUT /orders/{id}", Side: specs.Fake, Field: "body.colour", Why: "it is there"}
	idle := specs.Exception{Operation: "*", Side: specs.Client, Field: "body.colour", Why: "nobody sends it"}
	anyField := specs.Exception{Operation: "*", Side: specs.Fake, Field: "body.buyer.*", Why: "buyers are free"}
	contract, err := specs.Parse([]byte(shop), ofOrder, idle, anyField)
	if err != nil {
		t.Fatal(err)
	}
	got := exchange{status: 200, answer: `{"colour":"red","colours":2,"buyer":{"user":"U1","name":"U"}}`}.through(t, contract)
	if diff := cmp.Diff([]string{"PUT /orders/{id}: fake: body.colours: is not published"}, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]specs.Exception{idle}, contract.Unneeded()); diff != "" {
		t.Errorf("exceptions that nothing needed (-want +got):\n%s", diff)
	}
}

// A request counts although its answer was lost.
func TestRequestIsCheckedWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	contract, err := specs.Parse([]byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	lost := errors.New("connection reset")
	var found []string
	checked := contract.Transport(
		roundTrip(func(*http.Request) (*http.Response, error) { return nil, lost }),
		func(v specs.Violation) { found = append(found, v.String()) },
	)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://api.shop.example/v1/orders/O1",
		strings.NewReader(`{"type":"order","lnik":""}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"From": {"buyer@example.com"}, "Authorization": {"key"}, "Content-Type": {"application/json"}}
	if _, err := checked.RoundTrip(r); !errors.Is(err, lost) {
		t.Errorf("got %v, want %v", err, lost)
	}
	if diff := cmp.Diff([]string{"PUT /orders/{id}: client: body.lnik: is not published"}, found); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}
