package nethttp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// zoomWebhook answers Zoom's validation of the endpoint, and takes its events.
func (h *Handler) zoomWebhook(ctx context.Context, r *http.Request, body []byte) answer {
	if err := h.zoom.Verify(r.Header, body); err != nil {
		return refuse(codeUnauthorized, err.Error())
	}
	if reply, ok := h.zoom.Challenge(r.Header, body); ok {
		return answer{status: http.StatusOK, body: json.RawMessage(reply)}
	}
	event, err := zoom.ParseEvent(body)
	if err != nil {
		return accept(http.StatusOK, codeBadRequest)
	}
	if event.Type == zoom.EventAppDeauthorized && h.installation != nil {
		return h.uninstall(ctx, event, zoom.SignedAt(r.Header))
	}
	return accept(http.StatusOK, codeIgnored)
}

// uninstall takes Zoom's word that the app was removed. Zoom tells it again when it hears no 2xx.
func (h *Handler) uninstall(ctx context.Context, event *zoom.Event, signedAt time.Time) answer {
	at := event.DeauthorizedAt
	if at.IsZero() {
		at = cmp.Or(event.Time, signedAt)
	}
	report, uninstalled, err := h.installation.Uninstall(ctx, install.Deauthorization{
		ClientID: event.ClientID, AccountID: event.AccountID, At: at,
	})
	switch {
	case err != nil && !uninstalled:
		return refuse(codeUnavailable, "the uninstall is not kept yet").retryAfter(defaultRetry)
	case !uninstalled:
		return accept(http.StatusOK, codeIgnored)
	}
	h.logger.LogAttrs(ctx, slog.LevelWarn, "uninstalled at Zoom", slog.Any("left_at_pagerduty", report.Leftovers))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		h.logger.LogAttrs(ctx, slog.LevelWarn, "the uninstall goes on by itself", slog.Any("error", err))
	}
	return accept(http.StatusOK, codeUninstalled)
}
