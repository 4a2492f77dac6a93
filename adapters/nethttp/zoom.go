package nethttp

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/incidentbridge/incidentbridge/zoom"
)

// zoomWebhook answers Zoom's validation of the endpoint, and takes its events.
func (h *Handler) zoomWebhook(_ context.Context, r *http.Request, body []byte) answer {
	delivery, err := h.zoom.Verify(r.Header, body)
	if err != nil {
		return refuse(codeUnauthorized, err.Error())
	}
	if reply, ok := delivery.Challenge(); ok {
		return answer{status: http.StatusOK, body: json.RawMessage(reply)}
	}
	if _, err := zoom.ParseEvent(body); err != nil {
		return accept(http.StatusOK, codeBadRequest)
	}
	return accept(http.StatusOK, codeIgnored)
}
