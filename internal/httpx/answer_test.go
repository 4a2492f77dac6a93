package httpx_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

const limit = 1 << 20

func TestAnswersHaveALimit(t *testing.T) {
	t.Parallel()
	write := func(w io.Writer, n int) { _, _ = io.WriteString(w, strings.Repeat("x", n)) }
	for _, test := range []struct {
		name     string
		answer   http.HandlerFunc
		tooLarge bool
	}{
		{"exactly 1 MiB", func(w http.ResponseWriter, _ *http.Request) { write(w, limit) }, false},
		{"a byte more", func(w http.ResponseWriter, _ *http.Request) { write(w, limit+1) }, true},
		{"without end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				write(w, 4096)
			}
		}, true},
		{"small, but a bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			bomb := gzip.NewWriter(w)
			write(bomb, limit+1)
			_ = bomb.Close()
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				test.answer(w, r)
			})
			resp, err := newClient(t, httpx.Config{Jitter: none}).Do(newRequest(t, "GET", server.URL, ""))
			if errors.Is(err, httpx.ErrTooLarge) != test.tooLarge || calls.Load() != 1 {
				t.Fatalf("got %v after %d calls, want too large: %v after one", err, calls.Load(), test.tooLarge)
			}
			if test.tooLarge {
				if !fault(t, err).Sent {
					t.Error("an answer came, yet the request counts as never sent")
				}
				return
			}
			if got := len(read(t, resp)); got != limit {
				t.Errorf("got %d bytes", got)
			}
		})
	}
}

func TestAnAnswerCutOffIsAFailedAttempt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		method string
		cuts   int32 // how many answers break off before one is whole
		calls  int32
		whole  bool
	}{
		{"a GET gets another", "GET", 2, 3, true},
		{"a GET runs out of attempts", "GET", 9, 4, false},
		{"a PUT gets another", "PUT", 1, 2, true},
		{"a POST is in doubt", "POST", 1, 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			server := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
				if calls.Add(1) > test.cuts {
					_, _ = io.WriteString(w, "whole")
					return
				}
				w.Header().Set("Content-Length", "1000")
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
			client := newClient(t, httpx.Config{Jitter: none})
			resp, err := client.Do(newRequest(t, test.method, server.URL, "body"))
			if calls.Load() != test.calls || (err == nil) != test.whole {
				t.Fatalf("got %v after %d calls, want whole: %v after %d", err, calls.Load(), test.whole, test.calls)
			}
			if test.whole {
				if got := read(t, resp); got != "whole" {
					t.Errorf("got %q", got)
				}
				return
			}
			if !fault(t, err).Sent || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %v, want it sent and an unexpected EOF", err)
			}
		})
	}
}

func TestAnswersWithoutABody(t *testing.T) {
	t.Parallel()
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", "5000000") // of the body a GET would get
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	bare := transport(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 204}, nil })
	for _, carrier := range []http.RoundTripper{nil, bare} {
		client := newClient(t, httpx.Config{Transport: carrier})
		for _, method := range []string{"HEAD", "DELETE"} {
			resp, err := client.Do(newRequest(t, method, server.URL, ""))
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, resp); got != "" {
				t.Errorf("%s: got body %q", method, got)
			}
		}
	}
}
