package specs_test

import (
	"net/http"
	"testing"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// What the product itself asks of both vendors, from the click to the end of the call.
func TestABridgeKeepsBothContracts(t *testing.T) {
	t.Parallel()
	toZoom := contract(t, "zoom.meetings.json", zoomExceptions())
	toZoom.Refusals(zoomRefusal())
	toPagerDuty := contract(t, "pagerduty.incident.json", pagerDutyExceptions())

	zoomFake := zoomtest.New(zoomtest.WithUsers(host))
	callers, err := zoom.NewClient(zoom.ServerToServer(zoomFake.AccountCredentials()),
		zoom.WithTransport(toZoom.Transport(zoomFake.Transport(), reportTo(t))))
	must(t, err)
	pagerDutyFake := pagerdutytest.New(pagerdutytest.WithNumberCheck(pagerdutytest.NoStar))
	incidents, err := pagerduty.NewClient(pagerduty.APIKey(pagerDutyFake.Key(), pagerDutyFake.From()),
		pagerduty.WithTransport(toPagerDuty.Transport(pagerDutyFake.Transport(), reportTo(t))))
	must(t, err)
	service, err := bridge.New(
		bridge.PagerDuty(incidents), bridge.Zoom(callers, "nobody@example.com", host), tokenstore.NewMemory(), bridge.WithGrace(0))
	must(t, err)

	id := pagerDutyFake.AddIncident("🚒 The shop is down")
	opened, err := service.Open(t.Context(), bridge.Request{
		IncidentID: id, Requester: bridge.Requester{ID: "PUSER01"}, Trigger: bridge.Trigger{Kind: bridge.TriggerManual},
	})
	must(t, err)
	if shown := pagerDutyFake.Incident(id).Bridge.URL; opened.State != bridge.StateAttached || shown != opened.JoinURL {
		t.Errorf("bridge %+v, the incident shows %q", opened, shown)
	}
	must(t, service.IncidentChanged(t.Context(), id, bridge.Link{}))
	pagerDutyFake.Resolve(id)
	if _, err := service.Close(t.Context(), id, bridge.CloseResolved); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, operation := range []string{"POST /users/{userId}/meetings", "PUT /meetings/{meetingId}/status"} {
		if !toZoom.Drove(operation) {
			t.Errorf("%s was never answered well", operation)
		}
	}
	if !toPagerDuty.Drove(http.MethodPut + " /incidents/{id}") {
		t.Error("the incident was never written")
	}
}
