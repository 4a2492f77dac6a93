package nethttp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// customAction is the only V2 event that a button sends.
const customAction = "incident.custom"

// maxParallel bounds the messages of one delivery, and the rows of one list, in progress
// at once.
const maxParallel = 8

// actions takes pressed buttons, in PagerDuty's V2 format, and what a workflow's webhook
// step sends.
type actions struct {
	svc       Service
	tokens    bearerTokens // may be empty when the app is installed by consent
	installed installation
	logger    *slog.Logger
}

func (a *actions) routes() []route {
	return []route{{"POST /actions/pagerduty", actionBudget, a.authenticateButton, a.handle}}
}

// authenticateButton accepts an action token, or the token of the installed buttons.
func (a *actions) authenticateButton(ctx context.Context, r *http.Request) (refusal response, ok bool) {
	if a.tokens.match(r) {
		return response{}, true
	}
	token, err := a.installed.ActionToken(ctx)
	switch {
	case errors.Is(err, install.ErrNotInstalled) && len(a.tokens) == 0:
		return problemResponse(codeNotFound, noRoute), false
	case errors.Is(err, install.ErrNotInstalled):
		return unauthorized(), false
	case err != nil:
		return problemResponse(codeUnavailable, storeUnavailable).retryAfter(defaultRetry), false
	}
	installed, err := newBearerTokens([]string{string(token)})
	if err != nil || !installed.match(r) {
		return unauthorized(), false
	}
	return response{}, true
}

func (a *actions) handle(ctx context.Context, r *http.Request, body []byte) response {
	key := r.Header.Get(webhookID)
	var shape struct {
		Messages json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal(body, &shape); err == nil && shape.Messages != nil {
		return a.handleMessages(ctx, body, key)
	}
	req, err := pagerduty.ParseWorkflow(body)
	if err != nil {
		return problemResponse(codeBadRequest,
			"The body is neither a custom action nor a workflow's body: "+workflowFault(err)+".")
	}
	req.IdempotencyKey = cmp.Or(req.IdempotencyKey, key)
	return openForCaller(ctx, a.svc, req)
}

// handleMessages handles the messages of one delivery. There is nearly always exactly
// one.
func (a *actions) handleMessages(ctx context.Context, body []byte, key string) response {
	buttons, err := pagerduty.ParseCustomAction(body)
	if err != nil {
		return codeResponse(http.StatusOK, codeBadRequest)
	}
	switch len(buttons) {
	case 0:
		return codeResponse(http.StatusOK, codeIgnored)
	case 1:
		return a.handleButton(ctx, buttons[0], key)
	default:
		return combine(a.handleButtons(ctx, buttons, key))
	}
}

// handleButton opens a bridge for one pressed button. key is used for a message without
// an id.
func (a *actions) handleButton(ctx context.Context, button pagerduty.CustomAction, key string) response {
	if button.Event != customAction {
		return codeResponse(http.StatusOK, codeIgnored)
	}
	if button.Incident == nil || button.Incident.ID == "" {
		return codeResponse(http.StatusOK, codeBadRequest)
	}
	return openForWebhook(ctx, a.svc, bridge.Request{
		IncidentID:     button.Incident.ID,
		Requester:      requesterFrom(button.Agent),
		Trigger:        bridge.Trigger{Kind: bridge.TriggerManual},
		IdempotencyKey: cmp.Or(button.ID, key),
		OccurredAt:     button.CreatedOn,
		Incident:       bridge.FromPagerDuty(button.Incident),
		NoteOnRefusal:  true,
	})
}

// handleButtons handles several messages in parallel and returns the responses in their
// order.
func (a *actions) handleButtons(ctx context.Context, buttons []pagerduty.CustomAction, key string) []response {
	responses := make([]response, len(buttons))
	slots := make(chan struct{}, maxParallel)
	var wg sync.WaitGroup
	for i, button := range buttons {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			responses[i] = recoverPanic(ctx, a.logger, func() response { return a.handleButton(ctx, button, key) })
		})
	}
	wg.Wait()
	return responses
}

// combine is one response to several messages, with the worst status: PagerDuty sends
// them all again when one was not stored.
func combine(responses []response) response {
	var all response
	results := make([]any, 0, len(responses))
	for _, resp := range responses {
		results = append(results, resp.body)
		if resp.status > all.status {
			all = resp
		}
	}
	all.body = struct {
		Results []any `json:"results"`
	}{results}
	return all
}
