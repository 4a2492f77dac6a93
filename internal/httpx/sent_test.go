package httpx_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

func TestSentOverTheNetwork(t *testing.T) {
	t.Parallel()
	closed := newServer(t, nil)
	closed.Close()

	stranger := httptest.NewUnstartedServer(nil) // with an unknown certificate
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	t.Cleanup(stranger.Close)

	resets := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	})
	hangs := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	aborts := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}))
	aborts.EnableHTTP2 = true
	aborts.StartTLS()
	t.Cleanup(aborts.Close)
	deafProxy := &http.Transport{Proxy: func(r *http.Request) (*url.URL, error) { return r.URL.Parse(closed.URL) }}

	over, cancel := context.WithCancel(t.Context())
	cancel()

	for _, test := range []struct {
		name      string
		url       string
		ctx       context.Context
		transport http.RoundTripper
		sent      bool
		attempts  int32 // of the connection
		patience  time.Duration
	}{
		{"dial refused", closed.URL, t.Context(), nil, false, 2, time.Minute},
		{"TLS refused", stranger.URL, t.Context(), nil, false, 1, time.Minute},
		{"proxy refused", "https://api.zoom.us/", t.Context(), deafProxy, false, 2, time.Minute},
		{"context over before it began", hangs.URL, over, nil, false, 0, time.Minute},
		{"reset after it was written", resets.URL, t.Context(), nil, true, 1, time.Minute},
		{"no answer in time", hangs.URL, t.Context(), nil, true, 1, 2 * time.Second},
		{"HTTP/2 stream reset", aborts.URL, t.Context(), aborts.Client().Transport, true, 1, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, httpx.Config{
				Transport: test.transport, AttemptTimeout: test.patience, MaxAttempts: 2, Jitter: none,
			})
			var attempts atomic.Int32
			ctx := httptrace.WithClientTrace(test.ctx, &httptrace.ClientTrace{GetConn: func(string) { attempts.Add(1) }})
			_, err := client.Do(newRequest(t, "POST", test.url, "body").WithContext(ctx))
			if got := fault(t, err); got.Sent != test.sent || attempts.Load() != test.attempts {
				t.Errorf("got %v, sent %v, after %d attempts; want sent %v after %d",
					err, got.Sent, attempts.Load(), test.sent, test.attempts)
			}
		})
	}
}

// TestSentByWhatTheTransportTells pins the steps no real connection can be stopped at on
// purpose.
func TestSentByWhatTheTransportTells(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		tell func(*httptrace.ClientTrace)
		err  error
		sent bool
	}{
		{"nothing", func(*httptrace.ClientTrace) {}, errReset, true},
		{"nothing, but the dial failed", func(*httptrace.ClientTrace) {}, &net.OpError{Op: "dial", Err: errReset}, false},
		{"nothing, and a read failed", func(*httptrace.ClientTrace) {}, &net.OpError{Op: "read", Err: errReset}, true},
		{"no connection came about", func(tell *httptrace.ClientTrace) { tell.GetConn("") }, errReset, false},
		{"a connection, nothing written", func(tell *httptrace.ClientTrace) {
			tell.GetConn("")
			tell.GotConn(httptrace.GotConnInfo{})
		}, errReset, false},
		{"a connection of HTTP/2", func(tell *httptrace.ClientTrace) {
			tell.GetConn("")
			tell.GotConn(httptrace.GotConnInfo{Conn: http2Conn{}})
		}, errReset, true},
		{"the headers were written", func(tell *httptrace.ClientTrace) {
			tell.GetConn("")
			tell.GotConn(httptrace.GotConnInfo{})
			tell.WroteHeaders()
		}, errReset, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			attempts := 0
			client := newClient(t, httpx.Config{Jitter: none, Transport: transport(func(r *http.Request) (*http.Response, error) {
				attempts++
				test.tell(httptrace.ContextClientTrace(r.Context()))
				return nil, test.err
			})})
			_, err := client.Do(newRequest(t, "POST", vendor, "body"))
			want := 4
			if test.sent {
				want = 1
			}
			if fault(t, err).Sent != test.sent || attempts != want {
				t.Errorf("got %v after %d attempts, want sent %v after %d", err, attempts, test.sent, want)
			}
			if !errors.Is(err, errReset) {
				t.Errorf("got %v, want the transport's own error in it", err)
			}
		})
	}
}

func TestSentCountsEveryAttempt(t *testing.T) {
	t.Parallel()
	faults := []error{errReset, &net.OpError{Op: "dial", Err: errReset}}
	client := newClient(t, httpx.Config{MaxAttempts: 2, Jitter: none, Transport: transport(
		func(*http.Request) (*http.Response, error) {
			fault := faults[0]
			faults = faults[1:]
			return nil, fault
		})})
	_, err := client.Do(newRequest(t, "PUT", vendor, "body"))
	if !fault(t, err).Sent {
		t.Errorf("got %v, want it sent: the first attempt was", err)
	}
}

type http2Conn struct{ net.Conn }

func (http2Conn) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: "h2"}
}

// TestNetHTTPDoesNotSendAgain lets a kept connection break after a request was read:
// net/http sends it again by itself when it thinks that harmless.
func TestNetHTTPDoesNotSendAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		method     string
		body       string
		key        string
		idempotent bool
		times      int32
	}{
		{"an idempotent GET is, which shows that the test can see it", "GET", "", "", true, 2},
		{"POST", "POST", "body", "", false, 1},
		{"POST with a key", "POST", "body", "Idempotency-Key", false, 1},
		{"POST with a key and no body", "POST", "", "Idempotency-Key", false, 1},
		{"POST with the other key and no body", "POST", "", "X-Idempotency-Key", false, 1},
		{"GET that is not idempotent", "GET", "", "", false, 1},
		{"HEAD that is not idempotent", "HEAD", "", "", false, 1},
		{"DELETE that is not idempotent", "DELETE", "", "Idempotency-Key", false, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var times atomic.Int32
			server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.URL.Path == "/warm" {
					return
				}
				times.Add(1)
				if string(body) != test.body || test.key != "" && r.Header.Get(test.key) != "key" || r.TransferEncoding != nil {
					t.Errorf("got body %q, header %v, encoding %v", body, r.Header, r.TransferEncoding)
				}
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.Close()
			})
			client := newClient(t, httpx.Config{MaxAttempts: 1})
			if _, err := client.Do(newRequest(t, "GET", server.URL+"/warm", "")); err != nil {
				t.Fatal(err)
			}
			req := newRequest(t, test.method, server.URL, test.body)
			if test.key != "" {
				req.Header.Set(test.key, "key")
			}
			_, err := client.Do(req.WithContext(httpx.Idempotent(t.Context(), test.idempotent)))
			if !fault(t, err).Sent || times.Load() != test.times {
				t.Errorf("got %v, and the server saw it %d times, want %d", err, times.Load(), test.times)
			}
		})
	}
}
