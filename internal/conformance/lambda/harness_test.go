package lambda_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/runtimeapi"
	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/sandbox"
	"github.com/incidentbridge/incidentbridge/internal/conformance/need"
)

// bootstrap is the path of the function's program, which TestMain builds.
var bootstrap string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "bootstrap")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			bootstrap, err = sandbox.Build(context.Background(), dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func newVendors(t *testing.T) *sandbox.Vendors {
	t.Helper()
	v := sandbox.NewVendors()
	t.Cleanup(v.Close)
	return v
}

// startProcess runs a process until the test ends. Its output is logged if the test
// fails.
func startProcess(t *testing.T, environ []string, timeout time.Duration) *runtimeapi.Environment {
	t.Helper()
	log := &output{}
	e, err := runtimeapi.Start(bootstrap, environ, timeout, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Close()
		if t.Failed() {
			t.Logf("output of a process:\n%s", log)
		}
	})
	return e
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// dynalite returns the address of dynalite, and skips the test where it is not running.
func dynalite(t *testing.T) string {
	t.Helper()
	return need.Address(t, "dynalite", "source .ci/services", sandbox.EndpointVariable)
}

func newTable(t *testing.T) (storeURL string) {
	t.Helper()
	endpoint := dynalite(t)
	table, err := sandbox.NewTable(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return sandbox.StoreURL(table, endpoint)
}

// invoke sends an HTTP event and returns the response.
func invoke(t *testing.T, e *runtimeapi.Environment, event []byte) sandbox.Response {
	t.Helper()
	text, err := e.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	response, err := sandbox.ParseResponse(text)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// wantOneMeeting checks that one meeting was ever created and that the incident shows it.
func wantOneMeeting(t *testing.T, v *sandbox.Vendors, incident string) {
	t.Helper()
	meetings := v.Zoom.Meetings()
	if len(meetings) != 1 || meetings[0].Deleted {
		t.Fatalf("meetings %+v, want one", meetings)
	}
	if shown := v.PagerDuty.Incident(incident).Bridge.URL; shown != meetings[0].JoinURL {
		t.Errorf("the incident shows %q, want %q", shown, meetings[0].JoinURL)
	}
}

// newProxy forwards requests to target if pass returns true, and answers the others with
// an empty response.
func newProxy(t *testing.T, target string, pass func(*http.Request) bool) (address string) {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pass(r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
