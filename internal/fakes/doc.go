// Package fakes is what the fakes of both vendors have in common: how requests arrive,
// are logged, go wrong and are answered. What a vendor does is in zoomtest and
// pagerdutytest.
//
//	server := fakes.New("zoomtest")
//	server.Handle("GET /v2/meetings/{meeting}", "get_meeting", func(in *fakes.Exchange) fakes.Answer { ... })
//	client := &http.Client{Transport: server.Transport()} // in memory; server.URL() is the same on a socket
//
// # Concurrency
//
// A [Work] runs with the server locked, so it may use the fake's state as it likes; other
// code that reads the state takes [Server.Lock]. A [Fault] that completes late needs no
// goroutine: its work is done when the lock is next taken, with the time that it was due.
package fakes
