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
// settings win without a word. The link in start_url holds a secret. Lists cut the agenda and never show instant
// meetings. A host gets 100 creates a day. Error bodies, status codes and empty 204 answers are Zoom's.
//
// # Faults
//
// [Server.Fault] queues what goes wrong, operation by operation:
//
//	fake.Fault(zoomtest.Create, zoomtest.ResetAfter())                  // made, but nobody is told
//	fake.Fault(zoomtest.Get, zoomtest.Answer(503, "").Times(2))         // then it works again
//	fake.Fault(zoomtest.Any, zoomtest.Hang().Always())                  // until ClearFaults
//
// [Server.Requests] tells what arrived. All methods are safe for concurrent use.
package zoomtest
