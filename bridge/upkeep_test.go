package bridge_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const keepAlive = 7 * 24 * time.Hour // from a refresh until the grant is due

// refreshes counts the token requests after the consents.
type refreshes struct{ Zoom, PagerDuty int }

func (o office) refreshes() refreshes {
	return refreshes{len(o.zoom.Requests(zoomtest.GiveToken)) - 1, len(o.pd.Requests(pagerdutytest.GiveToken)) - 1}
}

func TestIdleGrantsAreKeptAlive(t *testing.T) {
	down := func(w *world) {
		w.zoom.Fault(zoomtest.GiveToken, zoomtest.Answer(503, "").Always())
		w.pd.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(503, "").Always())
	}
	tests := []struct {
		name  string
		after time.Duration // since the install
		meet  func(*world)
		want  refreshes
	}{
		{"not due", keepAlive - time.Minute, func(*world) {}, refreshes{0, 0}},
		{"due, and Zoom's access token is good", keepAlive, func(*world) {}, refreshes{1, 1}},
		// A refresh without an answer is sent again at Zoom, and not at PagerDuty, which may detect reuse.
		{"due, and the vendors are down", keepAlive, down, refreshes{2, 1}},
		{"due, and Zoom hangs", keepAlive, func(w *world) {
			w.zoom.Fault(zoomtest.GiveToken, zoomtest.Hang().Always())
		}, refreshes{2, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.zoom = zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithTokenLife(4*keepAlive))
				o := newOffice(w)
				i := o.installation(t, w.store)
				o.install(t, i)
				svc := o.consenting(t, i)
				pass(tt.after)
				if _, err := i.Zoom().User(t.Context(), zoom.Me); err != nil {
					t.Fatal(err) // the access token is good, and known to this process
				}

				tt.meet(w)
				reconcile(t, svc)
				if diff := cmp.Diff(tt.want, o.refreshes()); diff != "" {
					t.Errorf("refreshes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAGrantOutlivesAVendorThatIsDownWhenItIsDue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		o := newOffice(w)
		i := o.installation(t, w.store)
		o.install(t, i)
		svc := o.consenting(t, i)
		pass(keepAlive)
		w.zoom.Fault(zoomtest.GiveToken, zoomtest.Answer(503, "").Always())
		w.pd.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(503, "").Always())
		for range 10 {
			reconcile(t, svc)
			pass(time.Minute)
		}

		w.zoom.ClearFaults()
		w.pd.ClearFaults()
		before := o.refreshes()
		reconcile(t, svc)
		after := o.refreshes()
		if diff := cmp.Diff(refreshes{before.Zoom + 1, before.PagerDuty + 1}, after); diff != "" {
			t.Errorf("refreshes once the vendors are back (-want +got):\n%s", diff)
		}
		if _, err := i.Zoom().User(t.Context(), zoom.Me); err != nil {
			t.Errorf("Zoom: %v", err)
		}
		if _, err := i.PagerDuty().CurrentUser(t.Context()); err != nil {
			t.Errorf("PagerDuty: %v", err)
		}
		if diff := cmp.Diff(after, o.refreshes()); diff != "" {
			t.Errorf("refreshes that nothing called for:\n%s", diff)
		}
	})
}

func TestARefreshIsObserved(t *testing.T) {
	dead := func(w *world) { w.zoom.Uninstall(zoomBoss) }
	tests := []struct {
		name string
		meet func(*world)
		want []bridge.Event
	}{
		{"of both vendors", func(*world) {}, []bridge.Event{
			{Kind: bridge.EventTokenRefreshed, Vendor: bridge.VendorPagerDuty},
			{Kind: bridge.EventTokenRefreshed, Vendor: bridge.VendorZoom},
		}},
		{"and one that Zoom refuses for good", dead, []bridge.Event{
			{Kind: bridge.EventRefreshFailed, Vendor: bridge.VendorZoom, Err: tokenstore.ErrReauthorize},
			{Kind: bridge.EventTokenRefreshed, Vendor: bridge.VendorPagerDuty},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				o := newOffice(w)
				i := o.installation(t, w.store)
				o.install(t, i)
				var (
					mu   sync.Mutex
					seen []bridge.Event
				)
				svc := o.consenting(t, i, bridge.WithEventHandler(func(_ context.Context, e bridge.Event) {
					mu.Lock()
					defer mu.Unlock()
					seen = append(seen, e)
				}))
				pass(keepAlive)
				tt.meet(w)
				reconcile(t, svc)
				anyOrder := cmpopts.SortSlices(func(a, b bridge.Event) bool { return a.Vendor < b.Vendor })
				if diff := cmp.Diff(tt.want, seen, cmpopts.EquateErrors(), anyOrder); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// consenting is a service of the installation that does due work only when it is told to.
func (o office) consenting(t *testing.T, i *bridge.Installation, opts ...bridge.Option) *bridge.Service {
	t.Helper()
	svc, err := bridge.New(bridge.PagerDuty(i.PagerDuty()), bridge.Zoom(i.Zoom(), zoom.Me), o.store,
		append(opts, bridge.WithInstallation(i))...)
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

func reconcile(t *testing.T, svc *bridge.Service) {
	t.Helper()
	if _, err := svc.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
}
