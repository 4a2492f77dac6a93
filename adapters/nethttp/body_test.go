package nethttp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// padded is a workflow's body of exactly size bytes.
func padded(size int) string {
	const head, tail = `{"incident_id":"PABC123","note":"`, `"}`
	return head + strings.Repeat("x", size-len(head)-len(tail)) + tail
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	// saying gives the request a Content-Length that is not the body's: -1 is a chunked
	// body.
	saying := func(length int64, body string) request {
		return func() *http.Request {
			r := trusted(http.MethodPost, "/actions/pagerduty", "")()
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), length
			return r
		}
	}
	tests := []struct {
		name string
		send request
		want string
	}{
		{"what PagerDuty sends at most", trusted(http.MethodPost, "/actions/pagerduty", padded(256<<10)), "201 attached"},
		{"1 MiB", trusted(http.MethodPost, "/actions/pagerduty", padded(limit)), "201 attached"},
		{"one byte more", trusted(http.MethodPost, "/actions/pagerduty", padded(limit+1)), "413 too_large"},
		{"chunked", saying(-1, padded(limit)), "201 attached"},
		{"chunked, one byte more", saying(-1, padded(limit+1)), "413 too_large"},
		{"says it is small", saying(10, padded(limit+1)), "413 too_large"},
		{"says it is large", saying(limit+1, workflowBody), "413 too_large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := send(t, handler(t, &stub{bridge: attached()}), tt.send); got.String() != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
