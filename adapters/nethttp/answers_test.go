package nethttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// asked is every way to ask, with a good credential.
type asked struct{ webhook, action, workflow, open, read, close string }

func ask(t *testing.T, svc *stub) asked {
	t.Helper()
	h := handler(t, svc)
	return asked{
		webhook:  send(t, h, webhook(workflowStarted)).String(),
		action:   send(t, h, trusted(http.MethodPost, "/actions/pagerduty", customAction)).String(),
		workflow: send(t, h, trusted(http.MethodPost, "/actions/pagerduty", workflowBody)).String(),
		open:     send(t, h, trusted(http.MethodPost, bridgePath, "")).String(),
		read:     send(t, h, trusted(http.MethodGet, bridgePath, "")).String(),
		close:    send(t, h, trusted(http.MethodDelete, bridgePath, "")).String(),
	}
}

func TestEveryFailureHasItsAnswer(t *testing.T) {
	t.Parallel()
	kept := func(err error) error { return &bridge.Error{Op: "open", IncidentID: "PABC123", Kept: true, Err: err} }
	const again = "503 unavailable"
	tests := []struct {
		when string
		err  error
		want asked
	}{
		{"invalid", bridge.ErrInvalid, asked{"200 bad_request", "200 bad_request", "400 bad_request", "400 bad_request", "400 bad_request", "400 bad_request"}},
		{"forbidden", bridge.ErrForbidden, asked{"200 forbidden", "200 forbidden", "403 forbidden", "403 forbidden", "403 forbidden", "403 forbidden"}},
		{"unknown incident", bridge.ErrIncidentNotFound, asked{"200 incident_not_found", "200 incident_not_found", "404 incident_not_found", "404 incident_not_found", "404 incident_not_found", "404 incident_not_found"}},
		{"no bridge", bridge.ErrNotFound, asked{"200 ignored", "200 ignored", "404 bridge_not_found", "404 bridge_not_found", "404 bridge_not_found", "404 bridge_not_found"}},
		{"resolved", bridge.ErrResolved, asked{"200 incident_resolved", "200 incident_resolved", "409 incident_resolved", "409 incident_resolved", "409 incident_resolved", "409 incident_resolved"}},
		{"not installed", bridge.ErrNotInstalled, asked{"200 not_installed", "200 not_installed", "409 not_installed", "409 not_installed", "409 not_installed", "409 not_installed"}},
		{"consent needed", bridge.ErrReauthorize, asked{again, again, "409 reauthorize", "409 reauthorize", "409 reauthorize", "409 reauthorize"}},
		{"rate limited", bridge.ErrRateLimited, asked{again, again, "429 rate_limited", "429 rate_limited", "429 rate_limited", "429 rate_limited"}},
		{"zoom down", bridge.ErrProvider, asked{again, again, "502 upstream_zoom", "502 upstream_zoom", "502 upstream_zoom", "502 upstream_zoom"}},
		{"pagerduty down", bridge.ErrIncidents, asked{again, again, "502 upstream_pagerduty", "502 upstream_pagerduty", "502 upstream_pagerduty", "502 upstream_pagerduty"}},
		{"store down", bridge.ErrUnavailable, asked{again, again, again, again, again, again}},
		{"out of time", context.DeadlineExceeded, asked{again, again, again, again, again, again}},
		{"unheard of", errors.New("a new fault"), asked{again, again, again, again, again, again}},
		{"in progress", bridge.ErrInProgress, asked{again, again, "202 creating", "202 creating", again, again}},
		{"event opens nothing", bridge.ErrIgnored, asked{"200 ignored", "200 ignored", "400 bad_request", "400 bad_request", "400 bad_request", "400 bad_request"}},
		{"too old", bridge.ErrStale, asked{"200 trigger_too_old", "200 trigger_too_old", "400 bad_request", "400 bad_request", "400 bad_request", "400 bad_request"}},
		{"too old and resolved", errors.Join(bridge.ErrStale, bridge.ErrResolved), asked{"200 trigger_too_old", "200 trigger_too_old", "409 incident_resolved", "409 incident_resolved", "409 incident_resolved", "409 incident_resolved"}},
		{"kept, zoom down", kept(bridge.ErrProvider), asked{"202 upstream_zoom", "202 upstream_zoom", "502 upstream_zoom", "502 upstream_zoom", "502 upstream_zoom", "502 upstream_zoom"}},
		{"kept, pagerduty down", kept(bridge.ErrIncidents), asked{"202 upstream_pagerduty", "202 upstream_pagerduty", "502 upstream_pagerduty", "502 upstream_pagerduty", "502 upstream_pagerduty", "502 upstream_pagerduty"}},
		{"kept, out of time", kept(context.DeadlineExceeded), asked{"202 unavailable", "202 unavailable", "202 creating", "202 creating", again, again}},
		{"no scopes at zoom and rate limited", errors.Join(bridge.ErrRateLimited, bridge.ErrProvider), asked{again, again, "429 rate_limited", "429 rate_limited", "429 rate_limited", "429 rate_limited"}},
	}
	for _, tt := range tests {
		t.Run(tt.when, func(t *testing.T) {
			t.Parallel()
			svc := failing(tt.err)
			if said, ok := errors.AsType[*bridge.Error](tt.err); ok {
				svc.err = said
			}
			if diff := cmp.Diff(tt.want, ask(t, svc), cmp.AllowUnexported(asked{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryStateHasItsAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		state   bridge.State
		created bool
		want    asked
	}{
		{bridge.StateAttached, true, asked{"201 attached", "201 attached", "201 attached", "201 attached", "200 attached", "202 attached"}},
		{bridge.StateAttached, false, asked{"200 attached", "200 attached", "200 attached", "200 attached", "200 attached", "202 attached"}},
		{bridge.StateCreating, true, asked{"202 creating", "202 creating", "202 creating", "202 creating", "200 creating", "202 creating"}},
		{bridge.StateCreated, true, asked{"202 created", "202 created", "202 created", "202 created", "200 created", "202 created"}},
		{bridge.StateClosing, false, asked{"200 closing", "200 closing", "200 closing", "200 closing", "200 closing", "202 closing"}},
		{bridge.StateEnding, false, asked{"200 ending", "200 ending", "200 ending", "200 ending", "200 ending", "202 ending"}},
		{bridge.StateClosed, false, asked{"200 closed", "200 closed", "200 closed", "200 closed", "200 closed", "200 closed"}},
		{bridge.StateExternal, false, asked{"200 external", "200 external", "200 external", "200 external", "200 external", "200 external"}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.state, " ", tt.created), func(t *testing.T) {
			t.Parallel()
			b := attached()
			b.State, b.Created = tt.state, tt.created
			if diff := cmp.Diff(tt.want, ask(t, &stub{bridge: b}), cmp.AllowUnexported(asked{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryRouteHasItsAnswers(t *testing.T) {
	t.Parallel()
	tooLarge := `{"incident_id":"` + strings.Repeat("P", 1<<20) + `"}`
	const actions = "/actions/pagerduty"
	tests := []struct {
		name string
		send request
		want string
	}{
		{"webhook unsigned", plain(http.MethodPost, "/webhooks/pagerduty", workflowStarted), "401 unauthorized"},
		{"webhook signed for another body", webhook(workflowStarted).with("X-PagerDuty-Signature", "v1="+strings.Repeat("0", 64)), "401 unauthorized"},
		{"webhook with a bearer", trusted(http.MethodPost, "/webhooks/pagerduty", workflowStarted), "401 unauthorized"},
		{"webhook malformed", webhook(`{"event":`), "200 bad_request"},
		{"webhook of no incident", webhook(`{"event":{"event_type":"incident.triggered","data":{}}}`), "200 bad_request"},
		{"webhook ping", webhook(`{"event":{"id":"1","event_type":"pagey.ping","data":{"type":"ping"}}}`), "200 ignored"},
		{"webhook of a service", webhook(`{"event":{"id":"1","event_type":"service.updated","data":{"type":"service","id":"PS"}}}`), "200 ignored"},
		{"webhook empty", webhook(""), "200 bad_request"},
		{"webhook too large", webhook(tooLarge), "413 too_large"},

		{"action without token", plain(http.MethodPost, actions, customAction), "401 unauthorized"},
		{"action with another token", trusted(http.MethodPost, actions, customAction).with("Authorization", "Bearer other"), "401 unauthorized"},
		{"action with a longer token", trusted(http.MethodPost, actions, customAction).with("Authorization", "Bearer "+actionToken+"x"), "401 unauthorized"},
		{"action with an empty token", trusted(http.MethodPost, actions, customAction).with("Authorization", "Bearer "), "401 unauthorized"},
		{"action with basic", trusted(http.MethodPost, actions, customAction).with("Authorization", "Basic "+actionToken), "401 unauthorized"},
		{"action in small letters", trusted(http.MethodPost, actions, workflowBody).with("Authorization", "bearer "+actionToken), "201 attached"},
		{"action malformed", trusted(http.MethodPost, actions, `{"messages":`), "400 bad_request"},
		{"action neither V2 nor workflow", trusted(http.MethodPost, actions, `{"hello":"world"}`), "400 bad_request"},
		{"action of a list", trusted(http.MethodPost, actions, `[]`), "400 bad_request"},
		{"action empty", trusted(http.MethodPost, actions, ""), "400 bad_request"},
		{"action with odd messages", trusted(http.MethodPost, actions, `{"messages":7}`), "200 bad_request"},
		{"action without messages", trusted(http.MethodPost, actions, `{"messages":[]}`), "200 ignored"},
		{"action of no incident", trusted(http.MethodPost, actions, `{"messages":[{"id":"1","event":"incident.custom"}]}`), "200 bad_request"},
		{"action of another event", trusted(http.MethodPost, actions, `{"messages":[{"id":"1","event":"incident.trigger","incident":{"id":"PABC123"}}]}`), "200 ignored"},
		{"action too large", trusted(http.MethodPost, actions, tooLarge), "413 too_large"},
		{"workflow with an odd trigger", trusted(http.MethodPost, actions, `{"incident_id":"PABC123","trigger":"automatic"}`), "400 bad_request"},
		{"workflow with an odd field", trusted(http.MethodPost, actions, `{"incident_id":{"id":"PABC123"}}`), "400 bad_request"},

		{"open without token", plain(http.MethodPost, bridgePath, ""), "401 unauthorized"},
		{"read without token", plain(http.MethodGet, bridgePath, ""), "401 unauthorized"},
		{"close without token", plain(http.MethodDelete, bridgePath, ""), "401 unauthorized"},
		{"open malformed", trusted(http.MethodPost, bridgePath, "{"), "400 bad_request"},
		{"open with null", trusted(http.MethodPost, bridgePath, "null"), "400 bad_request"},
		{"open with an odd trigger", trusted(http.MethodPost, bridgePath, `{"trigger":"magic"}`), "400 bad_request"},
		{"open with an odd field", trusted(http.MethodPost, bridgePath, `{"requester_id":[1]}`), "400 bad_request"},
		{"open another incident", trusted(http.MethodPost, bridgePath, `{"incident_id":"POTHER"}`), "400 bad_request"},
		{"open the same incident", trusted(http.MethodPost, bridgePath, `{"incident_id":"PABC123"}`), "201 attached"},
		{"open with an empty object", trusted(http.MethodPost, bridgePath, `{"incident_id":null}`), "201 attached"},
		{"open too large", trusted(http.MethodPost, bridgePath, tooLarge), "413 too_large"},

		{"zoom unsigned", plain(http.MethodPost, "/webhooks/zoom", `{}`), "401 unauthorized"},
		{"zoom stale", zoomWebhookBy(zoomSecret, 6*time.Minute, `{"event":"meeting.started"}`), "401 unauthorized"},
		{"zoom from the future", zoomWebhookBy(zoomSecret, -6*time.Minute, `{"event":"meeting.started"}`), "401 unauthorized"},
		{"zoom not JSON", zoomWebhook(`hello`), "200 bad_request"},
		{"zoom meeting started", zoomWebhook(`{"event":"meeting.started","payload":{"object":{"id":"1"}}}`), "200 ignored"},
		{"zoom unknown event", zoomWebhook(`{"event":"user.created"}`), "200 ignored"},
		{"zoom too large", zoomWebhook(tooLarge), "413 too_large"},
		{"zoom url_validation", zoomWebhook(`{"event":"endpoint.url_validation","payload":{"plainToken":"p"}}`), "200"},
		{"zoom url_validation unsigned", plain(http.MethodPost, "/webhooks/zoom", `{"event":"endpoint.url_validation","payload":{"plainToken":"p"}}`), "401 unauthorized"},

		{"metrics without token", plain(http.MethodGet, "/metrics", ""), "401 unauthorized"},
		{"metrics", trusted(http.MethodGet, "/metrics", ""), "501 not_implemented"},
		{"install, not by consent", plain(http.MethodGet, "/install", ""), "404 not_found"},
		{"zoom callback, not by consent", plain(http.MethodGet, "/oauth/zoom/callback?code=1", ""), "404 not_found"},

		{"unknown path", plain(http.MethodGet, "/nowhere", ""), "404 not_found"},
		{"unknown oauth path", plain(http.MethodGet, "/oauth/other", ""), "404 not_found"},
		{"path with a slash too many", trusted(http.MethodPost, "//actions/pagerduty", workflowBody), "404 not_found"},
		{"path with a slash at the end", trusted(http.MethodPost, "/actions/pagerduty/", workflowBody), "404 not_found"},
		{"path with dots", plain(http.MethodGet, "/api/../healthz", ""), "404 not_found"},
		{"bridge of no incident", trusted(http.MethodGet, "/api/v1/incidents//bridge", ""), "404 not_found"},
		{"wrong method", plain(http.MethodGet, "/webhooks/pagerduty", ""), "405 method_not_allowed"},
		{"wrong method for a bridge", trusted(http.MethodPut, bridgePath, ""), "405 method_not_allowed"},
		{"live", plain(http.MethodGet, "/healthz", ""), "200 ok"},
		{"live, head", plain(http.MethodHead, "/healthz", ""), "200 ok"},
		{"ready", plain(http.MethodGet, "/readyz", ""), "200 ready"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			svc := &stub{bridge: attached()}
			got := send(t, handler(t, svc), tt.send)
			if got.String() != tt.want {
				t.Errorf("got %s, want %s\n%s", got, tt.want, got.body)
			}
			if opened := len(svc.asked) > 0; opened != strings.HasPrefix(tt.want, "201") {
				t.Errorf("service was asked: %v", svc.calls)
			}
			wantType := "application/json"
			if got.status >= 400 {
				wantType = "application/problem+json"
			}
			want := http.Header{
				"Cache-Control": {"no-store"}, "Content-Type": {wantType}, "X-Content-Type-Options": {"nosniff"},
			}
			common := http.Header{}
			for name := range want {
				common[name] = got.header[name]
			}
			if diff := cmp.Diff(want, common); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnconfiguredRoutesAreNotFound(t *testing.T) {
	t.Parallel()
	bare := newHandler(t, &stub{bridge: attached()})
	for _, r := range []request{
		webhook(workflowStarted),
		zoomWebhook(`{"event":"meeting.started"}`),
		trusted(http.MethodPost, "/actions/pagerduty", workflowBody),
		trusted(http.MethodPost, bridgePath, ""),
		trusted(http.MethodGet, bridgePath, ""),
		trusted(http.MethodDelete, bridgePath, ""),
		trusted(http.MethodGet, "/metrics", ""),
	} {
		if got := send(t, bare, r); got.String() != "404 not_found" {
			t.Errorf("%s %s: got %s, want 404 not_found", r().Method, r().URL, got)
		}
	}
}

// A caller who sent a wrong body is told which field is wrong, without the text of an
// error.
func TestBadBodiesNameTheField(t *testing.T) {
	t.Parallel()
	const notWorkflow = "The body is neither a custom action nor a workflow's body: "
	tests := []struct {
		path, body, want string
	}{
		{"/actions/pagerduty", `[]`, notWorkflow + "the body is not a JSON object."},
		{"/actions/pagerduty", `{}`, notWorkflow + "incident_id is missing."},
		{"/actions/pagerduty", `{"incident_id":"P1","incident_id":"P2"}`, notWorkflow + "incident_id is given twice: a template may contain ids only."},
		{bridgePath, `{`, "The body is not valid: the body is not a JSON object."},
		{bridgePath, `{"incident_id":"POTHER"}`, "The body is not valid: incident_id is not the incident of the path."},
		{bridgePath, `{"requester_id":[1]}`, "The body is not valid: requester_id must be a string or a number, and not a long one."},
		{bridgePath, `{"trigger":"magic"}`, `trigger must be "manual", "workflow" or "api".`},
	}
	for _, tt := range tests {
		t.Run(tt.path+" "+tt.body, func(t *testing.T) {
			t.Parallel()
			got := send(t, handler(t, &stub{}), trusted(http.MethodPost, tt.path, tt.body))
			if diff := cmp.Diff(tt.want, decoded(t, got.body)["detail"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}
