package awslambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/adapters/awslambda"
)

const queueARN = "arn:aws:sqs:us-east-2:123456789012:triggers"

// A signed message goes to the webhook route. One without a signature gets the token of
// the trusted queue, if it came from that queue.
func TestMessageRequests(t *testing.T) {
	t.Parallel()
	type request struct{ path, body, signature, id, authorization, length string }
	signed := request{"/webhooks/pagerduty", `{"event":{"id":"01EVENT"}}`, "v1=aa,v1=bb", "W1", "", "26"}
	action := request{"/actions/pagerduty", `{"incident_id":"P1"}`, "", "2e1424d4-f796-459a-8184-9c92662be6da", "", "20"}
	trusted := action
	trusted.authorization = "Bearer token"
	tests := []struct {
		name  string
		opts  []awslambda.Option
		wants []request
	}{
		{name: "no trusted queue", wants: []request{action, signed}},
		{name: "a trusted queue", opts: []awslambda.Option{awslambda.Queue(queueARN, "token")}, wants: []request{trusted, signed}},
		{name: "another queue is trusted", opts: []awslambda.Option{awslambda.Queue(queueARN+"2", "token")}, wants: []request{action, signed}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var got []request
			routes := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				d := readDelivery(t, r)
				mu.Lock()
				defer mu.Unlock()
				h := d.header
				got = append(got, request{
					d.path, string(d.body), h.Get("X-PagerDuty-Signature"), h.Get("X-Webhook-Id"), h.Get("Authorization"), h.Get("Content-Length"),
				})
			})
			answer, err := newHandler(t, routes, &service{}, tt.opts...).Invoke(t.Context(), event(t, "sqs"))
			if err != nil || string(answer) != `{"batchItemFailures":[]}` {
				t.Errorf("Invoke = %s, %v", answer, err)
			}
			slices.SortFunc(got, func(a, b request) int { return strings.Compare(a.path, b.path) })
			if diff := cmp.Diff(tt.wants, got, cmp.AllowUnexported(request{})); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestZoomWebhookInQueue(t *testing.T) {
	t.Parallel()
	var path string
	routes := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path = r.URL.Path })
	payload := strings.ReplaceAll(string(event(t, "sqs")), "X-PagerDuty-Signature", "x-zm-signature")
	payload = payload[:strings.Index(payload, "    },\n    {\n      \"messageId\": \"2e")] + "    }]}"
	if _, err := newHandler(t, routes, &service{}).Invoke(t.Context(), []byte(payload)); err != nil || path != "/webhooks/zoom" {
		t.Errorf("%v, to %s", err, path)
	}
}

// batch returns an event of n messages whose ids and bodies are 0 to n-1.
func batch(t testing.TB, n int, arn string) []byte {
	t.Helper()
	records := []map[string]any{}
	for i := range n {
		id := fmt.Sprint(i)
		records = append(records, map[string]any{"messageId": id, "body": id, "eventSource": "aws:sqs", "eventSourceARN": arn})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func failures(t testing.TB, answer []byte) []string {
	t.Helper()
	var reported struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &reported); err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, f := range reported.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

func TestMessageOutcomes(t *testing.T) {
	t.Parallel()
	outcomes := []struct {
		status int
		code   string
		retry  bool
	}{
		{status: 201},
		{status: 202, code: "unavailable"}, // the ledger holds it
		{status: 200, code: "forbidden"},
		{status: 200, code: "bad_request", retry: true}, // signed, but unreadable
		{status: 200, code: "not_installed", retry: true},
		{status: 202, code: "not_installed"}, // the ledger holds it
		{status: 403, code: "forbidden"},
		{status: 404, code: "incident_not_found"},
		{status: 409, code: "incident_resolved"},
		{status: 409, code: "not_installed", retry: true},
		{status: 404, code: "not_found", retry: true}, // a missing route is a configuration mistake
		{status: 400, code: "bad_request", retry: true},
		{status: 401, code: "unauthorized", retry: true},
		{status: 429, code: "rate_limited", retry: true},
		{status: 502, code: "upstream_zoom", retry: true},
		{status: 503, code: "unavailable", retry: true},
		{status: 500, retry: true},
	}
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var i int
		if _, err := fmt.Fscan(r.Body, &i); err != nil {
			t.Error(err)
		}
		problem(w, outcomes[i].status, outcomes[i].code)
	})
	want := []string{}
	for i, o := range outcomes {
		if o.retry {
			want = append(want, fmt.Sprint(i))
		}
	}
	answer, err := newHandler(t, routes, &service{}).Invoke(t.Context(), batch(t, len(outcomes), queueARN))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, failures(t, answer)); diff != "" {
		t.Errorf("failed messages (-want +got):\n%s", diff)
	}
}

func TestFailedMessagesAreLogged(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status        int
		code, outcome string
	}{
		{status: 503, code: "unavailable", outcome: "retry"},
		{status: 200, code: "bad_request", outcome: "retry"},
		{status: 403, code: "forbidden", outcome: "dropped"},
		{status: 409, code: "incident_resolved", outcome: "dropped"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, " ", tt.code), func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			routes := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { problem(w, tt.status, tt.code) })
			h := newHandler(t, routes, &service{}, awslambda.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))
			if _, err := h.Invoke(t.Context(), batch(t, 1, queueARN)); err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(log.Bytes(), &got); err != nil {
				t.Fatalf("%s: %v", &log, err)
			}
			delete(got, "time")
			want := map[string]any{
				"level": "WARN", "msg": "trigger not served", "message_id": "0",
				"outcome": tt.outcome, "status": float64(tt.status), "code": tt.code,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("log line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPanicFailsOneMessage(t *testing.T) {
	t.Parallel()
	routes := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body := readDelivery(t, r).body; string(body) == "3" {
			panic("poison")
		}
	})
	answer, err := newHandler(t, routes, &service{}).Invoke(t.Context(), batch(t, 10, queueARN))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"3"}, failures(t, answer)); diff != "" {
		t.Errorf("failed messages (-want +got):\n%s", diff)
	}
}

// Messages of a FIFO queue that follow a failed one are reported with it.
func TestFIFOKeepsOrder(t *testing.T) {
	t.Parallel()
	var got []string
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := string(readDelivery(t, r).body)
		got = append(got, body)
		if body == "2" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	answer, err := newHandler(t, routes, &service{}).Invoke(t.Context(), batch(t, 5, queueARN+".fifo"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0", "1", "2"}, got); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2", "3", "4"}, failures(t, answer)); diff != "" {
		t.Errorf("failed messages (-want +got):\n%s", diff)
	}
}

func TestMessagesPastDeadlineAreRetried(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	routes := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the routes were called") })
	answer, err := newHandler(t, routes, &service{}).Invoke(ctx, batch(t, 2, queueARN))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0", "1"}, failures(t, answer)); diff != "" {
		t.Errorf("failed messages (-want +got):\n%s", diff)
	}
}
