package specs_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/incidentbridge/incidentbridge/internal/conformance/specs"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// pagerDutyExceptions are where PagerDuty's document is wrong, or says less than is known
// of PagerDuty.
func pagerDutyExceptions() []specs.Exception {
	const (
		nulls     = "PagerDuty writes null for what an object does not have; the document has no null but in its own examples"
		inExample = "read-only by the document, and part of the document's own example of the request"
		beside    = "the reduced document leaves this operation out"
		noOAuth   = "the document describes the API; the OAuth endpoints are prose"
	)
	incident := func(operation, field string) specs.Exception {
		return specs.Exception{Operation: operation, Side: specs.Fake, Field: "body.incident." + field, Why: nulls}
	}
	return []specs.Exception{
		{Operation: "POST /oauth/token", Side: specs.Client, Field: "path", Why: noOAuth},
		{Operation: "GET /extension_schemas", Side: specs.Client, Field: "path", Why: beside},
		{Operation: "DELETE /extensions/*", Side: specs.Client, Field: "path", Why: beside},
		{Operation: "POST /extensions/*/enable", Side: specs.Client, Field: "path", Why: beside},
		incident("*", "priority"),
		incident("*", "resolve_reason"),
		incident("*", "resolved_at"),
		incident("GET /incidents/{id}", "conference_bridge"),
		incident("GET /incidents/{id}", "conference_bridge.conference_number"),
		incident("GET /incidents/{id}", "conference_bridge.conference_url"),
		{
			Operation: "GET /users/me", Side: specs.Fake, Field: "body.error",
			Why: "to an account's key PagerDuty's error is a text, in the place of the usual object",
		},
		{Operation: "POST /extensions", Side: specs.Client, Field: "body.extension.extension_schema.*", Why: inExample},
		{Operation: "POST /extensions", Side: specs.Client, Field: "body.extension.extension_objects.*.*", Why: inExample},
		{Operation: "*", Side: specs.Fake, Field: "body.user.job_title", Why: nulls},
		{Operation: "*", Side: specs.Fake, Field: "body.users.*.job_title", Why: nulls},
		{
			Operation: "PUT /incidents/{id}", Side: specs.Fake, Field: "status 400",
			Why: "the document lists no 400 here, though it does for the write of several incidents",
		},
		{
			Operation: "PUT /incidents/{id}", Side: specs.Fake, Field: "status 402",
			Why: "what a plan without bridges answers is not told; 402 is what other operations have for that",
		},
	}
}

// pagerDutyWorld is a client whose requests reach a fake by way of the checker.
type pagerDutyWorld struct {
	*pagerduty.Client
	fake      *pagerdutytest.Server
	transport http.RoundTripper
	incident  string
}

// pagerDutyCall drives one method to one outcome.
type pagerDutyCall struct {
	method  string // of pagerduty.Client
	outcome string
	fake    []pagerdutytest.Option
	given   func(*testing.T, pagerDutyWorld) // may be nil
	do      func(context.Context, pagerDutyWorld) error
	want    error // nil: it works
}

// pagerDutyLocal are the methods that call nobody.
func pagerDutyLocal() []string { return []string{"MissingScopes", "ParseIncidentID"} }

func pagerDutyCalls() []pagerDutyCall {
	return slices.Concat(pagerDutyIncidents(), pagerDutyPeople(), pagerDutySetUp(), pagerDutyOthers(), pagerDutyRefusals())
}

func TestPagerDutyKeepsItsContract(t *testing.T) {
	t.Parallel()
	contract := contract(t, "pagerduty.incident.json", pagerDutyExceptions())
	for _, call := range pagerDutyCalls() {
		t.Run(call.method+" "+call.outcome, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // waits take no time
				world := newPagerDutyWorld(t, contract, call.fake...)
				if call.given != nil {
					call.given(t, world)
				}
				if err := call.do(t.Context(), world); !errors.Is(err, call.want) {
					t.Errorf("got %v, want %v", err, call.want)
				}
			})
		})
	}
	for _, fault := range undrivenRoutes(contract, pagerdutytest.New(), "") {
		t.Error(fault)
	}
	for _, idle := range contract.Unneeded() {
		t.Errorf("nothing needs this exception: %+v", idle)
	}
}

func TestEveryPagerDutyMethodIsDriven(t *testing.T) {
	t.Parallel()
	var drives []drive
	for _, call := range pagerDutyCalls() {
		drives = append(drives, drive{call.method, call.want == nil})
	}
	for _, fault := range undriven[*pagerduty.Client](drives, pagerDutyLocal()...) {
		t.Error(fault)
	}
}

func newPagerDutyWorld(t *testing.T, contract *specs.Contract, opts ...pagerdutytest.Option) pagerDutyWorld {
	t.Helper()
	fake := pagerdutytest.New(opts...)
	checked := contract.Transport(fake.Transport(), reportTo(t))
	client, err := pagerduty.NewClient(pagerduty.APIKey(fake.Key(), fake.From()), pagerduty.WithTransport(checked))
	must(t, err)
	return pagerDutyWorld{client, fake, checked, fake.AddIncident("Checkout is down")}
}

// as is the same world with other credentials.
func (w pagerDutyWorld) as(auth pagerduty.Auth, opts ...pagerduty.Option) (pagerDutyWorld, error) {
	client, err := pagerduty.NewClient(auth, append(opts, pagerduty.WithTransport(w.transport))...)
	w.Client = client
	return w, err
}
