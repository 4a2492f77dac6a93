package pagerduty_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// way is how an operation may be repeated.
type way int

const (
	reading  way = iota // GET: repeated
	writing             // PUT and DELETE: repeated, in doubt when that does not help
	creating            // POST: sent once, in doubt at once
	granting            // the token of an app: repeated, and nothing is in doubt
)

// scene is a fake with one of each thing, and the clients that call it.
type scene struct {
	fake                                  *pagerdutytest.Server
	client, user, app                     *pagerduty.Client
	incident, subscription, extension, me string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	fake := pagerdutytest.New()
	s := &scene{fake: fake, client: newClient(t, fake)}
	s.me = fake.AddUser("ada@example.com")
	fake.SetTeamRole("PTEAM1", s.me, "responder")
	s.incident = fake.AddIncident("down")

	var err error
	options := []pagerduty.Option{pagerduty.WithTransport(fake.Transport())}
	if s.user, err = pagerduty.NewClient(pagerduty.APIKey(fake.UserKey(s.me), "ada@example.com"), options...); err != nil {
		t.Fatal(err)
	}
	s.app = newAppClient(t, fake)

	subscription, err := s.client.CreateWebhookSubscription(t.Context(), someSubscription)
	if err != nil {
		t.Fatal(err)
	}
	extension, err := s.client.CreateExtension(t.Context(), someExtension)
	if err != nil {
		t.Fatal(err)
	}
	s.subscription, s.extension = subscription.ID, extension.ID
	return s
}

// operations are all calls of the client, with the operation of the fake that the faults
// meet.
var operations = []struct {
	name   string
	op     string
	way    way
	silent bool // a good answer has no body that matters
	gone   bool // what is not found is as good as done
	call   func(context.Context, *scene) error
}{
	{
		"get incident", pagerdutytest.GetIncident, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.Incident(ctx, s.incident)
			return err
		},
	},
	{
		"set conference bridge", pagerdutytest.UpdateIncident, writing, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.SetConferenceBridge(ctx, s.incident, someBridge)
			return err
		},
	},
	{
		"clear conference bridge", pagerdutytest.UpdateIncident, writing, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.ClearConferenceBridge(ctx, s.incident)
			return err
		},
	},
	{
		"add note", pagerdutytest.AddNote, creating, false, false,
		func(ctx context.Context, s *scene) error { return s.client.AddNote(ctx, s.incident, "hello") },
	},
	{
		"list notes", pagerdutytest.ListNotes, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.Notes(ctx, s.incident)
			return err
		},
	},
	{
		"get user", pagerdutytest.GetUser, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.User(ctx, s.me)
			return err
		},
	},
	{
		"get current user", pagerdutytest.GetSelf, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.user.CurrentUser(ctx)
			return err
		},
	},
	{
		"find user", pagerdutytest.ListUsers, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.UserByEmail(ctx, "ada@example.com")
			return err
		},
	},
	{
		"get team role", pagerdutytest.ListMembers, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.TeamRole(ctx, "PTEAM1", s.me)
			return err
		},
	},
	{
		"list abilities", pagerdutytest.ListAbilities, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.Abilities(ctx)
			return err
		},
	},
	{
		"create webhook subscription", pagerdutytest.CreateSubscription, creating, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.CreateWebhookSubscription(ctx, someSubscription)
			return err
		},
	},
	{
		"list webhook subscriptions", pagerdutytest.ListSubscriptions, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.WebhookSubscriptions(ctx)
			return err
		},
	},
	{
		"enable webhook subscription", pagerdutytest.EnableSubscription, creating, true, false,
		func(ctx context.Context, s *scene) error {
			return s.client.EnableWebhookSubscription(ctx, s.subscription)
		},
	},
	{
		"ping webhook subscription", pagerdutytest.PingSubscription, creating, true, false,
		func(ctx context.Context, s *scene) error {
			return s.client.PingWebhookSubscription(ctx, s.subscription)
		},
	},
	{
		"delete webhook subscription", pagerdutytest.DeleteSubscription, writing, true, true,
		func(ctx context.Context, s *scene) error {
			return s.client.DeleteWebhookSubscription(ctx, s.subscription)
		},
	},
	{
		"look up custom incident actions", pagerdutytest.ListExtensionSchemas, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.CreateExtension(ctx, someExtension)
			return err
		},
	},
	{
		"create custom incident action", pagerdutytest.CreateExtension, creating, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.CreateExtension(ctx, someExtension)
			return err
		},
	},
	{
		"list custom incident actions", pagerdutytest.ListExtensions, reading, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.client.Extensions(ctx, "PSHOP01")
			return err
		},
	},
	{
		"enable custom incident action", pagerdutytest.EnableExtension, creating, true, false,
		func(ctx context.Context, s *scene) error { return s.client.EnableExtension(ctx, s.extension) },
	},
	{
		"delete custom incident action", pagerdutytest.DeleteExtension, writing, true, true,
		func(ctx context.Context, s *scene) error { return s.client.DeleteExtension(ctx, s.extension) },
	},
	{
		"app token", pagerdutytest.GiveToken, granting, false, false,
		func(ctx context.Context, s *scene) error {
			_, err := s.app.Incident(ctx, s.incident)
			return err
		},
	},
}

// outcome is what a call under a fault comes to. The requests are those that reached the
// fake.
type outcome struct {
	requests int
	err      error // nil: it succeeds
}

var (
	down    = pagerduty.ErrUnavailable
	doubt   = pagerduty.ErrInDoubt
	limited = pagerduty.ErrRateLimited
)

// repeatedAnd is the outcome of a fault that a repetition cures, and of the one request
// where none is allowed.
func repeatedAnd(once outcome) map[way]outcome {
	cured := outcome{2, nil}
	return map[way]outcome{reading: cured, writing: cured, granting: cured, creating: once}
}

var operationFaults = []struct {
	name  string
	fault pagerdutytest.Fault
	want  map[way]outcome
	body  bool // it is about the body, which a silent operation does not read
	lost  bool // it says that the thing is not there
}{
	{"no fault", pagerdutytest.Delay(0), always(outcome{1, nil}), false, false},
	{"delay", pagerdutytest.Delay(3 * time.Second), always(outcome{1, nil}), false, false},
	{"hang", pagerdutytest.Hang(), repeatedAnd(outcome{1, doubt}), false, false},
	{"reset before", pagerdutytest.ResetBefore(), repeatedAnd(outcome{1, doubt}), false, false},
	{"reset after", pagerdutytest.ResetAfter(), repeatedAnd(outcome{1, doubt}), false, false},
	{"answer cut", pagerdutytest.Truncate(), repeatedAnd(outcome{1, doubt}), false, false},
	{"late completion", pagerdutytest.Late(12 * time.Second), repeatedAnd(outcome{1, doubt}), false, false},
	{"503 once", pagerdutytest.Answer(503, ""), repeatedAnd(outcome{1, doubt}), false, false},
	{"408 once", pagerdutytest.Answer(408, ""), repeatedAnd(outcome{1, doubt}), false, false},
	{"429 once", silent429(), repeatedAnd(outcome{1, limited}), false, false},
	{
		"500 for good", pagerdutytest.Answer(500, pagerdutytest.ErrorBody(2000, "Internal Error")).Always(),
		map[way]outcome{reading: {4, down}, writing: {4, doubt}, granting: {4, down}, creating: {1, doubt}},
		false, false,
	},
	{
		"HTML error page for good", pagerdutytest.Mask(502, pagerdutytest.HTMLPage).Always(),
		map[way]outcome{reading: {4, down}, writing: {4, doubt}, granting: {4, down}, creating: {1, doubt}},
		false, false,
	},
	{
		"reset for good", pagerdutytest.ResetBefore().Always(),
		map[way]outcome{reading: {4, down}, writing: {4, doubt}, granting: {4, down}, creating: {1, doubt}},
		false, false,
	},
	{
		"hang for good", pagerdutytest.Hang().Always(), // a token has 20 seconds, everything else 30
		map[way]outcome{reading: {3, down}, writing: {3, doubt}, granting: {2, down}, creating: {1, doubt}}, false, false,
	},
	{"limited for good", silent429().Header("ratelimit-reset", "55").Always(), always(outcome{1, limited}), false, false},
	{
		"broken JSON", pagerdutytest.Mask(200, `{"incident":`),
		map[way]outcome{reading: {1, down}, writing: {1, doubt}, granting: {1, down}, creating: {1, doubt}},
		true, false,
	},
	{
		"HTML page for an answer", pagerdutytest.Mask(200, pagerdutytest.HTMLPage),
		map[way]outcome{reading: {1, down}, writing: {1, doubt}, granting: {1, down}, creating: {1, doubt}},
		true, false,
	},
	{
		"400", pagerdutytest.Answer(400, pagerdutytest.ErrorBody(2001, "Invalid Input Provided")),
		refused(pagerduty.ErrInvalid), false, false,
	},
	{
		"402", pagerdutytest.Answer(402, pagerdutytest.ErrorBody(2014, "Missing ability")),
		refused(pagerduty.ErrPlan), false, false,
	},
	{
		"403", pagerdutytest.Answer(403, pagerdutytest.ErrorBody(2010, "Access Denied")),
		refused(pagerduty.ErrForbidden), false, false,
	},
	{
		"404", pagerdutytest.Answer(404, pagerdutytest.ErrorBody(2100, "Not Found")),
		refused(pagerduty.ErrNotFound), false, true,
	},
}

func always(o outcome) map[way]outcome {
	return map[way]outcome{reading: o, writing: o, granting: o, creating: o}
}

// refused is the outcome of an answer that no repetition changes. The token endpoint's
// refusal is about credentials.
func refused(err error) map[way]outcome {
	want := always(outcome{1, err})
	want[granting] = outcome{1, pagerduty.ErrCredentials}
	return want
}

func TestEveryOperationUnderEveryFault(t *testing.T) {
	t.Parallel()
	for _, operation := range operations {
		for _, f := range operationFaults {
			t.Run(operation.name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newScene(t)
					want := f.want[operation.way]
					if (f.body && operation.silent) || (f.lost && operation.gone) {
						want.err = nil
					}
					before := len(s.fake.Requests(operation.op))
					s.fake.Fault(operation.op, f.fault)

					err := operation.call(t.Context(), s)
					if (want.err == nil && err != nil) || !errors.Is(err, want.err) {
						t.Errorf("error %v, want %v", err, want.err)
					}
					var typed *pagerduty.Error
					if err != nil && !errors.As(err, &typed) {
						t.Errorf("error %v is no *Error", err)
					}
					if errors.Is(err, doubt) && want.err != doubt { //nolint:errorlint // the sentinel itself
						t.Errorf("error %v speaks of doubt, where there is none", err)
					}
					if got := len(s.fake.Requests(operation.op)) - before; got != want.requests {
						t.Errorf("%d requests reached PagerDuty, want %d", got, want.requests)
					}
					time.Sleep(time.Minute) // what completes late has completed
					state := s.fake.Incident(s.incident)
					if len(state.Notes) > 1 || len(s.fake.Subscriptions()) > 2 || len(s.fake.Extensions()) > 2 {
						t.Error("something was made twice")
					}
				})
			})
		}
	}
}

func TestEveryOperationEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, operation := range operations {
		t.Run(operation.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t)
				s.fake.Fault(operation.op, pagerdutytest.Hang().Always())
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				start := time.Now()
				err := operation.call(ctx, s)
				if took := time.Since(start); took != 2*time.Second || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v after %s, want the deadline after 2s", err, took)
				}
				time.Sleep(time.Minute) // what outlives its caller ends too
			})
		})
	}
}
