package nethttp

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
)

// How long a route's work may take, counted from the arrival of the request. PagerDuty waits 5 s for a webhook and 16 s
// for a custom action, Zoom 3 s.
const (
	pagerDutyBudget = 4300 * time.Millisecond
	zoomBudget      = 2300 * time.Millisecond
	actionBudget    = 12 * time.Second
	apiBudget       = 25 * time.Second
	pageBudget      = 10 * time.Second
	installBudget   = 25 * time.Second // two vendors, several calls each
	pressBudget     = 4 * time.Second  // after which the page shows how far it is
	healthBudget    = time.Second
)

// anywhere is the pattern of whatever no route matches.
const anywhere = "/"

// route is one method on one path.
type route struct {
	method, path string
	access       access
	budget       time.Duration
	work         work
}

// work answers a request. It runs on a goroutine of its own and must not touch the body, which it is given.
type work func(ctx context.Context, r *http.Request, body []byte) answer

// access is how a route knows its callers.
type access int

const (
	public access = iota
	signed        // the work checks a signature over the body
	bearer
	pressed // by whom PagerDuty has the bearer token of: one of ours, or the installed buttons'
	browser // the work knows people by their session; they are answered with pages
)

// routes lists what is served. What has no credentials configured is not there.
func (h *Handler) routes() []route {
	const bridgePath = "/api/v1/incidents/{id}/bridge"
	routes := []route{
		{http.MethodGet, "/healthz", public, healthBudget, h.live},
		{http.MethodGet, "/readyz", public, healthBudget, h.ready},

		{http.MethodGet, "/{$}", browser, pageBudget, h.forVisitors(h.openBridges)},
		{http.MethodGet, "/incidents/{id}", browser, pageBudget, h.forVisitors(h.incidentPage)},
		{http.MethodPost, "/incidents/{id}", browser, pressBudget, h.forVisitors(h.pressButton)},
		{http.MethodGet, loginPath, browser, pageBudget, h.loginPage},
		{http.MethodGet, beginLoginPath, browser, pageBudget, h.beginLogin},
		{http.MethodPost, logoutPath, browser, pageBudget, h.forVisitors(h.logout)},

		{http.MethodGet, "/oauth/pagerduty/callback", browser, installBudget, h.callback(install.VendorPagerDuty)},
	}
	if h.installation != nil {
		routes = append(routes,
			route{http.MethodGet, installPath, browser, pageBudget, h.install},
			route{http.MethodGet, installedPath, browser, pageBudget, h.installedPage},
			route{http.MethodGet, "/oauth/zoom/callback", browser, installBudget, h.callback(install.VendorZoom)})
	}
	if h.pagerDuty != nil || h.installation != nil {
		routes = append(routes,
			route{http.MethodPost, "/webhooks/pagerduty", signed, pagerDutyBudget, h.pagerDutyWebhook})
	}
	if h.zoom != nil {
		routes = append(routes,
			route{http.MethodPost, "/webhooks/zoom", signed, zoomBudget, h.zoomWebhook})
	}
	if len(h.tokens) > 0 || h.installation != nil {
		routes = append(routes,
			route{http.MethodPost, "/actions/pagerduty", pressed, actionBudget, h.pagerDutyAction})
	}
	if len(h.tokens) > 0 {
		routes = append(routes,
			route{http.MethodPost, bridgePath, bearer, apiBudget, h.openBridge},
			route{http.MethodGet, bridgePath, bearer, apiBudget, h.readBridge},
			route{http.MethodDelete, bridgePath, bearer, apiBudget, h.closeBridge},
			route{http.MethodGet, "/metrics", bearer, healthBudget, notYet})
	}
	return routes
}

// newMux serves the routes, 405 with Allow for their paths under other methods, and 404 for all else.
func (h *Handler) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	allowed := map[string][]string{}
	for _, rt := range h.routes() {
		pattern := rt.method + " " + rt.path
		mux.Handle(pattern, h.answering(pattern, rt.answer(h)))
		allowed[rt.path] = append(allowed[rt.path], rt.method)
		if rt.method == http.MethodGet {
			allowed[rt.path] = append(allowed[rt.path], http.MethodHead)
		}
	}
	for path, methods := range allowed {
		slices.Sort(methods)
		mux.Handle(path, h.answering(path, wrongMethod(strings.Join(methods, ", "))))
	}
	mux.Handle("GET /assets/style.css", h.answering("GET /assets/style.css", h.asset("style.css", "text/css; charset=utf-8")))
	mux.Handle("GET /assets/icon.svg", h.answering("GET /assets/icon.svg", h.asset("icon.svg", "image/svg+xml")))
	mux.Handle(anywhere, h.answering(anywhere, h.notFound))
	return mux
}

// answer lets a request through to the route's work, and answers a browser in words.
func (rt route) answer(h *Handler) responder {
	if rt.access != browser {
		return rt.admit(h)
	}
	return func(w http.ResponseWriter, r *http.Request) answer { return h.inWords(rt.admit(h)(w, r), nil) }
}

// admit looks at who asks, what they sent, and by when they must hear.
func (rt route) admit(h *Handler) responder {
	return func(w http.ResponseWriter, r *http.Request) answer {
		until := time.Now().Add(rt.budget)
		if rt.access == bearer && !h.tokens.admit(r) {
			return refuse(codeUnauthorized, "a bearer token is needed").with("WWW-Authenticate", "Bearer")
		}
		if rt.access == pressed {
			if refused := h.admitPress(r, until); refused != nil {
				return *refused
			}
		}
		body, err := readBody(w, r, until)
		if errors.Is(err, errTooLarge) {
			return refuse(codeTooLarge, err.Error())
		}
		if err != nil {
			return refuse(codeUnavailable, err.Error()).retryAfter(defaultRetry)
		}
		return h.within(r.Context(), until, func(ctx context.Context) answer { return rt.work(ctx, r, body) })
	}
}

func (h *Handler) notFound(_ http.ResponseWriter, r *http.Request) answer {
	a := refuse(codeNotFound, "there is nothing at this path")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		return h.inWords(a, nil)
	}
	return a
}

func wrongMethod(allow string) responder {
	return func(_ http.ResponseWriter, _ *http.Request) answer {
		return refuse(codeMethodNotAllowed, "this path takes "+allow).with("Allow", allow)
	}
}

// notYet stands where a later version serves.
func notYet(context.Context, *http.Request, []byte) answer {
	return refuse(codeNotImplemented, "this version does not serve it yet")
}
