// Package pagerdutytest is a fake PagerDuty for tests: it keeps users and incidents in
// memory and behaves like the real one, with its traps. It is not made for one program:
// test any PagerDuty bot against it.
//
// # Quick start
//
//	fake := pagerdutytest.New()
//	defer fake.Close()
//	id := fake.AddIncident("The shop is down")
//	client, err := pagerduty.NewClient(
//		pagerduty.APIKey(fake.Key(), fake.From()), pagerduty.WithTransport(fake.Transport()))
//
// [Server.Transport] answers in memory, whatever host a request names, without sockets or
// goroutines: use it inside testing/synctest. [Server.URL] is the same fake on a loopback
// socket. Both may be used at once.
//
// # Traps
//
// An answer has the conference bridge only when the request includes it, and never after
// a write. Unknown fields are ignored without an error. Writes need the id, not the
// number, and a From address that is a user's. A write with a status reopens a resolved
// incident. Users have calendar addresses that are secrets. Where PagerDuty's documents
// leave a question open, the fake does each in turn or the least convenient: an incident
// without a bridge shows null at one read and an object of nulls at the next; a write of
// half a bridge leaves the other half as it was.
//
// # Faults
//
// [Server.Fault] queues what goes wrong, operation by operation:
//
//	fake.Fault(pagerdutytest.UpdateIncident, pagerdutytest.ResetAfter())           // written, but the answer is lost
//	fake.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(503, "").Times(2))  // then it works again
//	fake.Fault(pagerdutytest.Any, pagerdutytest.Hang().Always())                   // until ClearFaults
//
// [Server.Requests] returns what arrived.
//
// [WithErrorShape] selects one of the shapes that PagerDuty's error bodies have been seen
// in. [WithRateLimit] and [WithSilentLimit] limit calls. [WithoutBridges] and
// [WithResolvedFrozen] are what a lower plan and a stricter PagerDuty might do.
//
// # Keys and tokens
//
// [Server.Key] is an account's key and needs a From on writes; [Server.ReadOnlyKey] and
// [Server.UserKey] are the other kinds. [Server.Credentials] are those of an OAuth app,
// below /oauth: the user who is signed in ([Server.SignIn]) agrees at once, or in a form
// ([WithConsentPage]), with PKCE. Codes are valid for 30 seconds; a refresh token is
// valid once, and using it twice ends its grant; an app's own token has no user. Both
// kinds of token have only scopes that the app has ([WithAppScopes]).
//
// # Webhooks
//
// [Server.Webhook], [Server.CustomAction] and [Server.Workflow] return what PagerDuty
// sends, with the state of the fake. Ids are counted up, so the same calls return the
// same answers.
//
// Events for subscriptions and custom incident actions that were made through the API are
// queued as they happen, those of the program's own writes too. They are sent by
// [Server.Deliver], one round at each call:
//
//	fake.Resolve(id)
//	attempts := fake.Deliver(ctx, transport) // Delivered, Retrying or Dropped
//	attempts = fake.Deliver(ctx, transport)  // those that are retried
//
// All methods are safe for concurrent use.
package pagerdutytest
