package httpx

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestADeadConnectionIsLeft lets the network go silent under a kept HTTP/2 connection, as
// a firewall or a frozen Lambda does, and expects the next call to get through on a new
// one.
func TestADeadConnectionIsLeft(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		idle   time.Duration // since the network went silent
		method string
		within time.Duration
	}{
		{"found dead while idle, a POST is not in doubt", 10 * time.Second, http.MethodPost, 0},
		{"found dead by a GET, which is tried again", 0, http.MethodGet, 10 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := newPipes(t)
				transport, ok := defaultTransport().(*http.Transport)
				if !ok {
					t.Fatal("the default transport is not net/http's")
				}
				transport.Proxy, transport.DialContext = nil, network.dial
				transport.Protocols = new(http.Protocols)
				transport.Protocols.SetUnencryptedHTTP2(true)
				client, err := New(Config{Transport: transport})
				if err != nil {
					t.Fatal(err)
				}
				defer client.CloseIdleConnections()

				do := func(method string) error {
					req, err := http.NewRequestWithContext(t.Context(), method, "http://api.zoom.us/", nil)
					if err != nil {
						t.Fatal(err)
					}
					_, err = client.Do(req)
					return err
				}
				if err := do(http.MethodGet); err != nil {
					t.Fatal(err)
				}
				network.silence()
				time.Sleep(test.idle)

				begun := time.Now()
				if err := do(test.method); err != nil || time.Since(begun) > test.within {
					t.Errorf("got %v after %v, want an answer within %v", err, time.Since(begun), test.within)
				}
			})
		})
	}
}

// pipes is a network in memory with one HTTP/2 server behind it.
type pipes struct {
	accepted chan net.Conn
	latest   *wire
}

func newPipes(t *testing.T) *pipes {
	t.Helper()
	p := &pipes{accepted: make(chan net.Conn)}
	server := &http.Server{
		Handler:   http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		Protocols: new(http.Protocols),
	}
	server.Protocols.SetUnencryptedHTTP2(true)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = server.Serve(p)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-closed
	})
	return p
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p.accepted <- there
	p.latest = &wire{Conn: here}
	return p.latest, nil
}

// silence makes the connection there is swallow what is written to it from now on.
func (p *pipes) silence() { p.latest.silent.Store(true) }

func (p *pipes) Accept() (net.Conn, error) {
	conn, ok := <-p.accepted
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p *pipes) Close() error   { close(p.accepted); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

type wire struct {
	net.Conn
	silent atomic.Bool
}

func (w *wire) Write(b []byte) (int, error) {
	if w.silent.Load() {
		return len(b), nil
	}
	return w.Conn.Write(b)
}
