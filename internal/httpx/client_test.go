package httpx_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

func ExampleClient_Do() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client, err := httpx.New(httpx.Config{Domains: []string{"zoom.us"}})
	if err != nil {
		panic(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL, nil)
	if err != nil {
		panic(err)
	}
	resp, err := client.Do(req)
	var fault *httpx.Error
	switch {
	case errors.As(err, &fault) && fault.Sent:
		fmt.Println("in doubt")
	case err != nil:
		fmt.Println("never left")
	default:
		fmt.Println(resp.Status)
	}
	// Output: 404 Not Found
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]httpx.Config{
		"negative attempts":        {MaxAttempts: -1},
		"negative attempt timeout": {AttemptTimeout: -1},
		"negative total timeout":   {TotalTimeout: -1},
		"negative wait":            {MaxWait: -1},
		"empty domain":             {Domains: []string{""}},
		"domain with a dot first":  {Domains: []string{".zoom.us"}},
		"domain that is a URL":     {Domains: []string{"https://zoom.us"}},
		"domain with a port":       {Domains: []string{"zoom.us:443"}},
		"domain with a wildcard":   {Domains: []string{"*.zoom.us"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := httpx.New(config); err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestNewKeepsTheCallersDomains(t *testing.T) {
	t.Parallel()
	domains := []string{"Zoom.US"}
	newClient(t, httpx.Config{Domains: domains})
	if domains[0] != "Zoom.US" {
		t.Errorf("New changed the caller's slice to %q", domains)
	}
}

func TestDoReturnsTheAnswerOfAnyStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 204, 304, 400, 401, 404, 429, 500, 501, 503} {
		client := newClient(t, httpx.Config{MaxAttempts: 1, Transport: transport(
			func(*http.Request) (*http.Response, error) { return answer(status, `{"code":1}`), nil })})
		resp, err := client.Do(newRequest(t, "GET", vendor, ""))
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status || read(t, resp) != `{"code":1}` {
			t.Errorf("status %d did not come back as it was", status)
		}
	}
}

func TestDoLeavesTheCallersRequestAlone(t *testing.T) {
	t.Parallel()
	rude := transport(func(r *http.Request) (*http.Response, error) {
		r.Header.Set("Authorization", "someone else's")
		r.URL.Host = "elsewhere"
		return answer(503, ""), nil
	})
	client := newClient(t, httpx.Config{Transport: rude, Jitter: none})
	for name, ctx := range map[string]context.Context{
		"idempotent":     httpx.Idempotent(t.Context(), true),
		"not idempotent": httpx.Idempotent(t.Context(), false),
	} {
		for _, body := range []string{"", "body"} {
			req := newRequest(t, "POST", vendor+"?a=b", body).WithContext(ctx)
			req.Header.Set("Authorization", "Bearer token")
			req.Header.Set("Idempotency-Key", "key")
			header, target, length := maps.Clone(req.Header), *req.URL, req.ContentLength

			if _, err := client.Do(req); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(header, req.Header); diff != "" {
				t.Errorf("%s: header (-before +after):\n%s", name, diff)
			}
			if *req.URL != target || req.ContentLength != length || req.Context() != ctx || req.GetBody == nil {
				t.Errorf("%s: the request was edited: %v", name, req)
			}
		}
	}
}

func TestDoSendsTheWholeBodyEachTime(t *testing.T) {
	t.Parallel()
	var got []string
	client := newClient(t, httpx.Config{Jitter: none, Transport: transport(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		got = append(got, fmt.Sprint(string(body), " ", r.ContentLength, " ", err))
		return answer(503, ""), nil
	})})
	if _, err := client.Do(newRequest(t, "PUT", vendor, "hello")); err != nil {
		t.Fatal(err)
	}
	want := []string{"hello 5 <nil>", "hello 5 <nil>", "hello 5 <nil>", "hello 5 <nil>"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
}

type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func TestDoClosesTheCallersBody(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	for name, reader := range map[string]io.Reader{
		"read":   strings.NewReader("body"),
		"broken": io.MultiReader(strings.NewReader("bo"), &failing{broken}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, httpx.Config{Transport: transport(
				func(*http.Request) (*http.Response, error) { return answer(200, ""), nil })})
			req, body := newRequest(t, "POST", vendor, ""), &closer{Reader: reader}
			req.Body = body
			_, err := client.Do(req)
			if !body.closed {
				t.Error("the body was left open")
			}
			if name == "broken" && (!errors.Is(err, broken) || fault(t, err).Sent) {
				t.Errorf("got %v, want the reader's own error and nothing sent", err)
			}
		})
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestDoReusesConnections(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	calls := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if calls%3 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(bytes.Repeat([]byte("x"), 200_000))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)

	client := newClient(t, httpx.Config{Jitter: none})
	for i := range 10 {
		path := []string{"/length", "/chunked"}[i%2]
		resp, err := client.Do(newRequest(t, "GET", server.URL+path, ""))
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK { // the answer is thrown away unread, as a careless caller would
			t.Fatalf("got %s", resp.Status)
		}
	}
	if got := connections.Load(); got != 1 {
		t.Errorf("%d requests used %d connections, want 1", calls, got)
	}
}

func TestDoIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	client := newClient(t, httpx.Config{})
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			want := fmt.Sprint("body ", i)
			resp, err := client.Do(newRequest(t, "POST", server.URL, want))
			if err != nil {
				t.Error(err)
				return
			}
			if got := read(t, resp); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	group.Wait()
}

func TestDoTakesATransportThatReturnsNothing(t *testing.T) {
	t.Parallel()
	client := newClient(t, httpx.Config{MaxAttempts: 1, Transport: transport(
		func(*http.Request) (*http.Response, error) { return nil, nil })})
	if _, err := client.Do(newRequest(t, "GET", vendor, "")); err == nil {
		t.Error("got no error")
	}
}

// get is the child process of the tests below: one client with every default.
func get(url string) int {
	client, err := httpx.New(httpx.Config{MaxAttempts: 2, Jitter: none})
	if err != nil {
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 1
	}
	resp, err := client.Do(req)
	if err != nil {
		return 1
	}
	fmt.Print(resp.Proto, " ", resp.StatusCode)
	return 0
}

// child runs get in a process whose environment has the given settings, and returns what
// it printed.
func child(t *testing.T, url string, settings ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(settings, "HTTPX_TEST_GET="+url, "GOCOVERDIR="+t.TempDir())
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("child: %v\n%s%s", err, &out, &errs)
	}
	return out.String(), errs.String()
}

func TestDefaultTransportKeepsTheEnvironmentsProxy(t *testing.T) {
	t.Parallel()
	proxy := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host == "vendor.example" {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	if got, _ := child(t, "http://vendor.example/", "HTTP_PROXY="+proxy.URL); got != "HTTP/1.1 418" {
		t.Errorf("got %q, want the proxy's answer", got)
	}
}

func TestDefaultTransportKeepsHTTP2(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)

	roots := filepath.Join(t.TempDir(), "roots.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(roots, block, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := child(t, server.URL, "SSL_CERT_FILE="+roots); got != "HTTP/2.0 200" {
		t.Errorf("got %q, want HTTP/2", got)
	}
}

func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	server := newServer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	target, _ := url.Parse(server.URL)
	target.RawQuery = "token=secret"
	stdout, stderr := child(t, target.String())
	if stdout != "HTTP/1.1 503" || stderr != "" {
		t.Errorf("got %q and on stderr %q, want the answer alone", stdout, stderr)
	}
}
