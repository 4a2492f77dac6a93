package nethttp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// Service is what a Handler needs of a *bridge.Service. When its context ends, each
// method returns what is known by then. Its errors match the sentinels of package bridge.
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

// Handler serves the routes of this package. Make one with [NewHandler]; it is safe for
// concurrent use.
type Handler struct {
	logger *slog.Logger
	view   *view
	mux    *http.ServeMux
}

// NewHandler returns a handler over svc. It does no I/O and starts no goroutine. An
// invalid option makes it fail with an error that names the option.
func NewHandler(svc Service, opts ...Option) (*Handler, error) {
	if svc == nil {
		return nil, errors.New("nethttp: nil service")
	}
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	v, err := newView(c.logger, c.installation != nil)
	if err != nil {
		return nil, fmt.Errorf("nethttp: %w", err)
	}
	h := &Handler{logger: c.logger, view: v, mux: http.NewServeMux()}
	h.serve(programRoutes(svc, c), pageRoutes(svc, c, v))
	return h, nil
}

// programRoutes lists what is served to programs. A route without credentials in the
// configuration is not there.
func programRoutes(svc Service, c config) []route {
	installed := installationOf(c.installation)
	routes := (&health{svc}).routes()
	if c.pagerDuty != nil || c.installation != nil {
		routes = append(routes, (&pagerDutyWebhook{svc, c.pagerDuty, installed, c.logger}).routes()...)
	}
	if c.zoom != nil {
		routes = append(routes, (&zoomWebhook{c.zoom, installed, c.logger}).routes()...)
	}
	if len(c.tokens) > 0 || c.installation != nil {
		routes = append(routes, (&actions{svc, c.tokens, installed, c.logger}).routes()...)
	}
	if len(c.tokens) > 0 {
		routes = append(routes, (&api{svc, c.tokens}).routes()...)
	}
	return routes
}

// pageRoutes lists what is served to browsers. Without a login the pages only say so.
func pageRoutes(svc Service, c config, v *view) []route {
	checkInstalled := installCheckOf(c.installation)
	var routes []route
	var toLogin, toInstall oauthFlow // nil: not configured
	if c.loginApp == nil {
		routes = disabledRoutes(v)
	} else {
		login := &loginFlow{
			app: c.loginApp, account: c.loginAccount, site: c.site, sessions: &sessions{c.site},
			checkInstalled: checkInstalled, view: v, logger: c.logger,
		}
		pages := &pages{svc: svc, login: login, view: v, logger: c.logger}
		routes = append(login.routes(), pages.routes()...)
		toLogin = login
	}
	if c.installation != nil {
		install := &installFlow{
			installation: c.installation, events: c.events, site: c.site, view: v, logger: c.logger,
		}
		routes = append(routes, install.routes()...)
		toInstall = install
	}
	return append(routes, callbackRoutes(c.site, v, toLogin, toInstall)...)
}

// serve registers the routes, 405 with Allow for their paths under other methods, and 404
// for everything else.
func (h *Handler) serve(programs, pages []route) {
	allowed := map[string][]string{}
	register := func(rt route, respond responder) {
		h.mux.Handle(rt.pattern, h.handle(rt.pattern, respond))
		method, path, _ := strings.Cut(rt.pattern, " ")
		allowed[path] = append(allowed[path], method)
		if method == http.MethodGet {
			allowed[path] = append(allowed[path], http.MethodHead)
		}
	}
	for _, rt := range programs {
		register(rt, h.respond(rt))
	}
	for _, rt := range pages {
		respond := h.respond(rt)
		register(rt, func(w http.ResponseWriter, r *http.Request) response {
			return h.view.htmlProblem(respond(w, r), nil)
		})
	}
	for path, methods := range allowed {
		slices.Sort(methods)
		h.mux.Handle(path, h.handle(path, methodNotAllowed(strings.Join(methods, ", "))))
	}
	for _, a := range assets() {
		h.mux.Handle(a.pattern, h.handle(a.pattern, a.respond))
	}
	h.mux.Handle(catchAll, h.handle(catchAll, h.notFound))
}

// catchAll is the pattern for requests that no route matches.
const catchAll = "/"

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isCanonicalPath(r.URL.EscapedPath()) {
		h.handle(catchAll, h.notFound).ServeHTTP(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// isCanonicalPath reports whether a path is written the way the routes are. A ServeMux
// would redirect any other path, and PagerDuty's and Zoom's webhooks do not follow
// redirects.
func isCanonicalPath(p string) bool {
	clean := path.Clean(p)
	return strings.HasPrefix(p, "/") && (p == clean || p == clean+"/")
}

// respond authenticates the caller, reads the body and runs the route's work within its
// budget.
func (h *Handler) respond(rt route) responder {
	return func(w http.ResponseWriter, r *http.Request) response {
		deadline := time.Now().Add(rt.budget)
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		if refusal, ok := rt.authenticate(ctx, r); !ok {
			return refusal
		}
		body, err := readBody(w, r, deadline)
		if errors.Is(err, errTooLarge) {
			return problemResponse(codeTooLarge, "The request body is larger than 1 MiB.")
		}
		if err != nil {
			return problemResponse(codeUnavailable, "The request body did not arrive in time.").
				retryAfter(defaultRetry)
		}
		return withDeadline(ctx, h.logger, deadline, func(ctx context.Context) response {
			return rt.work(ctx, r, body)
		})
	}
}

// handle sends the response and logs one line about the request.
func (h *Handler) handle(pattern string, respond responder) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		resp := recoverPanic(r.Context(), h.logger, func() response { return respond(w, r) })
		resp.send(w)
		h.log(r.Context(), pattern, resp, time.Since(start))
	})
}

func (h *Handler) log(ctx context.Context, pattern string, resp response, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case resp.status >= http.StatusInternalServerError && resp.status != http.StatusNotImplemented:
		level = slog.LevelWarn
	case strings.HasSuffix(pattern, "/healthz"), strings.HasSuffix(pattern, "/readyz"):
		level = slog.LevelDebug // probes come every few seconds
	}
	attrs := []slog.Attr{
		slog.String("route", pattern),
		slog.Int("status", resp.status),
		slog.Duration("duration", took),
	}
	if resp.code != "" {
		attrs = append(attrs, slog.String("code", resp.code))
	}
	if isLoggable(resp.incidentID) {
		attrs = append(attrs, slog.String("incident_id", resp.incidentID))
	}
	h.logger.LogAttrs(ctx, level, "request", attrs...)
}

// isLoggable reports whether what a caller named as the incident looks like an id or a
// number. A caller may have sent anything else in its place, a link with a passcode
// included.
func isLoggable(incidentID string) bool {
	const maxLength = 64
	other := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	return incidentID != "" && len(incidentID) <= maxLength && !strings.ContainsFunc(incidentID, other)
}

func (h *Handler) notFound(_ http.ResponseWriter, r *http.Request) response {
	resp := problemResponse(codeNotFound, noRoute)
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		return h.view.htmlProblem(resp, nil)
	}
	return resp
}

// noRoute is the detail of a 404 for a path that is not served here.
const noRoute = "No route has this path. Check the address."

func methodNotAllowed(allow string) responder {
	return func(http.ResponseWriter, *http.Request) response {
		return problemResponse(codeMethodNotAllowed, "This path accepts "+allow+" only.").with("Allow", allow)
	}
}

// health tells a load balancer or an orchestrator how the process is.
type health struct{ svc Service }

func (h *health) routes() []route {
	return []route{
		{"GET /healthz", healthBudget, public, h.live},
		{"GET /readyz", healthBudget, public, h.ready},
	}
}

type healthJSON struct {
	Status string `json:"status"`
}

func (h *health) live(context.Context, *http.Request, []byte) response {
	return response{status: http.StatusOK, body: healthJSON{"ok"}}
}

// ready reports whether the store answers, which is what keeping a trigger needs.
func (h *health) ready(ctx context.Context, _ *http.Request, _ []byte) response {
	if err := h.svc.Ping(ctx); err != nil {
		// The route is public, so the error itself is not shown.
		return problemResponse(codeUnavailable, storeUnavailable).retryAfter(defaultRetry)
	}
	return response{status: http.StatusOK, body: healthJSON{"ready"}}
}
