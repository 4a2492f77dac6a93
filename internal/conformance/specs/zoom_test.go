package specs_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/incidentbridge/incidentbridge/internal/conformance/specs"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const host = "host@example.com"

// zoomExceptions are where Zoom's document is wrong, or says less than is known of Zoom.
func zoomExceptions() []specs.Exception {
	const (
		noOAuth    = "the document describes the API; the OAuth endpoints are prose"
		unfriendly = "nobody has seen null here, but Zoom writes it elsewhere and the document has none: the fake tries the decoders"
	)
	return []specs.Exception{
		{Operation: "POST /oauth/token", Side: specs.Client, Field: "path", Why: noOAuth},
		{
			Operation: "*", Side: specs.Fake, Field: "status 401",
			Why: "no operation lists it, and each answers it to a token that is expired",
		},
		{
			Operation: "*", Side: specs.Fake, Field: "body.settings.global_dial_in_numbers.*.city",
			Why: "many numbers belong to no city: then it is missing, or null",
		},
		{Operation: "GET /users/{userId}", Side: specs.Fake, Field: "body.last_name", Why: unfriendly},
		{
			Operation: "GET /users/{userId}/settings", Side: specs.Fake,
			Field: "body.audio_conferencing.toll_free_and_fee_based_toll_call.numbers", Why: unfriendly,
		},
	}
}

// zoomRefusal is how Zoom's page on errors describes a body that its document leaves out.
func zoomRefusal() *openapi3.Schema {
	text := openapi3.NewStringSchema()
	field := openapi3.NewObjectSchema().WithProperty("field", text).WithProperty("message", text)
	return openapi3.NewObjectSchema().
		WithProperty("code", openapi3.NewIntegerSchema()).
		WithProperty("message", text).
		WithProperty("errors", openapi3.NewArraySchema().WithItems(field)).
		WithRequired([]string{"code", "message"})
}

// zoomWorld is a client whose requests reach a fake by way of the checker.
type zoomWorld struct {
	*zoom.Client
	fake      *zoomtest.Server
	transport http.RoundTripper
	meeting   int64 // made by the host before the call
}

// zoomCall drives one method to one outcome.
type zoomCall struct {
	method  string // of zoom.Client
	outcome string
	fake    []zoomtest.Option
	given   func(*testing.T, zoomWorld) // may be nil
	do      func(context.Context, zoomWorld) error
	want    error // nil: it works
}

func zoomCalls() []zoomCall {
	return slices.Concat(zoomCreates(), zoomReads(), zoomWrites(), zoomRest(), zoomLimits())
}

func TestZoomKeepsItsContract(t *testing.T) {
	t.Parallel()
	contract := contract(t, "zoom.meetings.json", zoomExceptions())
	contract.Refusals(zoomRefusal())
	for _, call := range zoomCalls() {
		t.Run(call.method+" "+call.outcome, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // waits take no time
				world := newZoomWorld(t, contract, call.fake...)
				if call.given != nil {
					call.given(t, world)
				}
				if err := call.do(t.Context(), world); !errors.Is(err, call.want) {
					t.Errorf("got %v, want %v", err, call.want)
				}
			})
		})
	}
	for _, fault := range undrivenRoutes(contract, zoomtest.New(), "/v2") {
		t.Error(fault)
	}
	for _, idle := range contract.Unneeded() {
		t.Errorf("nothing needs this exception: %+v", idle)
	}
}

func TestEveryZoomMethodIsDriven(t *testing.T) {
	t.Parallel()
	var drives []drive
	for _, call := range zoomCalls() {
		drives = append(drives, drive{call.method, call.want == nil})
	}
	for _, fault := range undriven[*zoom.Client](drives) {
		t.Error(fault)
	}
}

func newZoomWorld(t *testing.T, contract *specs.Contract, opts ...zoomtest.Option) zoomWorld {
	t.Helper()
	fake := zoomtest.New(append(opts, zoomtest.WithUsers(host, "second@example.com"))...)
	checked := contract.Transport(fake.Transport(), reportTo(t))
	client, err := zoom.NewClient(zoom.ServerToServer(fake.AccountCredentials()), zoom.WithTransport(checked))
	must(t, err)
	made, err := client.CreateMeeting(t.Context(), host, zoom.MeetingRequest{Topic: "The one that is there"})
	must(t, err)
	return zoomWorld{client, fake, checked, made.ID}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
