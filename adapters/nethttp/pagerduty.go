package nethttp

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// The V3 events that do more than ask for a bridge.
const (
	eventResolved      = "incident.resolved"
	eventReopened      = "incident.reopened"
	eventBridgeUpdated = "incident.conference_bridge.updated"
)

// webhookID names one delivery, and stays the same when PagerDuty repeats it.
const webhookID = "X-Webhook-Id"

// pagerDutyWebhook takes a V3 event.
func (h *Handler) pagerDutyWebhook(ctx context.Context, r *http.Request, body []byte) answer {
	if refused := h.verifyEvent(ctx, r.Header, body); refused != nil {
		return *refused
	}
	event, err := pagerduty.ParseEvent(body)
	if err != nil {
		return accept(http.StatusOK, codeBadRequest)
	}
	if event.IncidentID == "" {
		if strings.HasPrefix(event.Type, "incident.") {
			return accept(http.StatusOK, codeBadRequest)
		}
		return accept(http.StatusOK, codeIgnored) // a ping, or an event of a service
	}
	if event.ID == "" {
		event.ID = r.Header.Get(webhookID)
	}
	return h.take(ctx, event)
}

// take does what an event asks for.
func (h *Handler) take(ctx context.Context, event *pagerduty.Event) answer {
	switch event.Type {
	case eventResolved:
		b, err := h.svc.Close(ctx, event.IncidentID, bridge.CloseResolved)
		if err != nil {
			return delivered(err)
		}
		return closed(b)
	case eventBridgeUpdated:
		if err := h.svc.IncidentChanged(ctx, event.IncidentID, shownBy(event)); err != nil {
			return delivered(err)
		}
		return accept(http.StatusOK, codeVerified)
	case eventReopened:
		if err := h.svc.IncidentChanged(ctx, event.IncidentID, bridge.Link{}); err != nil && !errors.Is(err, bridge.ErrNotFound) {
			return delivered(err)
		}
	}
	return h.openFor(ctx, requestFrom(event))
}

// shownBy is the bridge that an event says the incident has now.
func shownBy(event *pagerduty.Event) bridge.Link {
	if event.ConferenceBridge == nil {
		return bridge.Link{}
	}
	return bridge.Link{URL: event.ConferenceBridge.URL, DialIn: event.ConferenceBridge.Number}
}

// openFor opens on behalf of PagerDuty, which understands few statuses.
func (h *Handler) openFor(ctx context.Context, req bridge.Request) answer {
	b, err := h.svc.Open(ctx, req)
	if err != nil {
		return delivered(err)
	}
	return opened(b)
}

// requestFrom turns any event of an incident into a request. Whether it opens anything is the service's to say.
func requestFrom(event *pagerduty.Event) bridge.Request {
	trigger := bridge.Trigger{Kind: bridge.TriggerAutomatic, Event: event.Type}
	if event.Type == bridge.WorkflowStarted {
		trigger.Kind = bridge.TriggerWorkflow
	}
	if event.Workflow != nil {
		trigger.WorkflowID, trigger.WorkflowName = event.Workflow.ID, event.Workflow.Summary
	}
	return bridge.Request{
		IncidentID:     event.IncidentID,
		Requester:      requesterFrom(event.Agent),
		Trigger:        trigger,
		IdempotencyKey: event.ID,
		OccurredAt:     event.OccurredAt,
		Incident:       bridge.FromPagerDuty(event.Incident),
		NoteOnRefusal:  event.Type == bridge.WorkflowStarted, // a button on the incident
	}
}

// delivered tells PagerDuty whether to send a failed trigger again: never what cannot succeed and what the ledger holds
// already, always what is kept nowhere.
func delivered(err error) answer {
	code := codeOf(err)
	said, ok := errors.AsType[*bridge.Error](err)
	if ok && said.Kept {
		return aboutIncident(accept(http.StatusAccepted, code), said)
	}
	switch code {
	case codeBridgeNotFound:
		return aboutIncident(accept(http.StatusOK, codeIgnored), said)
	case codeBadRequest, codeForbidden, codeIncidentNotFound, codeIncidentResolved, codeNotInstalled, codeIgnored,
		codeTriggerTooOld:
		return aboutIncident(accept(http.StatusOK, code), said)
	default:
		return explain(err, codeUnavailable) // the one code that goes with 503; the detail says the rest
	}
}

func aboutIncident(a answer, said *bridge.Error) answer {
	if said != nil {
		a.incidentID = said.IncidentID
	}
	return a
}
