package nethttp

import (
	"context"
	"net/http"
)

type health struct {
	Status string `json:"status"`
}

// live says that the process answers at all.
func (h *Handler) live(context.Context, *http.Request, []byte) answer {
	return answer{status: http.StatusOK, body: health{"ok"}}
}

// ready says that the store answers, and with it that triggers can be kept.
func (h *Handler) ready(ctx context.Context, _ *http.Request, _ []byte) answer {
	if err := h.svc.Ping(ctx); err != nil {
		// Anyone may ask, so nobody is told why.
		return refuse(codeUnavailable, "the store does not answer").retryAfter(defaultRetry)
	}
	return answer{status: http.StatusOK, body: health{"ready"}}
}
