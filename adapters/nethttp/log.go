package nethttp

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// responder answers a request, whose body it may read.
type responder func(http.ResponseWriter, *http.Request) answer

// answering sends what respond answers and logs one line about it.
func (h *Handler) answering(pattern string, respond responder) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived := time.Now()
		a := h.calmly(r.Context(), func() answer { return respond(w, r) })
		a.send(w)
		h.log(r.Context(), pattern, a, time.Since(arrived))
	})
}

func (h *Handler) log(ctx context.Context, pattern string, a answer, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case a.status >= http.StatusInternalServerError && a.status != http.StatusNotImplemented:
		level = slog.LevelWarn
	case strings.HasSuffix(pattern, "/healthz"), strings.HasSuffix(pattern, "/readyz"):
		level = slog.LevelDebug // asked every few seconds
	}
	attrs := []slog.Attr{
		slog.String("route", pattern),
		slog.Int("status", a.status),
		slog.Duration("duration", took),
	}
	if a.code != "" {
		attrs = append(attrs, slog.String("code", a.code))
	}
	if loggable(a.incidentID) {
		attrs = append(attrs, slog.String("incident_id", a.incidentID))
	}
	h.logger.LogAttrs(ctx, level, "request", attrs...)
}

// loggable says whether what a caller called an incident is an id or a number, and not a link or worse.
func loggable(incidentID string) bool {
	const longest = 64
	other := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	return incidentID != "" && len(incidentID) <= longest && !strings.ContainsFunc(incidentID, other)
}
