package install_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestWhoMayInstall(t *testing.T) {
	tests := []struct {
		name string
		set  func(*testing.T, *env)
		want error
	}{
		{"an owner", func(*testing.T, *env) {}, nil},
		{"an admin at Zoom", func(_ *testing.T, e *env) {
			e.zoom.AddUser("admin@example.com", func(u *zoomtest.User) { u.Role = "Admin" })
			e.zoom.SignIn("admin@example.com")
		}, nil},
		{"not a member at Zoom", func(_ *testing.T, e *env) { e.zoom.SignIn(zoomMember) }, install.ErrNotAdmin},
		{"not a role that the account made", func(_ *testing.T, e *env) {
			e.zoom.AddUser("dev@example.com", func(u *zoomtest.User) { u.Role = "Developer" })
			e.zoom.SignIn("dev@example.com")
		}, install.ErrNotAdmin},
		{"an admin at PagerDuty", func(_ *testing.T, e *env) {
			e.pd.SignIn(e.pd.AddUser("admin@example.com", func(u *pagerdutytest.User) { u.Role = "admin" }))
		}, nil},
		{"not a manager at PagerDuty", func(_ *testing.T, e *env) {
			e.pd.SignIn(e.pd.AddUser("manager@example.com"))
		}, install.ErrNotAdmin},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(t *testing.T, e *env) {
				tt.set(t, e)
				i := e.process(t, e.store)
				zoomErr := e.authorizeError(t, i, install.VendorZoom)
				pdErr := e.authorizeError(t, i, install.VendorPagerDuty)
				if err := errors.Join(zoomErr, pdErr); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestOnlyTheSameAccountReplaces(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		e.install(t, i)

		e.zoom.Fault(zoomtest.GetUser, zoomtest.Answer(200, `{"id":"u","account_id":"ELSEWHERE","role_id":"0"}`))
		err := e.authorizeError(t, i, install.VendorZoom)
		if !errors.Is(err, install.ErrOtherAccount) {
			t.Errorf("Zoom: got %v", err)
		}

		pd := pagerdutytest.New(pagerdutytest.WithAccountID("PELSEWHERE"))
		pd.SignIn(pd.AddUser("admin@elsewhere.example", func(u *pagerdutytest.User) { u.Role = "owner" }))
		elsewhere := &env{zoom: e.zoom, pd: pd, store: e.store}
		other := elsewhere.process(t, e.store)
		err = elsewhere.authorizeError(t, other, install.VendorPagerDuty)
		if !errors.Is(err, install.ErrOtherAccount) {
			t.Errorf("PagerDuty: got %v", err)
		}

		// Once it is uninstalled, it is free for any account.
		pass(time.Second)
		uninstall(t, i, removed())
		if err := elsewhere.authorizeError(t, other, install.VendorPagerDuty); err != nil {
			t.Errorf("after the uninstall: %v", err)
		}
	})
}

func TestMissingScopesAreNamed(t *testing.T) {
	scopes := []string{"abilities.read", "incidents.read", "teams.read", "users.read"}
	pd := pagerdutytest.New(pagerdutytest.WithAppScopes(scopes...))
	runWith(t, zoomtest.New(), pd, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		err := e.authorizeError(t, i, install.VendorPagerDuty)
		refused, ok := errors.AsType[*pagerduty.Error](err)
		if !errors.Is(err, pagerduty.ErrMissingScopes) || !ok {
			t.Fatalf("got %v", err)
		}
		if diff := cmp.Diff([]string{"incidents.write"}, refused.Scopes); diff != "" {
			t.Error(diff)
		}
	})
}
