package awslambda_test

import (
	"context"
	"encoding/json"
	"fmt"
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

// A signed webhook goes where webhooks go; what has no signature is let in as the queue's, and as no other queue's.
func TestMessagesAreRequests(t *testing.T) {
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
		{name: "a queue that anybody may send to", wants: []request{action, signed}},
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

func TestAWebhookOfZoomInAQueue(t *testing.T) {
	t.Parallel()
	var path string
	routes := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path = r.URL.Path })
	payload := strings.ReplaceAll(string(event(t, "sqs")), "X-PagerDuty-Signature", "x-zm-signature")
	payload = payload[:strings.Index(payload, "    },\n    {\n      \"messageId\": \"2e")] + "    }]}"
	if _, err := newHandler(t, routes, &service{}).Invoke(t.Context(), []byte(payload)); err != nil || path != "/webhooks/zoom" {
		t.Errorf("%v, to %s", err, path)
	}
}

// batch makes an event of n messages with the ids 0 to n-1, which are their bodies, too.
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

func TestEachMessageStandsForItself(t *testing.T) {
	t.Parallel()
	outcomes := []struct {
		status int
		code   string
		again  bool
	}{
		{status: 201},
		{status: 202, code: "unavailable"}, // the ledger holds it
		{status: 200, code: "forbidden"},
		{status: 200, code: "bad_request", again: true}, // a webhook that is signed, and that nobody can read
		{status: 200, code: "not_installed", again: true},
		{status: 202, code: "not_installed"}, // the ledger holds it
		{status: 403, code: "forbidden"},
		{status: 404, code: "incident_not_found"},
		{status: 409, code: "incident_resolved"},
		{status: 409, code: "not_installed", again: true},
		{status: 404, code: "not_found", again: true}, // the route is not there: a mistake of the set-up
		{status: 400, code: "bad_request", again: true},
		{status: 401, code: "unauthorized", again: true},
		{status: 429, code: "rate_limited", again: true},
		{status: 502, code: "upstream_zoom", again: true},
		{status: 503, code: "unavailable", again: true},
		{status: 500, again: true},
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
		if o.again {
			want = append(want, fmt.Sprint(i))
		}
	}
	answer, err := newHandler(t, routes, &service{}).Invoke(t.Context(), batch(t, len(outcomes), queueARN))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, failures(t, answer)); diff != "" {
		t.Errorf("to come again (-want +got):\n%s", diff)
	}
}

func TestAPanicIsOneMessagesOwn(t *testing.T) {
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
		t.Errorf("to come again (-want +got):\n%s", diff)
	}
}

// What follows a failed message of a first-in-first-out queue comes again with it.
func TestFIFOKeepsTheOrder(t *testing.T) {
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
		t.Errorf("to come again (-want +got):\n%s", diff)
	}
}

func TestMessagesThatNobodyHadTimeForComeAgain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	routes := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the routes were asked") })
	answer, err := newHandler(t, routes, &service{}).Invoke(ctx, batch(t, 2, queueARN))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0", "1"}, failures(t, answer)); diff != "" {
		t.Errorf("to come again (-want +got):\n%s", diff)
	}
}
