// Package pagerdutytest is a fake PagerDuty for tests: it keeps users and incidents in memory and behaves like the real
// one, its unfriendly sides included. Nothing in it is about one program; test any PagerDuty bot against it.
//
// # Quick start
//
//	fake := pagerdutytest.New()
//	defer fake.Close()
//	id := fake.AddIncident("The shop is down")
//	client, err := pagerduty.NewClient(
//		pagerduty.APIKey(fake.Key(), fake.From()), pagerduty.WithTransport(fake.Transport()))
//
// [Server.Transport] answers in memory, whatever host a request names, without sockets or goroutines: use it inside
// testing/synctest. [Server.URL] is the same fake on a loopback socket. Both may be used at once.
//
// # What is unfriendly
//
// A conference bridge is told only to who asks for it, and never in the answer to a write. Unknown fields are ignored
// without a word. Writes need the id, not the number, and a From address that is a user's. A status that is sent along
// reopens what was resolved. Users come with calendar addresses that are secrets. Where PagerDuty's documents leave a
// question open, the fake gives each answer in turn or the least convenient one: an incident without a bridge shows
// null at one read and an object of nulls at the next; half a bridge that is written leaves the other half as it was.
//
// # Faults
//
// [Server.Fault] queues what goes wrong, operation by operation:
//
//	fake.Fault(pagerdutytest.UpdateIncident, pagerdutytest.ResetAfter())           // written, but nobody is told
//	fake.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(503, "").Times(2))  // then it works again
//	fake.Fault(pagerdutytest.Any, pagerdutytest.Hang().Always())                   // until ClearFaults
//
// [Server.Requests] tells what arrived.
//
// [WithErrorShape] gives refusals each of the shapes that PagerDuty's have been seen in, [WithRateLimit] and
// [WithSilentLimit] limit, [WithoutBridges] and [WithResolvedFrozen] are what a lower plan and a stricter PagerDuty might
// do.
//
// # Who calls
//
// [Server.Key] is an account's key and needs a From on writes; [Server.ReadOnlyKey] and [Server.UserKey] are the other
// kinds. [Server.Credentials] are those of an OAuth app, below /oauth: whoever is signed in ([Server.SignIn]) agrees at
// once, or is asked in a form ([WithConsentPage]), with PKCE; codes are good for 30 seconds; a refresh token is good once,
// and one that comes twice ends its grant; an app's own token has no user. Both kinds of token have only those of the
// scopes that the app has ([WithAppScopes]).
//
// # Webhooks
//
// [Server.Webhook], [Server.CustomAction] and [Server.Workflow] make what PagerDuty sends, from the state of the fake.
// Ids are counted up, so the same calls give the same answers.
//
// Subscriptions and custom incident actions, made through the API, hear by themselves of what happens, a program's own
// writes among it. Nothing is sent until [Server.Deliver] is called, once for each round:
//
//	fake.Resolve(id)
//	attempts := fake.Deliver(ctx, transport) // Delivered, Retrying or Dropped
//	attempts = fake.Deliver(ctx, transport)  // what may heal, again
//
// All methods are safe for concurrent use.
package pagerdutytest
