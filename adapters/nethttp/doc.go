// Package nethttp puts a bridge.Service behind HTTP: PagerDuty's and Zoom's webhooks, PagerDuty's buttons and
// workflows, a small REST API, and pages for people. A [Handler] is an http.Handler for any mux or server.
//
// # Quick start
//
//	handler, err := nethttp.NewHandler(svc,
//		nethttp.PagerDutySecrets(secret), // opens /webhooks/pagerduty
//		nethttp.ActionTokens(token),      // opens /actions/pagerduty, /api/… and /metrics
//	)
//	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
//
// A route whose secrets or tokens are not given answers 404: nothing is open by default.
//
// # Routes
//
//	POST   /webhooks/pagerduty                V3 webhook, signed
//	POST   /actions/pagerduty                 custom incident action, or a workflow's body; bearer
//	POST   /webhooks/zoom                     Zoom's events, signed
//	POST   /api/v1/incidents/{id}/bridge      open: 201 new, 200 there already, 202 not on the incident yet; bearer
//	GET    /api/v1/incidents/{id}/bridge      read; bearer
//	DELETE /api/v1/incidents/{id}/bridge      close: 202, or 200 when it is over; bearer
//	GET    /healthz, /readyz                  live; ready, which is when the store answers
//	GET    /                                  page: the open bridges; login
//	GET    /incidents/{id}                    page: an incident, its call and its button; login
//	POST   /incidents/{id}                    the button, from that page alone; then 303 back to it
//	GET    /login, POST /logout               log in with PagerDuty; log out
//	GET    /install                           to the vendors' consent, then to the confirmation at /install/done
//	GET    /oauth/zoom/callback               where Zoom sends back who agreed
//	GET    /oauth/pagerduty/callback          where PagerDuty sends back who agreed, or logged in
//
// /metrics answers 501 in this version. {id} is an incident's id, its number, or its web
// address with every slash escaped.
//
// # Pages
//
//	app, err := pagerduty.NewOAuth(id, secret, "https://bridge.example.com/oauth/pagerduty/callback",
//		pagerduty.WithScopes("openid"))
//	handler, err := nethttp.NewHandler(svc,
//		nethttp.WithPages("https://bridge.example.com", store),
//		nethttp.WithLogin(app, client)) // the client of the account whose users may come in
//
// A page shows a call to whoever may open it, by their role at PagerDuty now, and to nobody else; see Authorize of
// bridge.Service. It needs no script. A login lasts for twelve hours and is kept in the store, by a hash of what the
// browser's cookie holds. Without [WithLogin] the pages answer 404 and say what is missing.
//
// # Install
//
//	installation, err := install.New(store, install.WithZoom(zoomApp), install.WithPagerDuty(pagerDutyApp))
//	svc, err := bridge.New(bridge.PagerDuty(installation.PagerDuty()), bridge.InstalledZoom(installation.Zoom(), zoom.Me), store,
//		bridge.WithInstallation(installation))
//	handler, err := nethttp.NewHandler(svc,
//		nethttp.WithPages("https://bridge.example.com", store),
//		nethttp.WithInstallation(installation), // opens /install
//		nethttp.ZoomSecrets(secret))            // to hear of the app's removal
//
// Anybody may open /install; an administrator of both accounts gets to its end, and replaces what is installed only for
// the same accounts. /install?services=PABC123,PDEF456 gives the incidents of these services the button too. A callback
// without a state, as a marketplace makes it, leads back to the begin, and its code is never used.
//
// # Errors
//
// An error is application/problem+json (RFC 9457) with a stable code: bad_request, unauthorized, forbidden, not_found,
// incident_not_found, bridge_not_found, method_not_allowed, incident_resolved, not_installed, reauthorize, too_large,
// rate_limited, not_implemented, upstream_zoom, upstream_pagerduty or unavailable.
//
// PagerDuty drops an event for good on a 4xx and disables a subscription that keeps giving them. Webhooks and custom
// actions therefore get 2xx and {"code": …} for whatever will never succeed, 202 for what the ledger holds and finishes
// by itself, 503 with Retry-After for what PagerDuty must send again, and 401 for bad credentials alone.
//
// # Time
//
// Every answer is out in time, whatever the service does: 4.5 s for a V3 webhook, 2.5 s for Zoom's, about 12 s for
// /actions/pagerduty and 25 s for the API. The service is told by its context, shortly before.
//
// # Concurrency
//
// A [Handler] is safe for concurrent use, keeps nothing between requests and need not be closed. A request whose
// service call outlives its budget leaves that call's goroutine behind until it returns.
//
// # Logs
//
// One line per request: the route's pattern, status, duration, code and incident id. Never a link, token, body or path.
package nethttp
