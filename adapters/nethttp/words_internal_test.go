package nethttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// transportError is the chain below an error of a vendor: what a person must never read.
func transportError() error {
	return &url.Error{Op: "Post", URL: "https://api.zoom.us/v2/hunter2", Err: errors.New("dial tcp 10.0.0.5:443: refused")}
}

func zoomFault(status int, kind error, scopes ...string) error {
	return fmt.Errorf("%w: %w", bridge.ErrProvider, &zoom.Error{
		Op: "create meeting", StatusCode: status, Message: "hunter2", Scopes: scopes, Err: errors.Join(kind, transportError()),
	})
}

func pagerDutyFault(op string, status int, kind error, scopes ...string) error {
	return fmt.Errorf("%w: %w", bridge.ErrIncidents, &pagerduty.Error{
		Op: op, StatusCode: status, Message: "hunter2", Scopes: scopes, Err: errors.Join(kind, transportError()),
	})
}

func TestProblemDetailsAreSentences(t *testing.T) {
	t.Parallel()
	const setBridge = "set conference bridge"
	tests := []struct {
		name string
		err  error
		want string
	}{
		{
			"Zoom app without scopes", zoomFault(400, zoom.ErrMissingScopes, "meeting:write:meeting:admin", "user:read:user:admin"),
			"Zoom did not create the meeting (400 bad request): add the scopes meeting:write:meeting:admin, user:read:user:admin to the Zoom app.",
		},
		{
			"Zoom credentials", zoomFault(401, zoom.ErrCredentials),
			"Zoom did not create the meeting (401 unauthorized): check the account id, client id and client secret of the Zoom app.",
		},
		{
			"Zoom token", zoomFault(401, zoom.ErrUnauthorized),
			"Zoom did not create the meeting (401 unauthorized): check that the Zoom app is activated.",
		},
		{
			"Zoom host", zoomFault(404, zoom.ErrHost),
			"Zoom did not create the meeting (404 not found): check that the hosts exist at Zoom and have a licence.",
		},
		{
			"Zoom plan", zoomFault(400, zoom.ErrPlan),
			"Zoom did not create the meeting (400 bad request): check what the plan and the hosts' licences include.",
		},
		{"Zoom down", zoomFault(503, zoom.ErrUnavailable), "Zoom does not answer (503 service unavailable): try again in a moment."},
		{"Zoom out of reach", zoomFault(0, zoom.ErrInDoubt), "Zoom does not answer: try again in a moment."},
		{"Zoom otherwise", zoomFault(400, zoom.ErrInvalid), "Zoom did not create the meeting (400 bad request): see the log of this service."},
		{
			"Zoom's daily limit", errors.Join(bridge.ErrRateLimited, zoomFault(429, zoom.ErrDailyLimit)),
			"Zoom's daily limit is reached until 00:00 UTC: add another host.",
		},
		{
			"Zoom's rate limit", errors.Join(bridge.ErrRateLimited, zoomFault(429, zoom.ErrRateLimited)),
			"Zoom limits the number of requests: try again in a moment.",
		},
		{"another provider", bridge.ErrProvider, "No meeting could be created: try again in a moment."},

		{
			"PagerDuty key that may not write", pagerDutyFault(setBridge, 403, pagerduty.ErrForbidden),
			"PagerDuty did not accept the link (403 forbidden): give the API key write access.",
		},
		{
			"PagerDuty app without scopes", pagerDutyFault(setBridge, 403, pagerduty.ErrMissingScopes, "incidents.write"),
			"PagerDuty did not accept the link (403 forbidden): add the scopes incidents.write to the PagerDuty app.",
		},
		{
			"PagerDuty key", pagerDutyFault("get incident", 401, pagerduty.ErrUnauthorized),
			"PagerDuty rejected the request (401 unauthorized): check the API key.",
		},
		{
			"PagerDuty credentials", pagerDutyFault("app token", 401, pagerduty.ErrCredentials),
			"PagerDuty rejected the request (401 unauthorized): check the client id, client secret and subdomain of the PagerDuty app.",
		},
		{
			"PagerDuty From", pagerDutyFault(setBridge, 400, pagerduty.ErrRequester),
			"PagerDuty did not accept the link (400 bad request): the From address must be the e-mail of a user of the account.",
		},
		{
			"PagerDuty plan", pagerDutyFault("get incident", 402, pagerduty.ErrPlan),
			"PagerDuty rejected the request (402 payment required): check what the account's plan includes.",
		},
		{
			"PagerDuty down", pagerDutyFault("get incident", 502, pagerduty.ErrUnavailable),
			"PagerDuty does not answer (502 bad gateway): try again in a moment.",
		},
		{
			"PagerDuty otherwise", pagerDutyFault(setBridge, 400, pagerduty.ErrInvalid),
			"PagerDuty did not accept the link (400 bad request): see the log of this service.",
		},
		{
			"PagerDuty's rate limit", errors.Join(bridge.ErrRateLimited, pagerDutyFault("get incident", 429, pagerduty.ErrRateLimited)),
			"PagerDuty limits the number of requests: try again in a moment.",
		},
		{"another incident system", bridge.ErrIncidents, "PagerDuty does not answer: try again in a moment."},

		{
			"lost authorization", errors.Join(bridge.ErrReauthorize, zoomFault(400, tokenstore.ErrReauthorize)),
			"Zoom no longer accepts the app's authorization: an administrator has to install it again.",
		},
		{
			"not installed", errors.Join(bridge.ErrNotInstalled, transportError()),
			"The app is not installed: an administrator of PagerDuty and Zoom has to install it.",
		},
		{
			"invalid", fmt.Errorf("%w: %w", bridge.ErrInvalid, transportError()),
			"The request is not valid: name the incident by its id, its number or its address at PagerDuty, and keep an idempotency key within 256 bytes.",
		},
		{
			"forbidden", fmt.Errorf("%w: their role is hunter2", bridge.ErrForbidden),
			"The requester may not open this bridge: have the incident assigned to them, or let a responder open it.",
		},
		{"unknown incident", bridge.ErrIncidentNotFound, "PagerDuty has no such incident: check the id."},
		{"no bridge", bridge.ErrNotFound, "The incident has no bridge: open one first."},
		{"resolved", bridge.ErrResolved, "The incident is resolved, so no bridge is opened: reopen it in PagerDuty if it is not over."},
		{"not configured", bridge.ErrIgnored, "The configuration of this service does not open a bridge for this trigger."},
		{"too old", bridge.ErrStale, "The trigger is too old to act on: send a new one."},
		{
			"too old and resolved", errors.Join(bridge.ErrStale, bridge.ErrResolved),
			"The incident was resolved after this trigger, so no bridge is opened.",
		},
		{"in progress", bridge.ErrInProgress, "Another request is already opening this bridge: read the bridge in a moment."},
		{
			"store down", fmt.Errorf("%w: %w", bridge.ErrUnavailable, transportError()),
			"The service could not finish the request in time: send it again.",
		},
		{
			"newer record", &bridge.Error{IncidentID: "P1", Err: fmt.Errorf("%w: %w", bridge.ErrUnavailable, bridge.ErrNewerRecord)},
			"A newer version of this service wrote the record of incident P1: run the newer program.",
		},
		{
			"damaged record", &bridge.Error{IncidentID: "P1", Err: fmt.Errorf("%w: %w", bridge.ErrUnavailable, bridge.ErrUnreadable)},
			"The record of incident P1 cannot be read: check the keys and the store of this service.",
		},
		{"unknown", transportError(), "The service could not finish the request in time: send it again."},
		{"none", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := problemDetail(tt.err); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// Neither a page nor a problem quotes an error: not its text, and not what lies under it.
func TestInstallFailuresQuoteNoError(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{
		errAccessDenied, errOtherBrowser, errUsedState, errExpiredState, errNoState, errUnknownState,
		install.ErrNotAdmin, install.ErrOtherAccount, bridge.ErrInProgress, bridge.ErrNotInstalled, bridge.ErrUnavailable,
		zoom.ErrMissingScopes, pagerduty.ErrMissingScopes, zoom.ErrGrant, pagerduty.ErrGrant, zoom.ErrCredentials,
		pagerduty.ErrCredentials, zoom.ErrUnavailable, errors.New("hunter2"),
	} {
		err := fmt.Errorf("exchange hunter2: %w: %w", kind, transportError())
		status, code, lines := describeInstallFailure(install.VendorZoom, err)
		text := strings.Join(lines, " ")
		if strings.Contains(text, "hunter2") || strings.Contains(text, "10.0.0.5") || strings.Contains(text, kind.Error()) {
			t.Errorf("%v: %s", kind, text)
		}
		if status < 400 || code == "" || !strings.HasSuffix(text, ".") {
			t.Errorf("%v: %d %s %q", kind, status, code, text)
		}
	}
}

func TestSignatureDetails(t *testing.T) {
	t.Parallel()
	const unknown = "The signature matches none of the webhook secrets of this service: check the secrets."
	for err, want := range map[error]string{
		pagerduty.ErrNotSigned: "The webhook is not signed.", zoom.ErrNotSigned: "The webhook is not signed.",
		pagerduty.ErrBadSignature: unknown, zoom.ErrBadSignature: unknown, http.ErrNoCookie: unknown,
		zoom.ErrTooOld: "The webhook is too old: send it again, and check the clock of this service.",
		zoom.ErrTooNew: "The webhook is from the future: check the clock of this service.",
	} {
		if got := signatureDetail(fmt.Errorf("hunter2: %w", err)); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}
