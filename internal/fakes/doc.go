// Package fakes is the machinery under the fakes of both vendors: what a vendor does is theirs, how requests arrive, are
// logged, go wrong and are answered is here, once.
//
//	machine := fakes.New("zoomtest")
//	machine.Handle("GET /v2/meetings/{meeting}", "get", func(in *fakes.Exchange) fakes.Answer { ... })
//	client := &http.Client{Transport: machine.Transport()} // in memory; machine.URL() is the same on a socket
//
// A [Work] runs with the machine locked, so it may use the fake's state as it likes; whoever looks at that state from
// outside takes [Server.Lock]. A [Fault] that completes late needs no goroutine: its work is done by whoever takes the
// lock next, with the time that it was due.
package fakes
