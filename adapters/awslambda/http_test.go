package awslambda_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// seen is a request as the routes receive it.
type seen struct {
	Method, Path, URI, Host, Remote string
	Header                          http.Header
	Body                            string
	Length                          int64
}

func readRequest(t testing.TB, r *http.Request) seen {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return seen{r.Method, r.URL.Path, r.RequestURI, r.Host, r.RemoteAddr, r.Header, string(body), r.ContentLength}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		event string
		want  seen
	}{
		{
			event: "httpapi", // the stage is removed, an escaped slash and the bytes are kept
			want: seen{
				Method: "POST", Path: "/api/v1/incidents/https://acme.pagerduty.com/incidents/P1/bridge",
				URI:  "/api/v1/incidents/https%3A%2F%2Facme.pagerduty.com%2Fincidents%2FP1/bridge?b=2&a=1&a=x%2Cy",
				Host: "r3pmxmplak.execute-api.us-east-1.amazonaws.com", Remote: "203.0.113.7:0",
				Header: http.Header{
					"Accept": {"text/html,application/json"}, "Content-Length": {"30"}, "Content-Type": {"application/json"},
					"Cookie": {"session=abc; theme=dark, really"}, "X-Forwarded-For": {"203.0.113.7"},
					"X-Forwarded-Port": {"443"}, "X-Forwarded-Proto": {"https"}, "X-Pagerduty-Signature": {"v1=aa,v1=bb"},
				},
				Body: `{"topic":"Zürich – 火災"}`, Length: 30,
			},
		},
		{
			event: "functionurl", // text is UTF-8, and what is escaped inside stays so
			want: seen{
				Method: "POST", Path: "/webhooks/pagerduty", URI: "/webhooks/pagerduty",
				Host: "abcdefg.lambda-url.eu-central-1.on.aws", Remote: "[2001:db8::1]:0",
				Header: http.Header{
					"Content-Length": {"41"}, "Content-Type": {"application/json"}, "User-Agent": {"PagerDuty-Webhook/V3.0"},
					"X-Amzn-Tls-Version": {"TLSv1.3"}, "X-Forwarded-For": {"2001:db8::1"}, "X-Forwarded-Proto": {"https"},
				},
				Body: "{\"event\":{\"title\":\"Zürich \\u2013 🔥\"}}", Length: 41,
			},
		},
		{
			event: "restapi", // its path has no stage, so nothing is taken off; parameters are escaped again
			want: seen{
				Method: "GET", Path: "/prod/api/v1/incidents/P1/bridge", URI: "/prod/api/v1/incidents/P1/bridge?a=1&a=2&q=fire+%26+flood",
				Host: "r3pmxmplak.execute-api.us-east-1.amazonaws.com", Remote: "203.0.113.7:0",
				Header: http.Header{
					"Accept": {"text/html", "application/json"}, "Content-Length": {"0"}, "Cookie": {"session=abc", "theme=dark"},
					"X-Forwarded-For": {"203.0.113.7, 198.51.100.2"},
				},
			},
		},
		{
			event: "alb", // a load balancer passes parameters on as they came
			want: seen{
				Method: "POST", Path: "/actions/pagerduty", URI: "/actions/pagerduty?a=x%26y&b=2",
				Host: "lambda-846800462.us-east-2.elb.amazonaws.com",
				Header: http.Header{
					"Authorization": {"Bearer token"}, "Content-Length": {"20"}, "Content-Type": {"application/json"},
					"Cookie": {"session=abc; theme=dark"}, "X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Port": {"443"},
					"X-Forwarded-Proto": {"https"},
				},
				Body: `{"incident_id":"P1"}`, Length: 20,
			},
		},
		{
			event: "albmulti",
			want: seen{
				Method: "POST", Path: "/actions/pagerduty", URI: "/actions/pagerduty?a=1&a=x%26y&b=2",
				Host: "lambda-846800462.us-east-2.elb.amazonaws.com",
				Header: http.Header{
					"Accept": {"text/html", "application/json"}, "Content-Length": {"20"}, "Cookie": {"session=abc", "theme=dark"},
					"X-Forwarded-For": {"203.0.113.7"},
				},
				Body: `{"incident_id":"P1"}`, Length: 20,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.event, func(t *testing.T) {
			t.Parallel()
			var got seen
			routes := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = readRequest(t, r) })
			if _, err := newHandler(t, routes, &service{}).Invoke(t.Context(), event(t, tt.event)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("the request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, path, stage, domain, want string }{
		{"of another stage's name", "/production/healthz", "prod", "a.execute-api.us-east-1.amazonaws.com", "/production/healthz"},
		{"the stage alone", "/prod", "prod", "a.execute-api.us-east-1.amazonaws.com", "/"},
		{"on a domain of one's own", "/api/healthz", "api", "bridge.example.com", "/api/healthz"},
		{"already unescaped", "/a b/100%", "$default", "a.execute-api.us-east-1.amazonaws.com", "/a b/100%"},
		{"none", "", "$default", "a.execute-api.us-east-1.amazonaws.com", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got string
			routes := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.Path })
			payload, err := json.Marshal(map[string]any{
				"version": "2.0", "rawPath": tt.path,
				"requestContext": map[string]any{"stage": tt.stage, "domainName": tt.domain, "http": map[string]any{"method": "GET"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := newHandler(t, routes, &service{}).Invoke(t.Context(), payload); err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("path %q, want %q", got, tt.want)
			}
		})
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	routes := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Add("Set-Cookie", "session=abc; Expires=Thu, 26 Nov 2026 02:00:00 GMT")
		w.Header().Add("Set-Cookie", "theme=dark")
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Vary", "Cookie")
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot) // too late, as in a server
		w.Header().Set("Too", "late")
		_, _ = io.WriteString(w, "<p>にゃ</p>")
	})
	const session, theme = `"session=abc; Expires=Thu, 26 Nov 2026 02:00:00 GMT"`, `"theme=dark"`
	const many = `"multiValueHeaders":{"Content-Type":["text/html; charset=utf-8"],` +
		`"Set-Cookie":[` + session + `,` + theme + `],"Vary":["Accept","Cookie"]}`
	const body = `"body":"<p>にゃ</p>","isBase64Encoded":false}`
	for name, want := range map[string]string{
		"httpapi": `{"statusCode":202,"headers":{"Content-Type":"text/html; charset=utf-8","Vary":"Accept, Cookie"},` +
			`"cookies":[` + session + `,` + theme + `],` + body,
		"restapi":  `{"statusCode":202,` + many + `,` + body,
		"albmulti": `{"statusCode":202,"statusDescription":"202 Accepted",` + many + `,` + body,
		"alb": `{"statusCode":202,"statusDescription":"202 Accepted","headers":{"Content-Type":"text/html; charset=utf-8",` +
			`"Set-Cookie":` + theme + `,"Vary":"Accept, Cookie"},` + body,
	} {
		answer, err := newHandler(t, routes, &service{}).Invoke(t.Context(), event(t, name))
		if err != nil {
			t.Fatal(err)
		}
		var got, wanted any
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		event   string
		handler http.HandlerFunc
		want    reply
	}{
		{
			"binary is base64", "functionurl",
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x89PNG\r\n\x1a\n")) },
			reply{200, map[string]string{"Content-Type": "image/png"}, "iVBORw0KGgo=", true},
		},
		{
			"text of no stated type", "functionurl",
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "plain") },
			reply{200, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "plain", false},
		},
		{
			"nothing at all", "functionurl", func(http.ResponseWriter, *http.Request) {},
			reply{200, nil, "", false},
		},
		{
			"early hints are no answer", "functionurl",
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(204) },
			reply{204, nil, "", false},
		},
		{
			"a panic", "functionurl",
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "half"); panic("secret") },
			reply{
				503,
				map[string]string{
					"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
				},
				`{"code":"unavailable","detail":"","status":503,"title":"Service Unavailable","type":"about:blank"}` + "\n", false,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answer, err := newHandler(t, tt.handler, &service{}).Invoke(t.Context(), event(t, tt.event))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, parseReply(t, answer)); diff != "" {
				t.Errorf("the answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInvalidBase64Body(t *testing.T) {
	t.Parallel()
	routes := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the routes were called") })
	payload := bytes.ReplaceAll(event(t, "httpapi"), []byte("eyJ0"), []byte("*yJ0"))
	answer, err := newHandler(t, routes, &service{}).Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	if got := parseReply(t, answer); got.StatusCode != http.StatusBadRequest || !strings.Contains(got.Body, "bad_request") {
		t.Errorf("answered %+v, want 400", got)
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	routes := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "body") })
	payload := bytes.ReplaceAll(event(t, "functionurl"), []byte(`"method": "POST"`), []byte(`"method": "HEAD"`))
	answer, err := newHandler(t, routes, &service{}).Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	if got := parseReply(t, answer); got.Body != "" || got.StatusCode != http.StatusOK {
		t.Errorf("answered %+v", got)
	}
}

// reply is a response in format 2.0.
type reply struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

func parseReply(t testing.TB, answer []byte) reply {
	t.Helper()
	var r reply
	if err := json.Unmarshal(answer, &r); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	return r
}

// delivery is a trigger as the routes receive it.
type delivery struct {
	path   string
	header http.Header
	body   []byte
}

func readDelivery(t testing.TB, r *http.Request) *delivery {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return &delivery{r.URL.Path, r.Header, body}
}

func (d *delivery) signedWith(secret string) bool {
	v, err := pagerduty.NewVerifier([]string{secret})
	return err == nil && v.Verify(d.header, d.body) == nil
}

func (d *delivery) eventID(t testing.TB) string {
	t.Helper()
	e, err := pagerduty.ParseEvent(d.body)
	if err != nil {
		t.Fatalf("%s: %v", d.body, err)
	}
	return e.ID
}

// problem writes a status, and a code unless it is empty.
func problem(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	if code != "" {
		_ = json.NewEncoder(w).Encode(map[string]string{"code": code})
	}
}
