package fleet_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// storeKey seals what the processes store.
const storeKey = "k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// vendors are both fakes on loopback addresses.
type vendors struct {
	zoom *zoomtest.Server
	pd   *pagerdutytest.Server
}

func newVendors(t *testing.T) *vendors {
	t.Helper()
	v := &vendors{
		zoom: zoomtest.New(zoomtest.WithUsers("host@example.com"), zoomtest.WithDailyLimit(1000)),
		pd:   pagerdutytest.New(),
	}
	t.Cleanup(v.zoom.Close)
	t.Cleanup(v.pd.Close)
	return v
}

// environ sets a process up for these vendors and a store.
func (v *vendors) environ(store string, more ...string) []string {
	account, client, secret := v.zoom.AccountCredentials()
	return append([]string{
		"STORE_URL=" + store, "STORE_KEYS=" + storeKey, "ACTION_TOKENS=token", "CLOSE_GRACE=1s",
		"ZOOM_ACCOUNT_ID=" + account, "ZOOM_CLIENT_ID=" + client, "ZOOM_CLIENT_SECRET=" + secret,
		"ZOOM_HOSTS=host@example.com", "ZOOM_API_URL=" + v.zoom.URL() + "/v2", "ZOOM_OAUTH_URL=" + v.zoom.URL() + "/oauth",
		"PAGERDUTY_TOKEN=" + v.pd.Key(), "PAGERDUTY_FROM=" + v.pd.From(), "PAGERDUTY_API_URL=" + v.pd.URL(),
	}, more...)
}

// meetings are those that are still there.
func (v *vendors) meetings() []zoomtest.Meeting {
	return slices.DeleteFunc(v.zoom.Meetings(), func(m zoomtest.Meeting) bool { return m.Deleted })
}

// wantOneEach checks that each incident shows a meeting of its own, and that there is no
// other.
func (v *vendors) wantOneEach(t *testing.T, incidents []string) {
	t.Helper()
	there := map[string]bool{}
	for _, m := range v.meetings() {
		there[m.JoinURL] = true
	}
	for _, id := range incidents {
		shown := v.pd.Incident(id).Bridge.URL
		if !there[shown] {
			t.Errorf("%s shows %q, which is no meeting or another incident's", id, shown)
		}
		delete(there, shown)
	}
	if len(there) != 0 {
		t.Errorf("%d meetings are on no incident", len(there))
	}
}

// createdFor says when so many meetings have been made.
func (v *vendors) createdFor(n int) func() error {
	return func() error {
		if made := len(v.zoom.Meetings()); made < n {
			return fmt.Errorf("%d meetings were made, want %d", made, n)
		}
		return nil
	}
}
