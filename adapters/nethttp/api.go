package nethttp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// openBridge makes the incident's bridge, or answers with the one that is there.
func (h *Handler) openBridge(ctx context.Context, r *http.Request, body []byte) answer {
	asked, err := parseAsked(incidentID(r), body)
	if err != nil {
		return refuse(codeBadRequest, err.Error())
	}
	asked.IdempotencyKey = cmp.Or(asked.IdempotencyKey, r.Header.Get("Idempotency-Key"))
	return h.openAsked(ctx, asked)
}

// readBridge answers with the incident's bridge.
func (h *Handler) readBridge(ctx context.Context, r *http.Request, _ []byte) answer {
	b, err := h.svc.Get(ctx, incidentID(r))
	if err != nil {
		return failure(err)
	}
	return show(http.StatusOK, b)
}

// closeBridge asks for the end of the incident's bridge.
func (h *Handler) closeBridge(ctx context.Context, r *http.Request, _ []byte) answer {
	b, err := h.svc.Close(ctx, incidentID(r), bridge.CloseRequested)
	if err != nil {
		return failure(err)
	}
	return closed(b)
}

// incidentID is what the path calls the incident; whether it is an id is the service's to say, before any other call.
func incidentID(r *http.Request) string { return r.PathValue("id") }

// parseAsked reads the optional body of an opening. The path names the incident already; a body that names another one
// is a mistake that must not open either.
func parseAsked(incidentID string, body []byte) (*pagerduty.WorkflowRequest, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return &pagerduty.WorkflowRequest{IncidentID: incidentID}, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return nil, errors.New("the body is not a JSON object")
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
	asked, err := pagerduty.ParseWorkflow(body)
	if err != nil {
		return nil, err
	}
	if asked.IncidentID != incidentID {
		return nil, errors.New("incident_id is not the incident of the path")
	}
	return asked, nil
}

// openAsked opens for a caller who understands statuses.
func (h *Handler) openAsked(ctx context.Context, asked *pagerduty.WorkflowRequest) answer {
	kind := bridge.TriggerKind(asked.Trigger)
	switch kind {
	case "", bridge.TriggerManual, bridge.TriggerWorkflow, bridge.TriggerAPI:
	default:
		return refuse(codeBadRequest, fmt.Sprintf("trigger must be %q, %q or %q", bridge.TriggerManual, bridge.TriggerWorkflow, bridge.TriggerAPI))
	}
	b, err := h.svc.Open(ctx, bridge.Request{
		IncidentID:     asked.IncidentID,
		Requester:      bridge.Requester{ID: asked.RequesterID, Email: asked.RequesterEmail},
		Trigger:        bridge.Trigger{Kind: kind},
		IdempotencyKey: asked.IdempotencyKey,
	})
	switch {
	case err == nil:
		return opened(b)
	case inProgress(err):
		return opened(standing(b, err, asked.IncidentID))
	default:
		return failure(err)
	}
}

// inProgress says whether the bridge is being made, by this call's own claim or by somebody else.
func inProgress(err error) bool {
	said, ok := errors.AsType[*bridge.Error](err)
	return errors.Is(err, bridge.ErrInProgress) || ok && said.Kept && codeOf(err) == codeUnavailable
}

// standing is what is known of a bridge in the making.
func standing(b *bridge.Bridge, err error, incidentID string) *bridge.Bridge {
	if b != nil {
		return b
	}
	b = &bridge.Bridge{IncidentID: incidentID, State: bridge.StateCreating}
	if said, ok := errors.AsType[*bridge.Error](err); ok {
		b.IncidentID = cmp.Or(said.IncidentID, incidentID)
		b.MeetingID = said.MeetingID
	}
	return b
}
