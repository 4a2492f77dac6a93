package pagerduty_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

var someSubscription = pagerduty.WebhookSubscriptionRequest{
	URL:         "https://bridge.example.com/webhooks/pagerduty?password=hunter2",
	Events:      []string{"incident.resolved", "incident.triggered"},
	Description: "incidentbridge",
	Headers:     map[string]pagerduty.Secret{"X-Route": "hunter3"},
}

func TestWebhookSubscriptionTellsItsSecretOnce(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	client := newClient(t, fake)
	made, err := client.CreateWebhookSubscription(t.Context(), someSubscription)
	if err != nil {
		t.Fatal(err)
	}
	want := &pagerduty.WebhookSubscription{
		ID: made.ID, URL: someSubscription.URL, Events: someSubscription.Events, Description: "incidentbridge",
		Filter: pagerduty.Reference{Type: "account_reference"}, Active: true, Secret: pagerduty.Secret(fake.Secret()),
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("subscription (-want +got):\n%s", diff)
	}
	want.Secret = ""
	listed, err := client.WebhookSubscriptions(t.Context())
	if diff := cmp.Diff([]pagerduty.WebhookSubscription{*want}, listed); diff != "" || err != nil {
		t.Errorf("list: %v (-want +got):\n%s", err, diff)
	}
	if got := fake.Subscriptions()[0].Headers.Get("X-Route"); got != "hunter3" {
		t.Errorf("header %q, want the secret one", got)
	}
	if text := fmt.Sprintf("%v %+v %#v", made, *made, made.Secret); strings.Contains(text, fake.Secret()) {
		t.Errorf("the secret is printed: %s", text)
	}
}

func TestWebhookSubscriptionOfAServiceOrTeam(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	w := someSubscription
	w.Filter = pagerduty.Reference{ID: "PTEAM1", Type: "team_reference"}
	made, err := newClient(t, fake).CreateWebhookSubscription(t.Context(), w)
	if err != nil || made.Filter != w.Filter {
		t.Errorf("subscription %+v, %v; want that filter", made, err)
	}
	if got := fake.Subscriptions()[0].FilterID; got != "PTEAM1" {
		t.Errorf("filter of %q, want PTEAM1", got)
	}
}

func TestWebhookSubscriptionIsPingedEnabledAndDeleted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx := t.Context()
	if err := s.client.PingWebhookSubscription(ctx, s.subscription); err != nil {
		t.Errorf("ping: %v", err)
	}
	if err := s.client.EnableWebhookSubscription(ctx, s.subscription); err != nil {
		t.Errorf("enable: %v", err)
	}
	for range 2 { // what is gone is as good as deleted
		if err := s.client.DeleteWebhookSubscription(ctx, s.subscription); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if left := s.fake.Subscriptions(); len(left) > 0 {
		t.Errorf("subscriptions %v are left", left)
	}
	if err := s.client.PingWebhookSubscription(ctx, s.subscription); !errors.Is(err, pagerduty.ErrNotFound) {
		t.Errorf("ping of what is gone: %v, want ErrNotFound", err)
	}
}

func TestSetUpCallsRefuseBadArguments(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	client := newClient(t, fake)
	ctx := t.Context()
	subscribe := func(change func(*pagerduty.WebhookSubscriptionRequest)) error {
		w := someSubscription
		change(&w)
		_, err := client.CreateWebhookSubscription(ctx, w)
		return err
	}
	extend := func(change func(*pagerduty.ExtensionRequest)) error {
		e := someExtension
		change(&e)
		_, err := client.CreateExtension(ctx, e)
		return err
	}
	_, errList := client.Extensions(ctx, "P1/x")
	for name, err := range map[string]error{
		"subscription without a URL":    subscribe(func(w *pagerduty.WebhookSubscriptionRequest) { w.URL = "" }),
		"subscription in clear text":    subscribe(func(w *pagerduty.WebhookSubscriptionRequest) { w.URL = "http://example.com" }),
		"subscription without events":   subscribe(func(w *pagerduty.WebhookSubscriptionRequest) { w.Events = nil }),
		"subscription to an empty name": subscribe(func(w *pagerduty.WebhookSubscriptionRequest) { w.Events = []string{""} }),
		"action without a name":         extend(func(e *pagerduty.ExtensionRequest) { e.Name = " " }),
		"action in clear text":          extend(func(e *pagerduty.ExtensionRequest) { e.URL = "http://example.com" }),
		"action without a service":      extend(func(e *pagerduty.ExtensionRequest) { e.ServiceIDs = nil }),
		"action of a bad service":       extend(func(e *pagerduty.ExtensionRequest) { e.ServiceIDs = []string{"../x"} }),
		"actions of a bad service":      errList,
		"ping of a bad id":              client.PingWebhookSubscription(ctx, "../x"),
		"enabling of a bad id":          client.EnableWebhookSubscription(ctx, ""),
		"deletion of a bad id":          client.DeleteWebhookSubscription(ctx, "a?b"),
		"enabling of a bad action":      client.EnableExtension(ctx, "a/b"),
		"deletion of a bad action":      client.DeleteExtension(ctx, "a b"),
	} {
		if !errors.Is(err, pagerduty.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if calls := fake.Requests(); len(calls) > 0 {
		t.Errorf("%d calls, want none", len(calls))
	}
}

func TestSetUpErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	client := newClient(t, fake)
	body := pagerdutytest.ErrorBody(2001, "bad: "+someSubscription.URL, "hunter3 is bad", "hunter4 is bad", someExtension.URL)
	fake.Fault(pagerdutytest.CreateSubscription, pagerdutytest.Answer(400, body))
	fake.Fault(pagerdutytest.CreateExtension, pagerdutytest.Answer(400, body))
	_, errSubscription := client.CreateWebhookSubscription(t.Context(), someSubscription)
	_, errExtension := client.CreateExtension(t.Context(), someExtension)
	if errSubscription == nil || strings.Contains(errSubscription.Error(), "hunter2") || strings.Contains(errSubscription.Error(), "hunter3") {
		t.Errorf("error %v, want one without its secrets", errSubscription)
	}
	if errExtension == nil || strings.Contains(errExtension.Error(), "hunter4") {
		t.Errorf("error %v, want one without its secrets", errExtension)
	}
}
