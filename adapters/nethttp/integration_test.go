package nethttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// server is a handler over a service over both vendors.
type server struct {
	*nethttp.Handler
	svc       *bridge.Service
	pagerDuty *pagerdutytest.Server
	zoom      *zoomtest.Server
	incident  string
	responder string
}

func newServer(t *testing.T) server {
	t.Helper()
	pd := pagerdutytest.New()
	zm := zoomtest.New(zoomtest.WithUsers("host@example.com", "ada@example.com"))
	h := server{
		pagerDuty: pd,
		zoom:      zm,
		incident:  pd.AddIncident("Disk full"),
		responder: pd.AddUser("ada@example.com", func(u *pagerdutytest.User) { u.Role = "limited_user" }),
	}
	pdClient, err := pagerduty.NewClient(pagerduty.APIKey(pd.Key(), pd.From()), pagerduty.WithTransport(pd.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	zoomClient, err := zoom.NewClient(zoom.ServerToServer(zm.AccountCredentials()), zoom.WithTransport(zm.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	h.svc, err = bridge.New(bridge.PagerDuty(pdClient), bridge.Zoom(zoomClient, "host@example.com"), tokenstore.NewMemory(),
		bridge.WithOpenOn(bridge.OpenOn{Events: []string{bridge.WorkflowStarted}, Workflows: []string{"PWF1"}}))
	if err != nil {
		t.Fatal(err)
	}
	h.Handler = newHandler(t, h.svc, nethttp.PagerDutySecrets(pd.Secret()), nethttp.ActionTokens(actionToken))
	return h
}

// deliver makes a request of what the fake PagerDuty sends; the bearer is for the routes
// that want one.
func deliver(path string, d pagerdutytest.Delivery) request {
	return func() *http.Request {
		r, err := d.Request(context.Background(), path)
		if err != nil {
			panic(err)
		}
		r.Header.Set("Authorization", "Bearer "+actionToken)
		return r
	}
}

func TestOnePayloadSentTwentyTimesIsOneMeeting(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		payload func(server) request
		host    string // the requester where one is named, else the pool's first
	}{
		{"V3 workflow started", func(h server) request {
			return deliver("/webhooks/pagerduty", h.pagerDuty.Webhook(pagerdutytest.Event{
				Type: bridge.WorkflowStarted, IncidentID: h.incident, AgentID: h.responder,
				Workflow: pagerduty.Reference{ID: "PWF1", Summary: "Open a call"},
			}))
		}, "ada@example.com"},
		{"V3 workflow started by nobody", func(h server) request {
			return deliver("/webhooks/pagerduty", h.pagerDuty.Webhook(pagerdutytest.Event{
				Type: bridge.WorkflowStarted, IncidentID: h.incident, Workflow: pagerduty.Reference{ID: "PWF1"},
			}))
		}, "host@example.com"},
		{"V2 custom action", func(h server) request {
			return deliver("/actions/pagerduty", h.pagerDuty.CustomAction(h.incident, h.responder))
		}, "ada@example.com"},
		{"workflow's body", func(h server) request {
			return trusted(http.MethodPost, "/actions/pagerduty", `{"incident_id":"`+h.incident+`"}`)
		}, "host@example.com"},
		{"workflow's body with a requester", func(h server) request {
			return trusted(http.MethodPost, "/actions/pagerduty",
				`{"incident_id":"`+h.incident+`","requester_id":"`+h.responder+`","idempotency_key":"run-1"}`)
		}, "ada@example.com"},
		{"api", func(h server) request {
			return trusted(http.MethodPost, "/api/v1/incidents/"+h.incident+"/bridge", "")
		}, "host@example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newServer(t)
			payload := tt.payload(h)

			responses := make([]received, 20)
			var parallel sync.WaitGroup
			for i := range 10 {
				parallel.Go(func() { responses[i] = send(t, h, payload) })
			}
			parallel.Wait()
			for i := 10; i < 20; i++ {
				responses[i] = send(t, h, payload)
			}

			said := map[string]int{}
			for _, a := range responses {
				said[a.String()]++
			}
			if diff := cmp.Diff(map[string]int{"201 attached": 1, "200 attached": 19}, said); diff != "" {
				t.Errorf("responses: %s", diff)
			}
			h.expectOneMeeting(t, tt.host)
		})
	}
}

// expectOneMeeting looks at every vendor call.
func (h server) expectOneMeeting(t *testing.T, host string) {
	t.Helper()
	writes := map[string]int{}
	for _, r := range h.zoom.Requests() {
		if r.Method != http.MethodGet {
			writes[r.Op+" "+r.Method+" "+r.Path]++
		}
	}
	for _, r := range h.pagerDuty.Requests() {
		if r.Method != http.MethodGet {
			writes[r.Op+" "+r.Method+" "+r.Path]++
		}
	}
	want := map[string]int{
		"give_token POST /oauth/token":                        1,
		"create_meeting POST /v2/users/" + host + "/meetings": 1,
		"update_incident PUT /incidents/" + h.incident:        1,
	}
	if diff := cmp.Diff(want, writes); diff != "" {
		t.Errorf("writes: %s", diff)
	}
	if reads := h.pagerDuty.Requests(pagerdutytest.GetIncident); len(reads) > 1 {
		t.Errorf("the incident was read %d times", len(reads))
	}
	if reads := h.pagerDuty.Requests(pagerdutytest.GetUser, pagerdutytest.ListUsers); len(reads) > 1 {
		t.Errorf("the requester was read %d times", len(reads))
	}
	meetings := h.zoom.Meetings()
	if len(meetings) != 1 {
		t.Fatalf("%d meetings", len(meetings))
	}
	if on := h.pagerDuty.Incident(h.incident).Bridge.URL; on != meetings[0].JoinURL {
		t.Error("the incident does not show the meeting's link")
	}
}

func TestInvalidIncidentIDsAreRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"../users", "..", "PABC123/merge", "PABC123?include[]=x", "PABC123#x", "PABC 123", "P\x00", "P\r\nHost: evil", "-1",
		"https://evil.example/incidents/PABC123", "http://169.254.169.254/incidents/P1", "//evil.example/incidents/P1",
		"https://acme.pagerduty.com@evil.example/incidents/PABC123", "%2e%2e%2fusers", "日本",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			h := newServer(t)
			path := "/api/v1/incidents/" + url.PathEscape(id) + "/bridge"
			if id == ".." {
				path = "/api/v1/incidents/%2e%2e/bridge"
			}
			body := encode(t, map[string]string{"incident_id": id})
			message := encode(t, map[string]any{"messages": []any{
				map[string]any{"id": "m-1", "event": "incident.custom", "incident": map[string]string{"id": id}},
			}})
			started := encode(t, map[string]any{"event": map[string]any{
				"id": "e-1", "event_type": bridge.WorkflowStarted,
				"data": map[string]any{
					"type": "incident_workflow_instance", "incident": map[string]string{"id": id},
					"incident_workflow": map[string]string{"id": "PWF1"},
				},
			}})
			signed := plain(http.MethodPost, "/webhooks/pagerduty", started).
				with("X-PagerDuty-Signature", pagerduty.Sign(h.pagerDuty.Secret(), []byte(started)).Get("X-PagerDuty-Signature"))
			got := []string{
				send(t, h, trusted(http.MethodPost, path, "")).String(),
				send(t, h, trusted(http.MethodGet, path, "")).String(),
				send(t, h, trusted(http.MethodDelete, path, "")).String(),
				send(t, h, trusted(http.MethodPost, "/actions/pagerduty", body)).String(),
				send(t, h, trusted(http.MethodPost, "/actions/pagerduty", message)).String(),
				send(t, h, signed).String(),
			}
			want := []string{
				"400 bad_request", "400 bad_request", "400 bad_request", "400 bad_request", "200 bad_request", "200 bad_request",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if calls := len(h.pagerDuty.Requests()) + len(h.zoom.Requests()); calls > 0 {
				t.Errorf("%d vendor calls were made", calls)
			}
		})
	}
}

func TestBridgeLifeOverHTTP(t *testing.T) {
	t.Parallel()
	h := newServer(t)
	ts := httptest.NewServer(h)
	defer ts.Close()
	steps := []struct {
		name   string
		method string
		path   string
		want   string
	}{
		{"nothing yet", http.MethodGet, "/api/v1/incidents/" + h.incident + "/bridge", "404 bridge_not_found"},
		{"nothing to close", http.MethodDelete, "/api/v1/incidents/" + h.incident + "/bridge", "404 bridge_not_found"},
		{"no such incident", http.MethodPost, "/api/v1/incidents/PNOBODY/bridge", "404 incident_not_found"},
		{"open", http.MethodPost, "/api/v1/incidents/" + h.incident + "/bridge", "201 attached"},
		{"there already", http.MethodPost, "/api/v1/incidents/" + h.incident + "/bridge", "200 attached"},
		{"read", http.MethodGet, "/api/v1/incidents/" + h.incident + "/bridge", "200 attached"},
		{"close", http.MethodDelete, "/api/v1/incidents/" + h.incident + "/bridge", "202 closing"},
		{"ready", http.MethodGet, "/readyz", "200 ready"},
	}
	for _, step := range steps {
		r, err := http.NewRequestWithContext(t.Context(), step.method, ts.URL+step.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+actionToken)
		response, err := ts.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, response); got.String() != step.want {
			t.Errorf("%s: got %s, want %s\n%s", step.name, got, step.want, got.body)
		}
	}
}
