package nethttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

const (
	pagerDutySecret = "pd-secret"
	zoomSecret      = "zoom-secret"
	actionToken     = "action-token"
)

// stub is a service that answers what it is told to, and remembers what it was asked.
type stub struct {
	bridge   *bridge.Bridge
	incident *bridge.Incident // of the pages
	err      error
	// open, if set, answers Open.
	open func(context.Context, bridge.Request) (*bridge.Bridge, error)

	mu    sync.Mutex
	calls []string
	asked []bridge.Request
}

func (s *stub) Open(ctx context.Context, req bridge.Request) (*bridge.Bridge, error) {
	s.called("open " + req.IncidentID)
	s.mu.Lock()
	s.asked = append(s.asked, req)
	s.mu.Unlock()
	if s.open != nil {
		return s.open(ctx, req)
	}
	return s.bridge, s.err
}

func (s *stub) Close(_ context.Context, id string, reason bridge.CloseReason) (*bridge.Bridge, error) {
	s.called("close " + id + " " + string(reason))
	return s.bridge, s.err
}

func (s *stub) IncidentChanged(_ context.Context, id string, shown bridge.Link) error {
	s.called(strings.TrimSpace("verify " + id + " " + shown.URL))
	return s.err
}

func (s *stub) Get(_ context.Context, id string) (*bridge.Bridge, error) {
	s.called("get " + id)
	if s.bridge == nil && s.err == nil {
		return nil, bridge.ErrNotFound
	}
	return s.bridge, s.err
}

func (s *stub) List(context.Context) iter.Seq2[*bridge.Bridge, error] {
	s.called("list")
	return func(yield func(*bridge.Bridge, error) bool) {
		if s.bridge != nil || s.err != nil {
			yield(s.bridge, s.err)
		}
	}
}

func (s *stub) Incident(_ context.Context, id string) (*bridge.Incident, error) {
	s.called("incident " + id)
	return s.incident, s.err
}

func (s *stub) Authorize(_ context.Context, id string, who bridge.Requester) error {
	s.called("allowed " + id + " " + who.ID)
	return s.err
}

func (s *stub) Ping(context.Context) error {
	s.called("ready")
	return s.err
}

func (s *stub) called(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

// attached is a bridge that is on its incident.
func attached() *bridge.Bridge {
	return &bridge.Bridge{
		IncidentID: "PABC123",
		State:      bridge.StateAttached,
		Created:    true,
		Provider:   "zoom",
		MeetingID:  "98765432101",
		JoinURL:    "https://example.zoom.us/j/98765432101?pwd=secret",
		DialIn:     "+1 415 555 1212,,98765432101#",
		Host:       "host@example.com",
		Generation: 1,
		OpenedAt:   time.Date(2026, 11, 23, 15, 0, 0, 0, time.FixedZone("CET", 3600)),
	}
}

// failing is a service that fails every call with an error of the bridge.
func failing(err error) *stub {
	return &stub{err: &bridge.Error{Op: "open", Step: "claim", IncidentID: "PABC123", Err: err}}
}

func handler(t *testing.T, svc nethttp.Service, opts ...nethttp.Option) *nethttp.Handler {
	t.Helper()
	opts = append([]nethttp.Option{
		nethttp.PagerDutySecrets(pagerDutySecret),
		nethttp.ZoomSecrets(zoomSecret),
		nethttp.ActionTokens(actionToken),
	}, opts...)
	h, err := nethttp.NewHandler(svc, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// request is what a test sends; it is a func so that a table may send it more than once.
type request func() *http.Request

func plain(method, path, body string) request {
	return func() *http.Request { return httptest.NewRequest(method, path, strings.NewReader(body)) }
}

func (r request) with(name, value string) request {
	return func() *http.Request {
		req := r()
		req.Header.Set(name, value)
		return req
	}
}

func trusted(method, path, body string) request {
	return plain(method, path, body).with("Authorization", "Bearer "+actionToken)
}

func webhook(body string) request {
	return plain(http.MethodPost, "/webhooks/pagerduty", body).
		with("X-PagerDuty-Signature", pagerduty.Sign(pagerDutySecret, []byte(body)).Get("X-PagerDuty-Signature"))
}

func zoomWebhook(body string) request { return zoomWebhookBy(zoomSecret, 0, body) }

func zoomWebhookBy(secret string, age time.Duration, body string) request {
	return func() *http.Request {
		req := plain(http.MethodPost, "/webhooks/zoom", body)()
		req.Header = zoom.Sign(secret, time.Now().Add(-age), []byte(body))
		return req
	}
}

// received is a response as a caller got it, with the body's code beside its status.
type received struct {
	status int
	code   string
	header http.Header
	body   string
}

// String is what the tables compare: "201 attached", "409 incident_resolved", "503
// unavailable".
func (r received) String() string { return strings.TrimSpace(fmt.Sprint(r.status, " ", r.code)) }

func send(t *testing.T, h http.Handler, r request) received {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r())
	return read(t, recorder.Result())
}

func read(t *testing.T, response *http.Response) received {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	var told struct{ Code, State, Status any }
	if err := json.Unmarshal(body, &told); err != nil {
		t.Fatalf("response is not JSON: %v\n%s", err, body)
	}
	a := received{status: response.StatusCode, header: response.Header, body: string(body)}
	switch {
	case told.Code != nil:
		a.code = fmt.Sprint(told.Code)
	case told.State != nil:
		a.code = fmt.Sprint(told.State)
	case told.Status != nil:
		a.code = fmt.Sprint(told.Status)
	}
	return a
}

const (
	workflowStarted = `{"event":{"id":"01EVENT","event_type":"incident.workflow.started","resource_type":"incident",` +
		`"occurred_at":"2026-11-23T14:00:00.532Z","agent":{"id":"PUSER1","type":"user_reference"},"client":null,` +
		`"data":{"type":"incident_workflow_instance","id":"WI1","incident_workflow":{"id":"PWF1","summary":"Open a call"},` +
		`"incident":{"id":"PABC123","type":"incident_reference"}}}}`
	customAction = `{"messages":[{"id":"m-1","event":"incident.custom","created_on":"2026-11-23T14:00:00Z",` +
		`"incident":{"id":"PABC123","incident_number":42,"title":"Disk full","status":"triggered","urgency":"high"},` +
		`"log_entries":[{"type":"custom_log_entry","agent":{"id":"PUSER1","type":"user_reference"}}]}]}`
	workflowBody = `{"incident_id":"PABC123"}`
	bridgePath   = "/api/v1/incidents/PABC123/bridge"
)

// event is a V3 event of the given type about PABC123.
func event(kind string) string {
	return `{"event":{"id":"01EVENT","event_type":"` + kind + `","resource_type":"incident",` +
		`"occurred_at":"2026-11-23T14:00:00Z","agent":null,"data":{"type":"incident","id":"PABC123","number":42,` +
		`"title":"Disk full","status":"triggered","urgency":"high","conference_bridge":null,` +
		`"service":{"id":"PSVC1","summary":"Storage"},"priority":{"id":"PPRI1","summary":"P1"},` +
		`"assignees":[{"id":"PUSER2"}]}}}`
}

// decoded is the JSON object in text.
func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
