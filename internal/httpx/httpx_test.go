package httpx_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

const vendor = "https://api.zoom.us/v2/meetings/1"

// transport is a vendor in memory.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer builds a vendor's answer; headers come in pairs.
func answer(status int, body string, headers ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i < len(headers); i += 2 {
		resp.Header.Set(headers[i], headers[i+1])
	}
	return resp
}

// hang is a vendor that never answers.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// whole makes every jitter as long as it may be.
func whole(d time.Duration) time.Duration { return d }

// none makes every jitter as short as it may be.
func none(time.Duration) time.Duration { return 0 }

func newClient(t testing.TB, config httpx.Config) *httpx.Client {
	t.Helper()
	client, err := httpx.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func newRequest(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func newServer(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func read(t testing.TB, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// fault returns the *httpx.Error in err, which must be one.
func fault(t testing.TB, err error) *httpx.Error {
	t.Helper()
	var fault *httpx.Error
	if !errors.As(err, &fault) {
		t.Fatalf("got %v (%T), want an *httpx.Error", err, err)
	}
	return fault
}

// TestMain lets a test run a piece of itself in a process of its own, where the
// environment is fresh.
func TestMain(m *testing.M) {
	if url := os.Getenv("HTTPX_TEST_GET"); url != "" {
		os.Exit(get(url))
	}
	os.Exit(m.Run())
}
