// Package zoomtest is a fake Zoom for tests: it keeps users, meetings and tokens in memory and behaves like the real
// one, its unfriendly sides included. Nothing in it is about one program; test any Zoom bot against it.
//
// # Quick start
//
//	fake := zoomtest.New(zoomtest.WithUsers("host@example.com"))
//	defer fake.Close()
//	client, err := zoom.NewClient(zoom.ServerToServer(fake.AccountCredentials()), zoom.WithTransport(fake.Transport()))
//
// [Server.Transport] answers in memory, whatever host a request names, without sockets or goroutines: use it inside
// testing/synctest. [Server.URL] is the same fake on a loopback socket, with the API at URL()+"/v2" and OAuth at
// URL()+"/oauth". Both may be used at once.
//
// # What is unfriendly
//
// Settings that a request leaves out follow the account: a waiting room, nobody in before the host, mails sent. Locked
// settings win without a word. The link in start_url holds a secret. Lists cut the agenda, leave tracking fields out,
// never show instant meetings, show new ones late ([WithListLag]), and their page tokens end. A host gets 100 creates and
// updates a day ([WithDailyLimit]); the account's own limits are [WithRateLimit] and [WithDailyCalls]. How many meetings
// a host may hold at a time shows only when people join. Error bodies, status codes and empty 204 answers are Zoom's.
//
// # Apps and tokens
//
// There are two apps: [Server.AccountCredentials] is the account's own, [Server.AppCredentials] one that users install at
// /oauth/authorize, with PKCE. There whoever is signed in ([Server.SignIn]) agrees at once, or is asked in a form
// ([WithConsentPage]); with [WithAdminApp] only an administrator may. A code is good once, for five minutes. Every refresh
// gives another refresh token and ends the access token before it; a used one is refused, and [WithReuseDetection] then
// ends the grant. A user's token reaches nobody but "me". [WithScopes] takes scopes away. Revoking wants the app's Basic
// header, not a bearer's. [Server.Uninstall] takes the app away as its user would.
//
// # Faults
//
// [Server.Fault] queues what goes wrong, operation by operation:
//
//	fake.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())           // made, but nobody is told
//	fake.Fault(zoomtest.GetMeeting, zoomtest.Answer(503, "").Times(2))  // then it works again
//	fake.Fault(zoomtest.Any, zoomtest.Hang().Always())                  // until ClearFaults
//
// [Server.Requests] tells what arrived. All methods are safe for concurrent use.
//
// # Webhooks
//
// [Server.Webhook] makes a signed delivery with the bytes that Zoom would send, [Server.Redeliver] sends it again:
//
//	fake.Start(id)
//	r, err := fake.Webhook(zoomtest.Event{Type: zoom.EventMeetingStarted, MeetingID: id}).Request(ctx, target)
package zoomtest
