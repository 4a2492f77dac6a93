package install_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const keepAlive = 7 * 24 * time.Hour // from a refresh until the grant is due

// maintain ignores errors: a vendor may be down.
func maintain(t *testing.T, i *install.Installation) {
	t.Helper()
	_ = i.Maintain(t.Context())
}

// refreshes counts the token requests after the authorizations.
type refreshes struct{ Zoom, PagerDuty int }

func (e *env) refreshes() refreshes {
	return refreshes{len(e.zoom.Requests(zoomtest.GiveToken)) - 1, len(e.pd.Requests(pagerdutytest.GiveToken)) - 1}
}

func TestIdleGrantsAreKeptAlive(t *testing.T) {
	down := func(e *env) {
		e.zoom.Fault(zoomtest.GiveToken, zoomtest.Answer(503, "").Always())
		e.pd.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(503, "").Always())
	}
	tests := []struct {
		name  string
		after time.Duration // since the install
		meet  func(*env)
		want  refreshes
	}{
		{"not due", keepAlive - time.Minute, func(*env) {}, refreshes{0, 0}},
		{"due, and Zoom's access token is good", keepAlive, func(*env) {}, refreshes{1, 1}},
		// A refresh without an answer is sent again at Zoom, and not at PagerDuty, which
		// may detect reuse.
		{"due, and the vendors are down", keepAlive, down, refreshes{2, 1}},
		{"due, and Zoom hangs", keepAlive, func(e *env) {
			e.zoom.Fault(zoomtest.GiveToken, zoomtest.Hang().Always())
		}, refreshes{2, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			atZoom := zoomtest.New(zoomtest.WithUsers(zoomMember), zoomtest.WithTokenLife(4*keepAlive))
			runWith(t, atZoom, pagerdutytest.New(), func(t *testing.T, e *env) {
				i := e.process(t, e.store)
				e.install(t, i)
				pass(tt.after)
				if _, err := i.Zoom().User(t.Context(), zoom.Me); err != nil {
					t.Fatal(err) // the access token is good, and known to this process
				}

				tt.meet(e)
				maintain(t, i)
				if diff := cmp.Diff(tt.want, e.refreshes()); diff != "" {
					t.Errorf("refreshes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAGrantOutlivesAVendorThatIsDownWhenItIsDue(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		e.install(t, i)
		pass(keepAlive)
		e.zoom.Fault(zoomtest.GiveToken, zoomtest.Answer(503, "").Always())
		e.pd.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(503, "").Always())
		for range 10 {
			maintain(t, i)
			pass(time.Minute)
		}

		e.zoom.ClearFaults()
		e.pd.ClearFaults()
		before := e.refreshes()
		maintain(t, i)
		after := e.refreshes()
		if diff := cmp.Diff(refreshes{before.Zoom + 1, before.PagerDuty + 1}, after); diff != "" {
			t.Errorf("refreshes once the vendors are back (-want +got):\n%s", diff)
		}
		if _, err := i.Zoom().User(t.Context(), zoom.Me); err != nil {
			t.Errorf("Zoom: %v", err)
		}
		if _, err := i.PagerDuty().CurrentUser(t.Context()); err != nil {
			t.Errorf("PagerDuty: %v", err)
		}
		if diff := cmp.Diff(after, e.refreshes()); diff != "" {
			t.Errorf("refreshes that nothing called for:\n%s", diff)
		}
	})
}
