package awslambda_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// largeEvent returns an event in format 2.0 of about 4 KiB, most of it the body, as for a
// PagerDuty webhook.
func largeEvent(tb testing.TB) (payload []byte, body string) {
	tb.Helper()
	body = `{"event":{"id":"01EVENT","data":{"title":"` + strings.Repeat("Zürich is down. ", 150) + `"}}}`
	payload, err := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/webhooks/pagerduty", "rawQueryString": "",
		"headers": map[string]string{
			"accept": "*/*", "content-length": "2500", "content-type": "application/json", "x-amzn-trace-id": "Root=1-5bdb40ca",
			"host": "abcdefg.lambda-url.eu-central-1.on.aws", "user-agent": "PagerDuty-Webhook/V3.0", "x-forwarded-for": "203.0.113.7",
			"x-forwarded-port": "443", "x-forwarded-proto": "https", "x-amzn-tls-version": "TLSv1.3",
			"x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256", "x-webhook-id": "00000000-0000-4000-8000-000000000001",
			"x-webhook-subscription": "PSUBSCR", "x-pagerduty-signature": "v1=" + strings.Repeat("ab", 32),
		},
		"requestContext": map[string]any{
			"accountId": "anonymous", "apiId": "abcdefg", "domainName": "abcdefg.lambda-url.eu-central-1.on.aws",
			"domainPrefix": "abcdefg", "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599", "routeKey": "$default",
			"stage": "$default", "time": "26/Nov/2026:02:00:00 +0000", "timeEpoch": 1795658400000,
			"http": map[string]any{
				"method": "POST", "path": "/webhooks/pagerduty", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
				"userAgent": "PagerDuty-Webhook/V3.0",
			},
		},
		"body": body, "isBase64Encoded": false,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return payload, body
}

// plain reads the body and responds with a bridge, as the routes do.
func plain(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"incident_id":"P1","state":"attached","join_url":"https://example.com/j/1","warnings":[]}`)
}

// overhead returns functions that run the handler with and without the adapter.
func overhead(tb testing.TB) (with, without func()) {
	tb.Helper()
	payload, body := largeEvent(tb)
	h := newHandler(tb, http.HandlerFunc(plain), &service{})
	ctx, cancel := context.WithTimeout(tb.Context(), time.Hour) // every event has a deadline
	tb.Cleanup(cancel)
	with = func() {
		if _, err := h.Invoke(ctx, payload); err != nil {
			tb.Fatal(err)
		}
	}
	request := httptest.NewRequest(http.MethodPost, "/webhooks/pagerduty", http.NoBody)
	without = func() {
		r := *request
		r.Body = io.NopCloser(strings.NewReader(body))
		plain(httptest.NewRecorder(), &r)
	}
	return with, without
}

func TestAdapterAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts for the whole process
	const most = 120
	with, without := overhead(t)
	if over := testing.AllocsPerRun(100, with) - testing.AllocsPerRun(100, without); over > most {
		t.Errorf("%v allocations over the plain handler, want at most %d", over, most)
	}
}

func BenchmarkHandler(b *testing.B) {
	with, without := overhead(b)
	for name, run := range map[string]func(){"with the adapter": with, "without": without} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
