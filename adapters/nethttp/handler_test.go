package nethttp_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
)

func newHandler(t *testing.T, svc nethttp.Service, opts ...nethttp.Option) *nethttp.Handler {
	t.Helper()
	h, err := nethttp.NewHandler(svc, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestNewHandlerRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		svc  nethttp.Service
		opt  nethttp.Option
		want string
	}{
		{"no service", nil, nethttp.ActionTokens("t"), "nil service"},
		{"empty PagerDuty secret", &stub{}, nethttp.PagerDutySecrets("s", ""), "PagerDutySecrets"},
		{"empty Zoom secret", &stub{}, nethttp.ZoomSecrets(""), "ZoomSecrets"},
		{"empty token", &stub{}, nethttp.ActionTokens("t", ""), "ActionTokens"},
		{"token of blanks", &stub{}, nethttp.ActionTokens(" "), "ActionTokens"},
		{"token with a line break", &stub{}, nethttp.ActionTokens("t\n"), "ActionTokens"},
		{"no logger", &stub{}, nethttp.WithLogger(nil), "WithLogger"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := nethttp.NewHandler(tt.svc, tt.opt)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %s", err, tt.want)
			}
		})
	}
}

func TestSecretsAndTokensRotate(t *testing.T) {
	t.Parallel()
	h := newHandler(t, &stub{bridge: attached()},
		nethttp.ActionTokens("old-token"), nethttp.ActionTokens("newer-token", actionToken),
		nethttp.PagerDutySecrets("old-secret", pagerDutySecret),
		nethttp.ZoomSecrets("old-secret", zoomSecret))
	for name, r := range map[string]request{
		"first token": trusted(http.MethodGet, bridgePath, "").with("Authorization", "Bearer old-token"),
		"last token":  trusted(http.MethodGet, bridgePath, ""),
		"webhook":     webhook(`{"event":{"event_type":"pagey.ping"}}`),
		"zoom":        zoomWebhook(`{"event":"meeting.started"}`),
	} {
		if got := send(t, h, r); got.status != http.StatusOK {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestHeadersSayWhatToDoNext(t *testing.T) {
	t.Parallel()
	late := &stub{err: &bridge.Error{Op: "open", IncidentID: "PABC123", RetryAfter: 1500 * time.Millisecond, Err: bridge.ErrRateLimited}}
	working := attached()
	working.State = bridge.StateCreating
	tests := []struct {
		name       string
		svc        *stub
		send       request
		header     string
		wantHeader string
	}{
		{"methods of a webhook", &stub{}, plain(http.MethodGet, "/webhooks/zoom", ""), "Allow", "POST"},
		{"methods of a bridge", &stub{}, plain(http.MethodPatch, bridgePath, ""), "Allow", "DELETE, GET, HEAD, POST"},
		{"scheme of the API", &stub{}, plain(http.MethodGet, bridgePath, ""), "WWW-Authenticate", "Bearer"},
		{"the vendor's wait, rounded up", late, trusted(http.MethodPost, bridgePath, ""), "Retry-After", "2"},
		{"the vendor's wait, in a webhook", late, webhook(workflowStarted), "Retry-After", "2"},
		{"a wait of ours", failing(bridge.ErrUnavailable), webhook(workflowStarted), "Retry-After", "5"},
		{"store down", failing(bridge.ErrUnavailable), plain(http.MethodGet, "/readyz", ""), "Retry-After", "5"},
		{"still at work", &stub{bridge: working}, trusted(http.MethodPost, bridgePath, ""), "Retry-After", "1"},
		{"where it will be", &stub{bridge: working}, trusted(http.MethodPost, bridgePath, ""), "Location", bridgePath},
		{"where it will be, by number", failing(bridge.ErrInProgress), trusted(http.MethodPost, "/api/v1/incidents/42/bridge", ""), "Location", bridgePath},
		{"where it will be, by workflow", failing(bridge.ErrInProgress), trusted(http.MethodPost, "/actions/pagerduty", workflowBody), "Location", bridgePath},
		{"nothing to wait for", failing(bridge.ErrForbidden), trusted(http.MethodPost, bridgePath, ""), "Retry-After", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := send(t, handler(t, tt.svc), tt.send)
			if got.header.Get(tt.header) != tt.wantHeader {
				t.Errorf("%s: got %q, want %q", tt.header, got.header.Get(tt.header), tt.wantHeader)
			}
		})
	}
}

func TestReadyFollowsTheStore(t *testing.T) {
	t.Parallel()
	h := handler(t, failing(errors.New("dial tcp 10.0.0.5:5432: refused")))
	got := send(t, h, plain(http.MethodGet, "/readyz", ""))
	if got.String() != "503 unavailable" || strings.Contains(got.body, "10.0.0.5") {
		t.Errorf("got %s\n%s", got, got.body)
	}
	if got := send(t, h, plain(http.MethodGet, "/healthz", "")); got.String() != "200 ok" {
		t.Errorf("live: got %s", got)
	}
}

func TestBridgeJSON(t *testing.T) {
	t.Parallel()
	ended := attached()
	ended.State, ended.Created, ended.Generation = bridge.StateClosed, false, 2
	ended.Warnings = []string{"waiting room is on"}
	ended.ClosedAt = time.Date(2026, 11, 23, 16, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		bridge *bridge.Bridge
		want   string
	}{
		{"open", attached(), `{"incident_id":"PABC123","state":"attached","created":true,"provider":"zoom",` +
			`"meeting_id":"98765432101","join_url":"https://example.zoom.us/j/98765432101?pwd=secret",` +
			`"dial_in":"+1 415 555 1212,,98765432101#","host":"host@example.com","generation":1,"warnings":[],` +
			`"opened_at":"2026-11-23T14:00:00Z","closed_at":null}`},
		{"closed", ended, `{"incident_id":"PABC123","state":"closed","created":false,"provider":"zoom",` +
			`"meeting_id":"98765432101","join_url":"https://example.zoom.us/j/98765432101?pwd=secret",` +
			`"dial_in":"+1 415 555 1212,,98765432101#","host":"host@example.com","generation":2,` +
			`"warnings":["waiting room is on"],"opened_at":"2026-11-23T14:00:00Z","closed_at":"2026-11-23T16:00:00Z"}`},
		{"in the making", &bridge.Bridge{IncidentID: "PABC123", State: bridge.StateCreating}, `{"incident_id":"PABC123",` +
			`"state":"creating","created":false,"provider":"","meeting_id":"","join_url":"","dial_in":"","host":"",` +
			`"generation":0,"warnings":[],"opened_at":null,"closed_at":null}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := send(t, handler(t, &stub{bridge: tt.bridge}), trusted(http.MethodGet, bridgePath, ""))
			if diff := cmp.Diff(tt.want+"\n", got.body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblemJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"of the bridge", &bridge.Error{Op: "open", Step: "create", IncidentID: "PABC123", Err: bridge.ErrProvider}, `{"type":"about:blank",` +
			`"title":"Bad Gateway","status":502,"detail":"No meeting could be created: try again in a moment.",` +
			`"code":"upstream_zoom"}`},
		{"of nobody we know", errors.New("password of the store is wrong: hunter2"), `{"type":"about:blank",` +
			`"title":"Service Unavailable","status":503,"code":"unavailable"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := send(t, handler(t, &stub{err: tt.err}), trusted(http.MethodPost, bridgePath, ""))
			if diff := cmp.Diff(tt.want+"\n", got.body); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPanicIsAnsweredWithoutDetail(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	svc := &stub{open: func(context.Context, bridge.Request) (*bridge.Bridge, error) { panic("join_url=hunter2") }}
	h := handler(t, svc, nethttp.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))
	two := `{"messages":[` + message("m-1", "P1") + `,` + message("m-2", "P2") + `]}`
	for name, r := range map[string]request{
		"webhook": webhook(workflowStarted),
		"actions": trusted(http.MethodPost, "/actions/pagerduty", two),
		"api":     trusted(http.MethodPost, bridgePath, ""),
	} {
		got := send(t, h, r)
		if got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "hunter2") {
			t.Errorf("%s: got %s\n%s", name, got, got.body)
		}
	}
	if !strings.Contains(log.String(), "panic while answering") || strings.Contains(log.String(), "hunter2") {
		t.Errorf("log:\n%s", log.String())
	}
}

func TestLogTellsNoSecret(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "duration" {
				return slog.Attr{}
			}
			return a
		},
	}))
	for _, sent := range []struct {
		svc *stub
		r   request
	}{
		{&stub{bridge: attached()}, trusted(http.MethodPost, bridgePath, "")},
		{
			&stub{err: &bridge.Error{Op: "get", IncidentID: "https://evil.example/?token=hunter2", Err: bridge.ErrInvalid}},
			trusted(http.MethodGet, "/api/v1/incidents/https:%2F%2Fevil.example%2F%3Ftoken=hunter2/bridge", ""),
		},
		{failing(bridge.ErrUnavailable), webhook(workflowStarted)},
		{&stub{}, plain(http.MethodGet, "/hunter2?hunter2", "")},
		{&stub{}, plain(http.MethodGet, "//hunter2", "")},
		{&stub{}, plain(http.MethodGet, "/healthz", "")},
	} {
		send(t, handler(t, sent.svc, nethttp.WithLogger(logger)), sent.r)
	}
	want := `level=INFO msg=request route="POST /api/v1/incidents/{id}/bridge" status=201 code=attached incident_id=PABC123
level=INFO msg=request route="GET /api/v1/incidents/{id}/bridge" status=400 code=bad_request
level=WARN msg=request route="POST /webhooks/pagerduty" status=503 code=unavailable incident_id=PABC123
level=INFO msg=request route=/ status=404 code=not_found
level=INFO msg=request route=/ status=404 code=not_found
`
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Error(diff)
	}
}
