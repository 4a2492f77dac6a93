package nethttp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"path"
	"strings"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// Service is what a Handler needs of a *bridge.Service. Each method is expected to return what stands when its context
// ends, and errors that match the sentinels of package bridge.
type Service interface {
	Open(ctx context.Context, req bridge.Request) (*bridge.Bridge, error)
	Close(ctx context.Context, incidentID string, reason bridge.CloseReason) (*bridge.Bridge, error)
	IncidentChanged(ctx context.Context, incidentID string, shown bridge.Link) error
	Get(ctx context.Context, incidentID string) (*bridge.Bridge, error)
	List(ctx context.Context) iter.Seq2[*bridge.Bridge, error]
	Incident(ctx context.Context, incidentID string) (*bridge.Incident, error)
	Authorize(ctx context.Context, incidentID string, who bridge.Requester) error
	Ping(ctx context.Context) error
}

// Handler serves the routes of this package. Make one with [NewHandler]; it is safe for concurrent use.
type Handler struct {
	svc       Service
	logger    *slog.Logger
	pagerDuty *pagerduty.Verifier // nil: no secrets, and no route
	zoom      *zoom.Verifier      // nil: no secrets, and no route
	tokens    bearerTokens        // empty: no tokens, and none of their routes
	site      *site               // nil: no pages, as without a login
	login     *login              // nil: pages that say that there are none
	pages     pages
	mux       *http.ServeMux

	installation *installer // nil: nothing is installed by consent
}

// NewHandler returns a handler over svc. It does no I/O and starts no goroutine; a bad option makes it fail, and names
// itself.
func NewHandler(svc Service, opts ...Option) (*Handler, error) {
	if svc == nil {
		return nil, errors.New("nethttp: nil service")
	}
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	h := &Handler{
		svc: svc, logger: c.logger, pagerDuty: c.pagerDuty, zoom: c.zoom, tokens: c.tokens, site: c.site, login: c.login,
		installation: c.install,
	}
	if h.pages, err = parsePages(); err != nil {
		return nil, fmt.Errorf("nethttp: %w", err)
	}
	h.mux = h.newMux()
	return h, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !straight(r.URL.EscapedPath()) {
		h.answering(anywhere, h.notFound).ServeHTTP(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// straight says whether a path is written the way the routes are. A ServeMux redirects from any other, and a webhook
// does not follow.
func straight(p string) bool {
	clean := path.Clean(p)
	return strings.HasPrefix(p, "/") && (p == clean || p == clean+"/")
}
