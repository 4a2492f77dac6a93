package nethttp

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// api is the REST API.
type api struct {
	svc    Service
	tokens bearerTokens
}

func (a *api) routes() []route {
	const path = " /api/v1/incidents/{id}/bridge"
	return []route{
		{http.MethodPost + path, apiBudget, a.authenticate, a.open},
		{http.MethodGet + path, apiBudget, a.authenticate, a.read},
		{http.MethodDelete + path, apiBudget, a.authenticate, a.close},
		{"GET /metrics", healthBudget, a.authenticate, notImplemented},
	}
}

func (a *api) authenticate(_ context.Context, r *http.Request) (refusal response, ok bool) {
	if !a.tokens.match(r) {
		return unauthorized(), false
	}
	return response{}, true
}

// open creates the incident's bridge, or answers with the existing one.
func (a *api) open(ctx context.Context, r *http.Request, body []byte) response {
	req, err := parseOpenBody(incidentID(r), body)
	if err != nil {
		return problemResponse(codeBadRequest, "The body is not valid: "+workflowFault(err)+".")
	}
	req.IdempotencyKey = cmp.Or(req.IdempotencyKey, r.Header.Get("Idempotency-Key"))
	return openForCaller(ctx, a.svc, req)
}

func (a *api) read(ctx context.Context, r *http.Request, _ []byte) response {
	b, err := a.svc.Get(ctx, incidentID(r))
	if err != nil {
		return problemFrom(err)
	}
	return bridgeResponse(http.StatusOK, b)
}

func (a *api) close(ctx context.Context, r *http.Request, _ []byte) response {
	b, err := a.svc.Close(ctx, incidentID(r), bridge.CloseRequested)
	if err != nil {
		return problemFrom(err)
	}
	return closedResponse(b)
}

func notImplemented(context.Context, *http.Request, []byte) response {
	return problemResponse(codeNotImplemented, "This version does not serve this route yet.")
}

// incidentID is the incident as the path names it. The service checks it before any other
// call.
func incidentID(r *http.Request) string { return r.PathValue("id") }

// parseOpenBody reads the optional body of an opening. The path already names the
// incident; a body that names another one is a mistake, and opens neither.
func parseOpenBody(incidentID string, body []byte) (*pagerduty.WorkflowRequest, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return &pagerduty.WorkflowRequest{IncidentID: incidentID}, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return nil, errNotObject
	}
	if named, ok := fields["incident_id"]; !ok || string(named) == "null" {
		id, err := json.Marshal(incidentID)
		if err != nil {
			return nil, err
		}
		fields["incident_id"] = id
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	req, err := pagerduty.ParseWorkflow(body)
	if err != nil {
		return nil, err
	}
	if req.IncidentID != incidentID {
		return nil, errOtherIncident
	}
	return req, nil
}

var (
	errNotObject     = errors.New("the body is not a JSON object")
	errOtherIncident = errors.New("incident_id is not the incident of the path")
)

// openForCaller opens a bridge for a caller who understands statuses.
func openForCaller(ctx context.Context, svc Service, req *pagerduty.WorkflowRequest) response {
	kind := bridge.TriggerKind(req.Trigger)
	switch kind {
	case "", bridge.TriggerManual, bridge.TriggerWorkflow, bridge.TriggerAPI:
	default:
		return problemResponse(codeBadRequest, fmt.Sprintf("trigger must be %q, %q or %q.",
			bridge.TriggerManual, bridge.TriggerWorkflow, bridge.TriggerAPI))
	}
	b, err := svc.Open(ctx, bridge.Request{
		IncidentID:     req.IncidentID,
		Requester:      bridge.Requester{ID: req.RequesterID, Email: req.RequesterEmail},
		Trigger:        bridge.Trigger{Kind: kind},
		IdempotencyKey: req.IdempotencyKey,
	})
	switch {
	case err == nil:
		return openedResponse(b)
	case inProgress(err):
		return openedResponse(pendingBridge(b, err, req.IncidentID))
	default:
		return problemFrom(err)
	}
}

// inProgress reports whether the bridge is still being opened, by this request or by
// another.
func inProgress(err error) bool {
	failure, ok := errors.AsType[*bridge.Error](err)
	return errors.Is(err, bridge.ErrInProgress) || ok && failure.Kept && codeOf(err) == codeUnavailable
}

// pendingBridge is what is known of a bridge that is still being opened.
func pendingBridge(b *bridge.Bridge, err error, incidentID string) *bridge.Bridge {
	if b != nil {
		return b
	}
	b = &bridge.Bridge{IncidentID: incidentID, State: bridge.StateCreating}
	if failure, ok := errors.AsType[*bridge.Error](err); ok {
		b.IncidentID = cmp.Or(failure.IncidentID, incidentID)
		b.MeetingID = failure.MeetingID
	}
	return b
}

// bridgeJSON is a bridge as callers see it. Its links may carry a passcode.
type bridgeJSON struct {
	IncidentID string     `json:"incident_id"`
	State      string     `json:"state"`
	Created    bool       `json:"created"`
	Provider   string     `json:"provider"`
	MeetingID  string     `json:"meeting_id"`
	JoinURL    string     `json:"join_url"`
	DialIn     string     `json:"dial_in"`
	Host       string     `json:"host"`
	Generation int        `json:"generation"`
	Warnings   []string   `json:"warnings"`
	OpenedAt   *time.Time `json:"opened_at"`
	ClosedAt   *time.Time `json:"closed_at"`
}

func bridgeResponse(status int, b *bridge.Bridge) response {
	return response{
		status: status,
		body: bridgeJSON{
			IncidentID: b.IncidentID,
			State:      string(b.State),
			Created:    b.Created,
			Provider:   b.Provider,
			MeetingID:  b.MeetingID,
			JoinURL:    b.JoinURL,
			DialIn:     b.DialIn,
			Host:       b.Host,
			Generation: b.Generation,
			Warnings:   append([]string{}, b.Warnings...), // [] rather than null
			OpenedAt:   orNull(b.OpenedAt),
			ClosedAt:   orNull(b.ClosedAt),
		},
		code:       string(b.State),
		incidentID: b.IncidentID,
	}
}

// openedResponse answers an opening: 201 for a bridge that this request created, 200 for
// an existing one, and 202 for one that is not on the incident yet.
func openedResponse(b *bridge.Bridge) response {
	switch {
	case b.State == bridge.StateCreating || b.State == bridge.StateCreated:
		return bridgeResponse(http.StatusAccepted, b).with("Location", bridgeLocation(b.IncidentID)).
			retryAfter(progressRetry)
	case b.Created:
		return bridgeResponse(http.StatusCreated, b).with("Location", bridgeLocation(b.IncidentID))
	default:
		return bridgeResponse(http.StatusOK, b)
	}
}

// closedResponse answers a closing: 202 while the bridge may still be used, 200 when it
// has ended.
func closedResponse(b *bridge.Bridge) response {
	if b.State.Open() {
		return bridgeResponse(http.StatusAccepted, b)
	}
	return bridgeResponse(http.StatusOK, b)
}

func bridgeLocation(incidentID string) string {
	return "/api/v1/incidents/" + url.PathEscape(incidentID) + "/bridge"
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// bearerTokens are the digests of the tokens that open a route. Comparing digests takes
// the same time for a guess of any length.
type bearerTokens [][sha256.Size]byte

func newBearerTokens(tokens []string) (bearerTokens, error) {
	var digests bearerTokens
	for _, token := range tokens {
		if token == "" {
			return nil, errors.New("a token is empty")
		}
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, errors.New("a token does not fit into a header: use printable ASCII without blanks")
		}
		digests = append(digests, sha256.Sum256([]byte(token)))
	}
	return digests, nil
}

// match reports whether the request carries one of the tokens. It compares with all of
// them, match or not.
func (t bearerTokens) match(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	given := sha256.Sum256([]byte(strings.TrimSpace(token)))
	match := 0
	for _, digest := range t {
		match |= subtle.ConstantTimeCompare(given[:], digest[:])
	}
	return match == 1
}

func unauthorized() response {
	const detail = "Send a valid token in the header Authorization, after the word Bearer."
	return problemResponse(codeUnauthorized, detail).with("WWW-Authenticate", "Bearer")
}
