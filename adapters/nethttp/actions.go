package nethttp

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// customAction is the only V2 event that a button sends.
const customAction = "incident.custom"

// sideBySide bounds how many messages of one delivery are at work at once.
const sideBySide = 8

// pagerDutyAction takes a pressed button in PagerDuty's V2 format, or what a workflow's webhook step sends.
func (h *Handler) pagerDutyAction(ctx context.Context, r *http.Request, body []byte) answer {
	key := r.Header.Get(webhookID)
	var shape struct {
		Messages json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal(body, &shape); err == nil && shape.Messages != nil {
		return h.customActions(ctx, body, key)
	}
	asked, err := pagerduty.ParseWorkflow(body)
	if err != nil {
		return refuse(codeBadRequest, "neither a custom action nor a workflow's body: "+err.Error())
	}
	asked.IdempotencyKey = cmp.Or(asked.IdempotencyKey, key)
	return h.openAsked(ctx, asked)
}

// customActions takes the buttons that one delivery tells of, which is almost always one.
func (h *Handler) customActions(ctx context.Context, body []byte, key string) answer {
	actions, err := pagerduty.ParseCustomAction(body)
	if err != nil {
		return accept(http.StatusOK, codeBadRequest)
	}
	switch len(actions) {
	case 0:
		return accept(http.StatusOK, codeIgnored)
	case 1:
		return h.press(ctx, actions[0], key)
	default:
		return worst(h.pressAll(ctx, actions, key))
	}
}

// press opens a bridge for one button. key stands in for a message without an id.
func (h *Handler) press(ctx context.Context, action pagerduty.CustomAction, key string) answer {
	if action.Event != customAction {
		return accept(http.StatusOK, codeIgnored)
	}
	if action.Incident == nil || action.Incident.ID == "" {
		return accept(http.StatusOK, codeBadRequest)
	}
	return h.openFor(ctx, bridge.Request{
		IncidentID:     action.Incident.ID,
		Requester:      requesterFrom(action.Agent),
		Trigger:        bridge.Trigger{Kind: bridge.TriggerManual},
		IdempotencyKey: cmp.Or(action.ID, key),
		OccurredAt:     action.CreatedOn,
		Incident:       bridge.FromPagerDuty(action.Incident),
		NoteOnRefusal:  true,
	})
}

// pressAll handles each message and answers in their order.
func (h *Handler) pressAll(ctx context.Context, actions []pagerduty.CustomAction, key string) []answer {
	answers := make([]answer, len(actions))
	slots := make(chan struct{}, sideBySide)
	var pressed sync.WaitGroup
	for i, action := range actions {
		slots <- struct{}{}
		pressed.Go(func() {
			defer func() { <-slots }()
			answers[i] = h.calmly(ctx, func() answer { return h.press(ctx, action, key) })
		})
	}
	pressed.Wait()
	return answers
}

// worst is one answer to several messages: PagerDuty repeats them all when one was not kept.
func worst(answers []answer) answer {
	var all answer
	results := make([]any, 0, len(answers))
	for _, a := range answers {
		results = append(results, a.body)
		if a.status > all.status {
			all = a
		}
	}
	all.body = struct {
		Results []any `json:"results"`
	}{results}
	return all
}
