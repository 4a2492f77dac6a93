package awslambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// partnerPrefix begins the names of PagerDuty's event sources. AWS lets nobody else send under them.
const partnerPrefix = "aws.partner/pagerduty.com/"

// partnerSource is the event source of one PagerDuty account.
type partnerSource struct{ name, secret string }

// reconcile does what is due, for a schedule.
func (h *Handler) reconcile(ctx context.Context) ([]byte, error) {
	report, err := h.service.Reconcile(ctx)
	if err != nil {
		return nil, fmt.Errorf("awslambda: reconcile, %d due and %d of them failed: %w", report.Due, report.Failed, err)
	}
	return json.Marshal(map[string]int{"due": report.Due, "failed": report.Failed})
}

// answerPartner hands an event of PagerDuty's event source to the routes as the webhook that it is.
func (h *Handler) answerPartner(ctx context.Context, e *event) ([]byte, error) {
	if h.partner == nil || h.partner.name != e.Source {
		return nil, fmt.Errorf("awslambda: an event of %.200q, which is not the event source that PartnerEvents names", e.Source)
	}
	body := webhookBody(e.Detail)
	header := pagerduty.Sign(h.partner.secret, body)
	header.Set(webhookID, e.ID)
	rec := newRecorder()
	h.serve(rec, newRequest(ctx, http.MethodPost, pagerDutyWebhooks, header, body))
	if !h.done(ctx, rec, slog.String("event_id", e.ID)) {
		return nil, fmt.Errorf("awslambda: event %.100q is not served: status %d, code %q", e.ID, rec.status, rec.code())
	}
	return json.Marshal(map[string]int{"status": rec.status})
}

// webhookBody is the detail as a webhook has it, with the event inside an envelope.
func webhookBody(detail []byte) []byte {
	var bare struct {
		Type string `json:"event_type"`
	}
	if err := json.Unmarshal(detail, &bare); err != nil || bare.Type == "" {
		return detail
	}
	return bytes.Join([][]byte{[]byte(`{"event":`), detail, []byte(`}`)}, nil)
}
