package specs_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

func pagerDutyIncidents() []pagerDutyCall {
	bridge := pagerduty.ConferenceBridge{URL: "https://example.zoom.us/j/98765432101?pwd=x", DialIn: "+1 415-555-0100,,98765432101#"}
	read := func(ctx context.Context, w pagerDutyWorld) error {
		_, err := w.Incident(ctx, w.incident)
		return err
	}
	readTwice := func(ctx context.Context, w pagerDutyWorld) error {
		return errors.Join(read(ctx, w), read(ctx, w))
	}
	write := func(b pagerduty.ConferenceBridge) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, w pagerDutyWorld) error {
			_, err := w.SetConferenceBridge(ctx, w.incident, b)
			return err
		}
	}
	note := func(ctx context.Context, w pagerDutyWorld) error {
		return w.AddNote(ctx, w.incident, "The call is open.")
	}
	clearBridge := func(ctx context.Context, w pagerDutyWorld) error {
		_, err := w.ClearConferenceBridge(ctx, w.incident)
		return err
	}
	notes := func(ctx context.Context, w pagerDutyWorld) error {
		_, err := w.Notes(ctx, w.incident)
		return err
	}
	shown := func(_ *testing.T, w pagerDutyWorld) { w.fake.SetBridge(w.incident, bridge) }
	resolved := func(_ *testing.T, w pagerDutyWorld) { w.fake.Resolve(w.incident) }
	answered := func(op string, status, code int) func(*testing.T, pagerDutyWorld) {
		return func(_ *testing.T, w pagerDutyWorld) {
			body := pagerdutytest.ErrorBody(code, http.StatusText(status), "The reason")
			w.fake.Fault(op, pagerdutytest.Answer(status, body).Always())
		}
	}
	const r, s, n = "Incident", "SetConferenceBridge", "AddNote"
	return []pagerDutyCall{
		{method: r, outcome: "without a bridge", do: readTwice},
		{method: r, outcome: "with a bridge", do: read, given: shown},
		{method: r, outcome: "with all there is", do: func(ctx context.Context, w pagerDutyWorld) error {
			full := w.fake.AddIncident("The shop is down", func(i *pagerdutytest.Incident) {
				i.Priority = &pagerduty.Reference{ID: "PPRIO01", Type: "priority", Summary: "P1"}
				i.Teams = []pagerduty.Reference{{ID: "PTEAM01", Type: "team_reference", Summary: "Shop"}}
				i.Assignees = []string{"PUSER01"}
			})
			_, err := w.Incident(ctx, full)
			return err
		}},
		{method: r, outcome: "that is resolved", do: read, given: resolved},
		{method: r, outcome: "that is not there", want: pagerduty.ErrNotFound, do: func(ctx context.Context, w pagerDutyWorld) error {
			_, err := w.Incident(ctx, "QNOWHERE")
			return err
		}},
		{method: r, outcome: "above the limit", do: read, want: pagerduty.ErrRateLimited, given: func(_ *testing.T, w pagerDutyWorld) {
			w.fake.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(429, pagerdutytest.ErrorBody(2020, "Rate Limit Exceeded")).
				Header("Ratelimit-Reset", "59").Always())
		}},
		{method: r, outcome: "with a key that is refused", do: read, want: pagerduty.ErrUnauthorized, given: answered(pagerdutytest.GetIncident, 401, 2006)},
		{method: s, outcome: "of both parts", do: write(bridge)},
		{method: s, outcome: "of a link alone", do: write(pagerduty.ConferenceBridge{URL: bridge.URL})},
		{method: s, outcome: "of a number alone", do: write(pagerduty.ConferenceBridge{DialIn: bridge.DialIn})},
		{method: s, outcome: "of a resolved incident", do: write(bridge), given: resolved},
		{method: s, outcome: "after a second try", do: write(bridge), given: func(_ *testing.T, w pagerDutyWorld) {
			w.fake.Fault(pagerdutytest.UpdateIncident, pagerdutytest.ResetBefore(), pagerdutytest.ResetAfter())
		}},
		{method: s, outcome: "of another's account", do: write(bridge), want: pagerduty.ErrForbidden, given: answered(pagerdutytest.UpdateIncident, 403, 2010)},
		{method: s, outcome: "that PagerDuty does not take", do: write(bridge), want: pagerduty.ErrInvalid, given: answered(pagerdutytest.UpdateIncident, 400, 2001)},
		{method: "ClearConferenceBridge", outcome: "that is there", do: clearBridge, given: shown},
		{
			method: "ClearConferenceBridge", outcome: "without the right", do: clearBridge, want: pagerduty.ErrForbidden,
			given: answered(pagerdutytest.UpdateIncident, 403, 2010),
		},
		{method: "Notes", outcome: "of an incident", do: notes, given: func(t *testing.T, w pagerDutyWorld) {
			must(t, w.AddNote(t.Context(), w.incident, "The call is open."))
		}},
		{method: "Notes", outcome: "of nothing", want: pagerduty.ErrNotFound, do: func(ctx context.Context, w pagerDutyWorld) error {
			_, err := w.Notes(ctx, "QNOWHERE")
			return err
		}},
		{method: n, outcome: "of an incident", do: note},
		{method: n, outcome: "whose answer is lost", do: note, want: pagerduty.ErrInDoubt, given: func(_ *testing.T, w pagerDutyWorld) {
			w.fake.Fault(pagerdutytest.AddNote, pagerdutytest.ResetAfter())
		}},
		{method: n, outcome: "of nothing", want: pagerduty.ErrNotFound, do: func(ctx context.Context, w pagerDutyWorld) error {
			return w.AddNote(ctx, "QNOWHERE", "The call is open.")
		}},
	}
}

func pagerDutyPeople() []pagerDutyCall {
	user := func(id string) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, w pagerDutyWorld) error {
			_, err := w.User(ctx, id)
			return err
		}
	}
	byEmail := func(email string) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, w pagerDutyWorld) error {
			_, err := w.UserByEmail(ctx, email)
			return err
		}
	}
	role := func(user string) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, w pagerDutyWorld) error {
			w.fake.SetTeamRole("PTEAM01", "PUSER01", "responder")
			_, err := w.TeamRole(ctx, "PTEAM01", user)
			return err
		}
	}
	abilities := func(ctx context.Context, w pagerDutyWorld) error {
		_, err := w.Abilities(ctx)
		return err
	}
	self := func(ctx context.Context, w pagerDutyWorld) error {
		_, err := w.CurrentUser(ctx)
		return err
	}
	asUser := func(ctx context.Context, w pagerDutyWorld) error {
		w, err := w.as(pagerduty.APIKey(w.fake.UserKey("PUSER01"), w.fake.From()))
		if err != nil {
			return err
		}
		return self(ctx, w)
	}
	asApp := func(ctx context.Context, w pagerDutyWorld) error {
		w, err := w.as(pagerduty.AppToken(w.fake.Credentials()), pagerduty.WithFrom(w.fake.From()))
		if err != nil {
			return err
		}
		_, err = w.Incident(ctx, w.incident)
		return err
	}
	return []pagerDutyCall{
		{method: "TeamRole", outcome: "of a member", do: role("PUSER01")},
		{method: "TeamRole", outcome: "of somebody else", do: role("PNOBODY"), want: pagerduty.ErrNotFound},
		{method: "Abilities", outcome: "of the account", do: abilities},
		{method: "Abilities", outcome: "with a key that is refused", do: abilities, want: pagerduty.ErrUnauthorized, given: func(_ *testing.T, w pagerDutyWorld) {
			w.fake.Fault(pagerdutytest.ListAbilities, pagerdutytest.Answer(401, pagerdutytest.ErrorBody(2006, "Authentication failed")))
		}},
		{method: "CurrentUser", outcome: "of a user's key", do: asUser},
		{method: "CurrentUser", outcome: "of an account's key", do: self, want: pagerduty.ErrNoUser},
		{method: "Incident", outcome: "by an app", do: asApp},
		{method: "User", outcome: "with an id", do: user("PUSER01")},
		{method: "User", outcome: "that is not there", do: user("PNOBODY"), want: pagerduty.ErrNotFound},
		{method: "UserByEmail", outcome: "that is there", do: byEmail("second@example.com"), given: func(_ *testing.T, w pagerDutyWorld) {
			w.fake.AddUser("second@example.com", func(u *pagerdutytest.User) {
				u.Role = "limited_user"
				u.Teams = []pagerduty.Reference{{ID: "PTEAM01", Type: "team_reference", Summary: "Shop"}}
			})
		}},
		{method: "UserByEmail", outcome: "that is not there", do: byEmail("nobody+1@example.com"), want: pagerduty.ErrNotFound},
	}
}

func pagerDutySetUp() []pagerDutyCall {
	subscribe := func(w pagerduty.WebhookSubscriptionRequest) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, world pagerDutyWorld) error {
			_, err := world.CreateWebhookSubscription(ctx, w)
			return err
		}
	}
	account := pagerduty.WebhookSubscriptionRequest{
		URL:         "https://bot.example.com/webhooks/pagerduty",
		Events:      []string{"incident.triggered", "incident.resolved"},
		Description: "incidentbridge",
		Headers:     map[string]pagerduty.Secret{"X-Bot": "one"},
	}
	service := account
	service.Filter = pagerduty.Reference{Type: "service_reference", ID: "PSHOP01"}
	// existing makes a subscription or an extension, and hands its id on.
	subscribed := func(do func(context.Context, pagerDutyWorld, string) error) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, w pagerDutyWorld) error {
			made, err := w.CreateWebhookSubscription(ctx, account)
			if err != nil {
				return err
			}
			return do(ctx, w, made.ID)
		}
	}
	button := pagerduty.ExtensionRequest{
		Name: "Create Zoom Meeting", URL: "https://bot.example.com/actions/pagerduty", ServiceIDs: []string{"PSHOP01"},
		Headers: map[string]pagerduty.Secret{"Authorization": "Bearer one"},
	}
	extended := func(do func(context.Context, pagerDutyWorld, string) error) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, w pagerDutyWorld) error {
			made, err := w.CreateExtension(ctx, button)
			if err != nil {
				return err
			}
			return do(ctx, w, made.ID)
		}
	}
	nowhere := func(do func(context.Context, pagerDutyWorld, string) error) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, w pagerDutyWorld) error { return do(ctx, w, "PNOWHERE") }
	}
	list := func(ctx context.Context, w pagerDutyWorld, _ string) error {
		_, err := w.WebhookSubscriptions(ctx)
		return err
	}
	listExtensions := func(ctx context.Context, w pagerDutyWorld, _ string) error {
		_, err := w.Extensions(ctx, "PSHOP01")
		return err
	}
	enable := func(ctx context.Context, w pagerDutyWorld, id string) error {
		return w.EnableWebhookSubscription(ctx, id)
	}
	ping := func(ctx context.Context, w pagerDutyWorld, id string) error {
		return w.PingWebhookSubscription(ctx, id)
	}
	remove := func(ctx context.Context, w pagerDutyWorld, id string) error {
		return w.DeleteWebhookSubscription(ctx, id)
	}
	enableExtension := func(ctx context.Context, w pagerDutyWorld, id string) error { return w.EnableExtension(ctx, id) }
	removeExtension := func(ctx context.Context, w pagerDutyWorld, id string) error { return w.DeleteExtension(ctx, id) }
	forbidden := func(op string) func(*testing.T, pagerDutyWorld) {
		return func(_ *testing.T, w pagerDutyWorld) {
			w.fake.Fault(op, pagerdutytest.Answer(403, pagerdutytest.ErrorBody(2010, "Access Denied")))
		}
	}
	return []pagerDutyCall{
		{method: "CreateWebhookSubscription", outcome: "of the account", do: subscribe(account)},
		{method: "CreateWebhookSubscription", outcome: "of a service", do: subscribe(service)},
		{
			method: "CreateWebhookSubscription", outcome: "without the right", do: subscribe(account), want: pagerduty.ErrForbidden,
			given: forbidden(pagerdutytest.CreateSubscription),
		},
		{method: "WebhookSubscriptions", outcome: "that are there", do: subscribed(list)},
		{
			method: "WebhookSubscriptions", outcome: "without the right", do: nowhere(list), want: pagerduty.ErrForbidden,
			given: forbidden(pagerdutytest.ListSubscriptions),
		},
		{method: "EnableWebhookSubscription", outcome: "that is there", do: subscribed(enable)},
		{method: "EnableWebhookSubscription", outcome: "that is not", do: nowhere(enable), want: pagerduty.ErrNotFound},
		{method: "PingWebhookSubscription", outcome: "that is there", do: subscribed(ping)},
		{method: "PingWebhookSubscription", outcome: "that is not", do: nowhere(ping), want: pagerduty.ErrNotFound},
		{method: "DeleteWebhookSubscription", outcome: "that is there", do: subscribed(remove)},
		{method: "DeleteWebhookSubscription", outcome: "that is gone", do: nowhere(remove)},
		{
			method: "DeleteWebhookSubscription", outcome: "without the right", do: nowhere(remove), want: pagerduty.ErrForbidden,
			given: forbidden(pagerdutytest.DeleteSubscription),
		},
		{method: "CreateExtension", outcome: "of a service", do: extended(func(context.Context, pagerDutyWorld, string) error { return nil })},
		{
			method: "CreateExtension", outcome: "without the right", do: extended(listExtensions), want: pagerduty.ErrForbidden,
			given: forbidden(pagerdutytest.CreateExtension),
		},
		{method: "Extensions", outcome: "of a service", do: extended(listExtensions)},
		{
			method: "Extensions", outcome: "without the right", do: nowhere(listExtensions), want: pagerduty.ErrForbidden,
			given: forbidden(pagerdutytest.ListExtensions),
		},
		{method: "EnableExtension", outcome: "that is there", do: extended(enableExtension)},
		{method: "EnableExtension", outcome: "that is not", do: nowhere(enableExtension), want: pagerduty.ErrNotFound},
		{method: "DeleteExtension", outcome: "that is there", do: extended(removeExtension)},
		{
			method: "DeleteExtension", outcome: "without the right", do: nowhere(removeExtension), want: pagerduty.ErrForbidden,
			given: forbidden(pagerdutytest.DeleteExtension),
		},
	}
}

// pagerDutyOthers are what the fake serves and this client does not ask for.
func pagerDutyOthers() []pagerDutyCall {
	raw := func(method, path, body string) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, w pagerDutyWorld) error {
			if strings.Contains(path, "SUBSCRIPTION") {
				made, err := w.CreateWebhookSubscription(ctx, pagerduty.WebhookSubscriptionRequest{
					URL: "https://bot.example.com/", Events: []string{"incident.resolved"},
				})
				if err != nil {
					return err
				}
				path = strings.Replace(path, "SUBSCRIPTION", made.ID, 1)
			}
			r, err := http.NewRequestWithContext(ctx, method, "https://api.pagerduty.com"+path, strings.NewReader(body))
			if err != nil {
				return err
			}
			r.Header = http.Header{
				"Authorization": {"Token token=" + w.fake.Key()}, "From": {w.fake.From()},
				"Accept": {"application/vnd.pagerduty+json;version=2"}, "Content-Type": {"application/json"},
			}
			answer, err := w.transport.RoundTrip(r)
			if err == nil && answer.StatusCode >= 300 {
				err = errors.New(answer.Status)
			}
			return err
		}
	}
	change := `{"webhook_subscription":{"active":true,"description":"changed",` +
		`"events":["incident.triggered"],"filter":{"type":"account_reference"}}}`
	return []pagerDutyCall{
		{outcome: "an ability", do: raw(http.MethodGet, "/abilities/teams", "")},
		{outcome: "a subscription", do: raw(http.MethodGet, "/webhook_subscriptions/SUBSCRIPTION", "")},
		{outcome: "a change of a subscription", do: raw(http.MethodPut, "/webhook_subscriptions/SUBSCRIPTION", change)},
	}
}

// pagerDutyRefusals are what the fake refuses of its own accord.
func pagerDutyRefusals() []pagerDutyCall {
	read := func(ctx context.Context, w pagerDutyWorld) error {
		_, err := w.Incident(ctx, w.incident)
		return err
	}
	write := func(ctx context.Context, w pagerDutyWorld) error {
		_, err := w.SetConferenceBridge(ctx, w.incident, pagerduty.ConferenceBridge{URL: "https://example.zoom.us/j/1", DialIn: "+1 415-555-0100,,*1#"})
		return err
	}
	note := func(ctx context.Context, w pagerDutyWorld) error {
		return w.AddNote(ctx, w.incident, "The call is open.")
	}
	by := func(do func(context.Context, pagerDutyWorld) error, auth func(*pagerdutytest.Server) pagerduty.Auth) func(context.Context, pagerDutyWorld) error {
		return func(ctx context.Context, w pagerDutyWorld) error {
			w, err := w.as(auth(w.fake))
			if err != nil {
				return err
			}
			return do(ctx, w)
		}
	}
	wrongKey := func(fake *pagerdutytest.Server) pagerduty.Auth { return pagerduty.APIKey("wrong", fake.From()) }
	readOnly := func(fake *pagerdutytest.Server) pagerduty.Auth {
		return pagerduty.APIKey(fake.ReadOnlyKey(), fake.From())
	}
	nobody := func(fake *pagerdutytest.Server) pagerduty.Auth {
		return pagerduty.APIKey(fake.Key(), "nobody@example.com")
	}
	stakeholder := func(fake *pagerdutytest.Server) pagerduty.Auth {
		fake.AddUser("stakeholder@example.com", func(u *pagerdutytest.User) { u.Role = "read_only_user" })
		return pagerduty.APIKey(fake.Key(), "stakeholder@example.com")
	}
	resolved := func(_ *testing.T, w pagerDutyWorld) { w.fake.Resolve(w.incident) }
	used := func(t *testing.T, w pagerDutyWorld) { must(t, read(t.Context(), w)) }
	const s = "SetConferenceBridge"
	return []pagerDutyCall{
		{method: "Incident", outcome: "with a wrong key", do: by(read, wrongKey), want: pagerduty.ErrUnauthorized},
		{method: s, outcome: "with a wrong key", do: by(write, wrongKey), want: pagerduty.ErrUnauthorized},
		{method: s, outcome: "with a key that may only read", do: by(write, readOnly), want: pagerduty.ErrForbidden},
		{method: s, outcome: "as nobody", do: by(write, nobody), want: pagerduty.ErrRequester},
		{method: s, outcome: "as a stakeholder", do: by(write, stakeholder), want: pagerduty.ErrForbidden},
		{method: "AddNote", outcome: "as nobody", do: by(note, nobody), want: pagerduty.ErrRequester},
		{
			method: s, outcome: "of a number that is refused", do: write, want: pagerduty.ErrInvalid,
			fake: []pagerdutytest.Option{pagerdutytest.WithNumberCheck(pagerdutytest.NoStar)},
		},
		{
			method: s, outcome: "of a resolved incident that is frozen", do: write, given: resolved, want: pagerduty.ErrResolved,
			fake: []pagerdutytest.Option{pagerdutytest.WithResolvedFrozen()},
		},
		{
			method: s, outcome: "in a plan without bridges", do: write, want: pagerduty.ErrPlan,
			fake: []pagerdutytest.Option{pagerdutytest.WithoutBridges()},
		},
		{
			method: "Incident", outcome: "above the limit of a minute", do: read, given: used, want: pagerduty.ErrRateLimited,
			fake: []pagerdutytest.Option{pagerdutytest.WithRateLimit(1)},
		},
	}
}
