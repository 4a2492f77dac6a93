// Package zoomtest is a fake Zoom for tests: it keeps users, meetings and tokens in
// memory and behaves like the real one, with its traps. It is not made for one program:
// test any Zoom bot against it.
//
// # Quick start
//
//	fake := zoomtest.New(zoomtest.WithUsers("host@example.com"))
//	defer fake.Close()
//	client, err := zoom.NewClient(zoom.ServerToServer(fake.AccountCredentials()), zoom.WithTransport(fake.Transport()))
//
// [Server.Transport] answers in memory, whatever host a request names, without sockets or
// goroutines: use it inside testing/synctest. [Server.URL] is the same fake on a loopback
// socket, with the API at URL()+"/v2" and OAuth at URL()+"/oauth". Both may be used at
// once.
//
// # Traps
//
// Settings that a request leaves out are the account's: a waiting room, nobody can join
// before the host, mails are sent. Locked settings override the request without an error.
// The link in start_url contains a secret. Lists cut the agenda, leave tracking fields
// out, never show instant meetings, show new ones late ([WithListLag]), and their page
// tokens expire. A host may have 100 creates and updates a day ([WithDailyLimit]); the
// account's own limits are [WithRateLimit] and [WithDailyCalls]. The number of meetings
// that a host may hold at a time is checked only when people join. Error bodies, status
// codes and empty 204 answers are Zoom's.
//
// # Apps and tokens
//
// There are two apps: [Server.AccountCredentials] are the account's own,
// [Server.AppCredentials] one that users install at /oauth/authorize, with PKCE. There
// the user who is signed in ([Server.SignIn]) agrees at once, or in a form
// ([WithConsentPage]); with [WithAdminApp] only an administrator may. A code is valid
// once, for five minutes. Every refresh returns another refresh token and ends the
// previous access token; a used refresh token is rejected, and with [WithReuseDetection]
// that ends the grant. A user's token works only for "me". [WithScopes] restricts the
// scopes. A revoke needs the app's Basic header, not a Bearer one. [Server.Uninstall]
// removes the app as its user would.
//
// # Faults
//
// [Server.Fault] queues what goes wrong, operation by operation:
//
//	fake.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())           // made, but the answer is lost
//	fake.Fault(zoomtest.GetMeeting, zoomtest.Answer(503, "").Times(2))  // then it works again
//	fake.Fault(zoomtest.Any, zoomtest.Hang().Always())                  // until ClearFaults
//
// [Server.Requests] returns what arrived. All methods are safe for concurrent use.
//
// # Webhooks
//
// [Server.Webhook] makes a signed delivery with the bytes that Zoom would send,
// [Server.Redeliver] sends it again:
//
//	fake.Start(id)
//	r, err := fake.Webhook(zoomtest.Event{Type: zoom.EventMeetingStarted, MeetingID: id}).Request(ctx, target)
package zoomtest
