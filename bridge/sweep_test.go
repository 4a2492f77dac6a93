package bridge_test

import (
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// A create that lands after the last audit is found by the next day's sweep.
func TestASweepFindsWhatNoAuditDoes(t *testing.T) {
	inEnv(t, func(t *testing.T, w *env) {
		p, id := w.start(t, bridge.WithMaxAge(72*time.Hour)), w.pd.AddIncident("Down")
		w.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Late(50*time.Minute))
		if _, err := p.Open(t.Context(), bridge.Request{IncidentID: id}); err != nil && !kept(err) {
			t.Fatal(err)
		}
		pass(2 * time.Hour)
		if n := len(w.meetings()); n != 2 {
			t.Fatalf("%d meetings, want 2: one landed late", n)
		}
		pass(24 * time.Hour)
		w.oneMeeting(t, id)
	})
}
