package bridge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// SetUpRequest is what PagerDuty is to send, and where to.
type SetUpRequest struct {
	WebhookURL string   // of V3 events
	Events     []string // such as "incident.resolved", of the whole account
	ActionURL  string   // of custom incident actions
	Services   []string // ids of the services that get the button; those that have it keep it
}

// SetUp is what stands at PagerDuty.
type SetUp struct {
	Subscription string    // id of the webhook subscription; empty when there is none
	PingedAt     time.Time // when PagerDuty was last asked to send an event
	ReachedAt    time.Time // when an event came in since; zero: none did yet
	Services     []string  // ids of those that have the button
	Missed       []string  // ids of those that should have it, and were refused
	Problems     []string  // what could not be set up, in sentences
}

// actionName is what the button says.
const actionName = "Create Zoom Meeting"

// SetUp makes, or finds, the webhook subscription and the custom incident actions at PagerDuty, keeps their secrets and
// has PagerDuty send a ping. What is there already is used again, what is there twice is removed. What PagerDuty refuses is
// no error: it is among the Problems, for somebody to do by hand. Without InstallPagerDuty nothing is set up.
func (i *Installation) SetUp(ctx context.Context, want SetUpRequest) (*Installed, error) {
	const op = "set up PagerDuty"
	r, err := i.live(ctx)
	if err != nil {
		return nil, wrap(op, "", err)
	}
	if i.pagerDuty == nil {
		return r.installed(), nil
	}
	var problems, missed []string
	for _, part := range i.parts(r, want) {
		if err := part.do(ctx); err != nil {
			if errors.Is(err, ErrNotInstalled) || errors.Is(err, ErrUnavailable) {
				return nil, wrap(op, "", err)
			}
			problems = append(problems, part.name+": "+r.setUpProblem(err))
			if part.service != "" {
				missed = append(missed, part.service)
			}
		}
	}
	r, err = i.change(ctx, r.ID, func(s *setUp) {
		s.Problems, s.Missed, s.PingedAt, s.ReachedAt = problems, missed, time.Now().UTC(), time.Time{}
	})
	if err == nil && r.SetUp.Subscription != "" {
		err = i.ping(ctx, r)
	}
	if err != nil {
		return nil, wrap(op, "", err)
	}
	return r.installed(), nil
}

// part is one thing to set up.
type part struct {
	name    string
	service string // that gets a button; empty for the subscription
	do      func(context.Context) error
}

func (i *Installation) parts(r installation, want SetUpRequest) []part {
	parts := []part{{"webhook subscription", "", func(ctx context.Context) error { return i.subscribe(ctx, r.ID, want) }}}
	services := slices.Clone(want.Services)
	for service := range r.SetUp.Actions {
		services = append(services, service)
	}
	slices.Sort(services)
	for _, service := range slices.Compact(services) {
		parts = append(parts, part{"button of service " + truncate(service, 40), service, func(ctx context.Context) error {
			return i.addAction(ctx, r.ID, service, want.ActionURL)
		}})
	}
	return parts
}

// change changes what is known of the set-up while the installation is the one it is made for.
func (i *Installation) change(ctx context.Context, id string, change func(*setUp)) (installation, error) {
	return i.update(ctx, false, func(r *installation) error {
		if r.State != installed || r.ID != id {
			return fmt.Errorf("%w: it was removed, or installed again, meanwhile", ErrNotInstalled)
		}
		change(&r.SetUp)
		return nil
	})
}

// subscribe sees to it that there is one subscription to our URL, whose secret we have.
func (i *Installation) subscribe(ctx context.Context, id string, want SetUpRequest) error {
	r, err := i.live(ctx)
	if err != nil {
		return err
	}
	ours, err := i.subscriptions(ctx, want.WebhookURL)
	if err != nil {
		return err
	}
	stands := slices.IndexFunc(ours, func(s pagerduty.WebhookSubscription) bool {
		return s.ID == r.SetUp.Subscription && r.SetUp.Secret != "" && s.Active && covers(s.Events, want.Events)
	})
	if stands >= 0 && ours[stands].Disabled {
		err = i.pagerDuty.EnableWebhookSubscription(ctx, ours[stands].ID)
	}
	if stands < 0 {
		err = i.newSubscription(ctx, id, want)
	}
	if err != nil {
		return err
	}
	return i.removeStraySubscriptions(ctx, want.WebhookURL)
}

func (i *Installation) newSubscription(ctx context.Context, id string, want SetUpRequest) error {
	made, err := i.pagerDuty.CreateWebhookSubscription(ctx, pagerduty.WebhookSubscriptionRequest{
		URL: want.WebhookURL, Events: want.Events, Description: "incidentbridge",
	})
	if err != nil {
		return err
	}
	_, err = i.change(ctx, id, func(s *setUp) { s.Subscription, s.Secret = made.ID, string(made.Secret) })
	if errors.Is(err, ErrNotInstalled) {
		return errors.Join(err, i.pagerDuty.DeleteWebhookSubscription(ctx, made.ID))
	}
	return err
}

// removeStraySubscriptions removes those to our URL that are not the one in the record: their secrets are lost.
func (i *Installation) removeStraySubscriptions(ctx context.Context, url string) error {
	ours, err := i.subscriptions(ctx, url)
	if err != nil {
		return err
	}
	r, err := i.live(ctx)
	if err != nil {
		return err
	}
	for _, s := range ours {
		if s.ID == r.SetUp.Subscription {
			continue
		}
		if err := i.pagerDuty.DeleteWebhookSubscription(ctx, s.ID); err != nil {
			return err
		}
	}
	return nil
}

// subscriptions lists those that send to our URL, whoever made them.
func (i *Installation) subscriptions(ctx context.Context, url string) ([]pagerduty.WebhookSubscription, error) {
	all, err := i.pagerDuty.WebhookSubscriptions(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s pagerduty.WebhookSubscription) bool { return s.URL != url }), nil
}

func covers(has, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(event string) bool { return !slices.Contains(has, event) })
}

// addAction sees to it that a service has one button of ours, which sends the token that we have.
func (i *Installation) addAction(ctx context.Context, id, service, url string) error {
	r, err := i.change(ctx, id, func(s *setUp) {
		if s.ActionToken == "" {
			s.ActionToken, s.Actions = rand.Text(), nil // what is there sends a token that is lost
		}
	})
	if err != nil {
		return err
	}
	all, err := i.pagerDuty.Extensions(ctx, service)
	if err != nil {
		return err
	}
	stands := ""
	for _, e := range all {
		switch {
		case e.URL != url:
		case e.ID == r.SetUp.Actions[service]:
			stands = e.ID
			if e.Disabled {
				err = i.pagerDuty.EnableExtension(ctx, e.ID)
			}
		default:
			err = i.pagerDuty.DeleteExtension(ctx, e.ID)
		}
		if err != nil {
			return err
		}
	}
	if stands != "" {
		return nil
	}
	return i.newAction(ctx, r, service, url)
}

func (i *Installation) newAction(ctx context.Context, r installation, service, url string) error {
	made, err := i.pagerDuty.CreateExtension(ctx, pagerduty.ExtensionRequest{
		Name: actionName, URL: url, ServiceIDs: []string{service},
		Headers: map[string]pagerduty.Secret{"Authorization": pagerduty.Secret("Bearer " + r.SetUp.ActionToken)},
	})
	if err != nil {
		return err
	}
	_, err = i.change(ctx, r.ID, func(s *setUp) {
		if s.Actions == nil {
			s.Actions = map[string]string{}
		}
		s.Actions[service] = made.ID
	})
	if errors.Is(err, ErrNotInstalled) {
		return errors.Join(err, i.pagerDuty.DeleteExtension(ctx, made.ID))
	}
	return err
}

// ping has PagerDuty send an event. Its secret must be kept before: the event may come in before the answer does.
func (i *Installation) ping(ctx context.Context, r installation) error {
	refused := i.pagerDuty.PingWebhookSubscription(ctx, r.SetUp.Subscription)
	if refused == nil {
		return nil
	}
	_, err := i.change(ctx, r.ID, func(s *setUp) { s.Problems = append(s.Problems, "ping: "+r.setUpProblem(refused)) })
	return err
}

// setUpProblem says in a sentence why PagerDuty did not do it. Nothing of what was sent is in it.
func (r *installation) setUpProblem(err error) string {
	refused := errors.Is(err, pagerduty.ErrForbidden) || errors.Is(err, pagerduty.ErrMissingScopes)
	switch {
	case refused && len(r.PagerDuty.Missing) > 0:
		return "the PagerDuty app lacks the scopes " + strings.Join(r.PagerDuty.Missing, ", ")
	case errors.Is(err, pagerduty.ErrLimit):
		return "PagerDuty has no room for another one"
	case errors.Is(err, pagerduty.ErrPlan):
		return "the PagerDuty plan does not have it"
	case errors.Is(err, pagerduty.ErrNotFound):
		return "PagerDuty does not know it"
	}
	return userMessage(pagerDutyError(err))
}

// WebhookSecret returns the secret that signs the events of the subscription; ErrNotInstalled when there is none.
func (i *Installation) WebhookSecret(ctx context.Context) (pagerduty.Secret, error) {
	return i.secret(ctx, func(s setUp) string { return s.Secret })
}

// ActionToken returns the bearer token that the buttons send; ErrNotInstalled when there is none.
func (i *Installation) ActionToken(ctx context.Context) (pagerduty.Secret, error) {
	return i.secret(ctx, func(s setUp) string { return s.ActionToken })
}

func (i *Installation) secret(ctx context.Context, of func(setUp) string) (pagerduty.Secret, error) {
	r, err := i.live(ctx)
	if err == nil && of(r.SetUp) == "" {
		err = ErrNotInstalled
	}
	if err != nil {
		return "", wrap("read the installation", "", err)
	}
	return pagerduty.Secret(of(r.SetUp)), nil
}

// Reached keeps that an event of the subscription has come in, signed with its secret.
func (i *Installation) Reached(ctx context.Context) error {
	_, err := i.update(ctx, false, func(r *installation) error {
		if r.State != installed || !r.SetUp.ReachedAt.IsZero() {
			return errUnchanged
		}
		r.SetUp.ReachedAt = time.Now().UTC()
		return nil
	})
	return wrap("keep that PagerDuty reaches us", "", err)
}
