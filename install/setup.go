package install

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// SetupRequest is what PagerDuty is to send, and where to.
type SetupRequest struct {
	WebhookURL string   // of V3 events
	Events     []string // such as "incident.resolved", of the whole account
	ActionURL  string   // of custom incident actions
	Services   []string // ids of the services that get the button; those that have it keep it
}

// SetupStatus is what is set up at PagerDuty.
type SetupStatus struct {
	SubscriptionID string    // of the webhook subscription; empty when there is none
	PingedAt       time.Time // when PagerDuty was last asked to send an event
	ReachableAt    time.Time // when an event has come in since; zero: none has
	Services       []string  // ids of those that have the button
	FailedServices []string  // ids of those that should have it, and PagerDuty refused
	Problems       []string  // what could not be set up, in sentences
}

// actionName is the label of the button.
const actionName = "Create Zoom Meeting"

// Setup creates, or finds, the webhook subscription and the custom incident actions at
// PagerDuty, stores their secrets and has PagerDuty send a ping. What exists is used
// again, and duplicates are removed. What PagerDuty refuses is no error: it is among the
// Problems, to be done by hand. Without WithPagerDuty nothing is set up.
func (i *Installation) Setup(ctx context.Context, req SetupRequest) (*Info, error) {
	info, err := i.setup(ctx, req)
	return info, wrap("set up PagerDuty", err)
}

func (i *Installation) setup(ctx context.Context, req SetupRequest) (*Info, error) {
	r, err := i.records.current(ctx)
	if err != nil {
		return nil, err
	}
	if i.pagerDuty == nil {
		return r.info(), nil
	}
	var problems, failed []string
	for _, step := range i.setupSteps(r, req) {
		err := step.do(ctx)
		if errors.Is(err, ErrNotInstalled) || errors.Is(err, ErrUnavailable) {
			return nil, err
		}
		if err != nil {
			problems = append(problems, step.name+": "+problem(err, r.missingScopes()))
		}
		if err != nil && step.service != "" {
			failed = append(failed, step.service)
		}
	}
	r, err = i.updateSetup(ctx, r.ID, func(s *setupRecord) {
		s.Problems, s.FailedServices = problems, failed
		s.PingedAt, s.ReachableAt = i.now().UTC(), time.Time{}
	})
	if err != nil {
		return nil, err
	}
	if r.Setup.SubscriptionID == "" {
		return r.info(), nil
	}
	return i.ping(ctx, r)
}

// setupStep is one thing to set up.
type setupStep struct {
	name    string
	service string // that gets a button; empty for the subscription
	do      func(context.Context) error
}

func (i *Installation) setupSteps(r *record, req SetupRequest) []setupStep {
	steps := []setupStep{{
		name: "webhook subscription",
		do:   func(ctx context.Context) error { return i.ensureSubscription(ctx, r.ID, req) },
	}}
	services := slices.Clone(req.Services)
	for service := range r.Setup.Actions {
		services = append(services, service)
	}
	slices.Sort(services)
	for _, service := range slices.Compact(services) {
		steps = append(steps, setupStep{
			name:    "button of service " + truncate(service, 40),
			service: service,
			do:      func(ctx context.Context) error { return i.ensureAction(ctx, r.ID, service, req.ActionURL) },
		})
	}
	return steps
}

// updateSetup changes the set-up in the record, if the installation is the one it is made
// for.
func (i *Installation) updateSetup(ctx context.Context, id string, change func(*setupRecord)) (*record, error) {
	return i.records.update(ctx, func(r *record) (bool, error) {
		if r.State != stateInstalled || r.ID != id { //mutant:setup-of-another
			return false, fmt.Errorf("%w: it was removed, or installed again, meanwhile", ErrNotInstalled)
		}
		change(&r.Setup)
		return true, nil
	})
}

// ensureSubscription leaves one subscription to our URL, whose secret is in the record.
func (i *Installation) ensureSubscription(ctx context.Context, id string, req SetupRequest) error {
	r, err := i.records.current(ctx)
	if err != nil {
		return err
	}
	ours, err := i.subscriptions(ctx, req.WebhookURL)
	if err != nil {
		return err
	}
	existing := slices.IndexFunc(ours, func(s pagerduty.WebhookSubscription) bool {
		return s.ID == r.Setup.SubscriptionID && r.Setup.WebhookSecret != "" && s.Active &&
			includesAll(s.Events, req.Events)
	})
	switch {
	case existing < 0:
		err = i.createSubscription(ctx, id, req)
	case ours[existing].Disabled:
		err = i.pagerDuty.EnableWebhookSubscription(ctx, ours[existing].ID)
	}
	if err != nil {
		return err
	}
	return i.deleteOtherSubscriptions(ctx, req.WebhookURL) //mutant:setup-duplicates
}

func (i *Installation) createSubscription(ctx context.Context, id string, req SetupRequest) error {
	created, err := i.pagerDuty.CreateWebhookSubscription(ctx, pagerduty.WebhookSubscriptionRequest{
		URL: req.WebhookURL, Events: req.Events, Description: "incidentbridge",
	})
	if err != nil {
		return err
	}
	_, err = i.updateSetup(ctx, id, func(s *setupRecord) {
		s.SubscriptionID, s.WebhookSecret = created.ID, string(created.Secret)
	})
	if errors.Is(err, ErrNotInstalled) {
		return errors.Join(err, i.pagerDuty.DeleteWebhookSubscription(ctx, created.ID))
	}
	return err
}

// deleteOtherSubscriptions deletes the subscriptions to our URL that are not the one in
// the record: their secrets are lost.
func (i *Installation) deleteOtherSubscriptions(ctx context.Context, url string) error {
	ours, err := i.subscriptions(ctx, url)
	if err != nil {
		return err
	}
	r, err := i.records.current(ctx)
	if err != nil {
		return err
	}
	for _, s := range ours {
		if s.ID == r.Setup.SubscriptionID {
			continue
		}
		if err := i.pagerDuty.DeleteWebhookSubscription(ctx, s.ID); err != nil {
			return err
		}
	}
	return nil
}

// subscriptions lists those that send to our URL, no matter who created them.
func (i *Installation) subscriptions(ctx context.Context, url string) ([]pagerduty.WebhookSubscription, error) {
	all, err := i.pagerDuty.WebhookSubscriptions(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s pagerduty.WebhookSubscription) bool { return s.URL != url }), nil
}

func includesAll(all, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(event string) bool { return !slices.Contains(all, event) })
}

// ensureAction leaves one button of ours on a service, which sends the token in the
// record.
func (i *Installation) ensureAction(ctx context.Context, id, service, url string) error {
	r, err := i.updateSetup(ctx, id, func(s *setupRecord) {
		if s.ActionToken == "" {
			s.ActionToken, s.Actions = rand.Text(), nil // existing buttons send a token that is lost
		}
	})
	if err != nil {
		return err
	}
	all, err := i.pagerDuty.Extensions(ctx, service)
	if err != nil {
		return err
	}
	exists := false
	for _, e := range all {
		switch {
		case e.URL != url:
			continue
		case e.ID != r.Setup.Actions[service]:
			err = i.pagerDuty.DeleteExtension(ctx, e.ID)
		case e.Disabled:
			exists, err = true, i.pagerDuty.EnableExtension(ctx, e.ID)
		default:
			exists = true
		}
		if err != nil {
			return err
		}
	}
	if exists {
		return nil
	}
	return i.createAction(ctx, r, service, url)
}

func (i *Installation) createAction(ctx context.Context, r *record, service, url string) error {
	created, err := i.pagerDuty.CreateExtension(ctx, pagerduty.ExtensionRequest{
		Name: actionName, URL: url, ServiceIDs: []string{service},
		Headers: map[string]pagerduty.Secret{"Authorization": pagerduty.Secret("Bearer " + r.Setup.ActionToken)},
	})
	if err != nil {
		return err
	}
	_, err = i.updateSetup(ctx, r.ID, func(s *setupRecord) {
		if s.Actions == nil {
			s.Actions = map[string]string{}
		}
		s.Actions[service] = created.ID
	})
	if errors.Is(err, ErrNotInstalled) {
		return errors.Join(err, i.pagerDuty.DeleteExtension(ctx, created.ID))
	}
	return err
}

// ping has PagerDuty send an event. The subscription's secret is stored before: the event
// may come in before the response does.
func (i *Installation) ping(ctx context.Context, r *record) (*Info, error) {
	refused := i.pagerDuty.PingWebhookSubscription(ctx, r.Setup.SubscriptionID)
	if refused == nil {
		return r.info(), nil
	}
	why := "ping: " + problem(refused, r.missingScopes())
	r, err := i.updateSetup(ctx, r.ID, func(s *setupRecord) { s.Problems = append(s.Problems, why) })
	if err != nil {
		return nil, err
	}
	return r.info(), nil
}

// WebhookSecret returns the secret that signs the events of the subscription, or
// ErrNotInstalled if there is none.
func (i *Installation) WebhookSecret(ctx context.Context) (pagerduty.Secret, error) {
	return i.setupSecret(ctx, func(s setupRecord) string { return s.WebhookSecret })
}

// ActionToken returns the bearer token that the buttons send, or ErrNotInstalled if there
// is none.
func (i *Installation) ActionToken(ctx context.Context) (pagerduty.Secret, error) {
	return i.setupSecret(ctx, func(s setupRecord) string { return s.ActionToken })
}

func (i *Installation) setupSecret(ctx context.Context, of func(setupRecord) string) (pagerduty.Secret, error) {
	r, err := i.records.current(ctx)
	if err == nil && of(r.Setup) == "" {
		err = ErrNotInstalled
	}
	if err != nil {
		return "", wrap("read installation", err)
	}
	return pagerduty.Secret(of(r.Setup)), nil
}

// MarkReachable records that an event of the subscription has come in, signed with its
// secret.
func (i *Installation) MarkReachable(ctx context.Context) error {
	_, err := i.records.update(ctx, func(r *record) (bool, error) {
		if r.State != stateInstalled || !r.Setup.ReachableAt.IsZero() {
			return false, nil
		}
		r.Setup.ReachableAt = i.now().UTC()
		return true, nil
	})
	return wrap("mark reachable", err)
}
