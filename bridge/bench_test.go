package bridge_test

import (
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// BenchmarkOpen opens a bridge for a new incident each time, with both fakes in the
// process: the allocations are the fakes' as well.
func BenchmarkOpen(b *testing.B) {
	zoomFake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithDailyLimit(1<<30))
	pdFake := pagerdutytest.New(pagerdutytest.WithUsers("ada@example.com"))
	zc, err := zoom.NewClient(zoom.ServerToServer(zoomFake.AccountCredentials()),
		zoom.WithTransport(zoomFake.Transport()))
	if err != nil {
		b.Fatal(err)
	}
	pd, err := pagerduty.NewClient(pagerduty.APIKey(pdFake.Key(), pdFake.From()),
		pagerduty.WithTransport(pdFake.Transport()))
	if err != nil {
		b.Fatal(err)
	}
	svc, err := bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, host), tokenstore.NewMemory())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		id := pdFake.AddIncident("Down")
		opened, err := svc.Open(b.Context(), bridge.Request{
			IncidentID: id, OccurredAt: time.Now(),
			Incident: &bridge.Incident{ID: id, Status: "triggered", Bridge: &bridge.Link{}},
		})
		if err != nil || !opened.Created {
			b.Fatal(err)
		}
	}
}
