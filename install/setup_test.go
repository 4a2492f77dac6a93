package install_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestSetupIsUsedAgain(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		e.install(t, i)
		setup(t, i, "PSHOP01")
		subscriptions, extensions := e.pd.Subscriptions(), e.pd.Extensions()

		e.install(t, i)
		now := setup(t, i)
		if diff := cmp.Diff(subscriptions, e.pd.Subscriptions()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(extensions, e.pd.Extensions()); diff != "" {
			t.Error(diff)
		}
		want := install.SetupStatus{
			SubscriptionID: subscriptions[0].ID, PingedAt: time.Now().UTC(), Services: []string{"PSHOP01"},
		}
		if diff := cmp.Diff(want, now.Setup); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSetupWhoseSecretIsLostIsRepeated(t *testing.T) {
	run(t, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		e.install(t, i)
		setup(t, i, "PSHOP01")
		old := append(e.pd.Subscriptions(), e.pd.Extensions()...)

		fresh := tokenstore.NewMemory()
		e.store = fresh
		i = e.process(t, fresh)
		e.install(t, i)
		setup(t, i, "PSHOP01")
		now := append(e.pd.Subscriptions(), e.pd.Extensions()...)
		if len(now) != 2 || now[0].ID == old[0].ID || now[1].ID == old[1].ID {
			t.Errorf("before %+v, now %+v", old, now)
		}
		secret, err := i.WebhookSecret(t.Context())
		if err != nil || string(secret) != now[0].Secret {
			t.Errorf("the secret is not that of the subscription: %v", err)
		}
		token, err := i.ActionToken(t.Context())
		if err != nil || now[1].Headers.Get("Authorization") != "Bearer "+string(token) {
			t.Errorf("the token is not that of the button: %v", err)
		}
	})
}

func TestSetupReportsWhatPagerDutyRefuses(t *testing.T) {
	scopes := append(pagerduty.RunScopes(), "webhook_subscriptions.read")
	pd := pagerdutytest.New(pagerdutytest.WithAppScopes(scopes...))
	runWith(t, zoomtest.New(), pd, func(t *testing.T, e *env) {
		i := e.process(t, e.store)
		e.install(t, i)
		now := setup(t, i, "PSHOP01")
		problems := now.Setup.Problems
		if len(problems) != 2 || !strings.Contains(problems[0], "webhook_subscriptions.write") {
			t.Errorf("problems %q", problems)
		}
		if diff := cmp.Diff([]string{"PSHOP01"}, now.Setup.FailedServices); diff != "" {
			t.Errorf("services without the button (-want +got):\n%s", diff)
		}
	})
}
