// Package nethttp serves a bridge.Service over HTTP: PagerDuty's and Zoom's webhooks,
// PagerDuty's buttons and workflows, a REST API, and pages for people. A [Handler] is an
// http.Handler for any mux or server.
//
// # Quick start
//
//	handler, err := nethttp.NewHandler(svc,
//		nethttp.PagerDutySecrets(secret), // opens /webhooks/pagerduty
//		nethttp.ActionTokens(token),      // opens /actions/pagerduty, /api/… and /metrics
//	)
//	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
//
// A route without secrets or tokens in the configuration answers 404: nothing is open by
// default.
//
// # Routes
//
//	POST   /webhooks/pagerduty                V3 webhook; signed
//	POST   /actions/pagerduty                 custom incident action, or a workflow's body; bearer token
//	POST   /webhooks/zoom                     Zoom's events; signed
//	POST   /api/v1/incidents/{id}/bridge      open: 201 new, 200 existing, 202 not on the incident yet; bearer token
//	GET    /api/v1/incidents/{id}/bridge      read; bearer token
//	DELETE /api/v1/incidents/{id}/bridge      close: 202, or 200 when it has ended; bearer token
//	GET    /healthz, /readyz                  live; ready, which is when the store answers
//	GET    /                                  page: the open bridges; login
//	GET    /incidents/{id}                    page: an incident, its call and its button; login
//	POST   /incidents/{id}                    the button on that page; then 303 back to it
//	GET    /login, POST /logout               log in with PagerDuty; log out
//	GET    /install                           to the vendors' consent, then to the confirmation at /install/done
//	GET    /oauth/zoom/callback               where Zoom sends browsers back to
//	GET    /oauth/pagerduty/callback          where PagerDuty sends browsers back to, from an install or a login
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
//		nethttp.WithLogin(app, client)) // the client of the account whose users may log in
//
// A page shows a call only to people who may open it, by their current role at PagerDuty;
// see Authorize of bridge.Service. Pages need no script. A login lasts for twelve hours
// and is kept in the store, under a hash of the secret in the browser's cookie. Without
// [WithLogin] the pages answer 404 and name what is missing.
//
// # Install
//
//	installation, err := install.New(store, install.WithZoom(zoomApp), install.WithPagerDuty(pagerDutyApp))
//	svc, err := bridge.New(bridge.PagerDuty(installation.PagerDuty()),
//		bridge.InstalledZoom(installation.Zoom(), zoom.Me), store, bridge.WithInstallation(installation))
//	handler, err := nethttp.NewHandler(svc,
//		nethttp.WithPages("https://bridge.example.com", store),
//		nethttp.WithInstallation(installation), // opens /install
//		nethttp.ZoomSecrets(secret))            // to learn of the app's removal
//
// Everybody may open /install, but only an administrator of both accounts can complete
// it. A second install replaces the first one if both accounts are the same.
// /install?services=PABC123,PDEF456 also adds the button to the incidents of these
// services. A callback without a state, as a marketplace makes it, restarts the install,
// and its code is not used.
//
// # Errors
//
// An error is application/problem+json (RFC 9457) with a stable code: bad_request,
// unauthorized, forbidden, not_found, incident_not_found, bridge_not_found,
// method_not_allowed, incident_resolved, not_installed, reauthorize, too_large,
// rate_limited, not_implemented, upstream_zoom, upstream_pagerduty or unavailable. Its
// detail is a sentence for people: what failed and what to do. It never quotes an error.
//
// PagerDuty drops an event for good on a 4xx and disables a subscription that keeps
// answering with them. Webhooks and custom actions therefore get 2xx and {"code": …} for
// what can never succeed, 202 for what the ledger has and finishes in the background, 503
// with Retry-After for what PagerDuty must send again, and 401 only for bad credentials.
//
// # Time
//
// Every route answers in time, whatever the service does: within 4.5 s for a V3 webhook,
// 2.5 s for Zoom's, about 12 s for /actions/pagerduty and 25 s for the API. The context
// of the service call ends shortly before.
//
// # Concurrency
//
// A [Handler] is safe for concurrent use, keeps nothing between requests and need not be
// closed. A service call that does not return when its context ends keeps its goroutine
// until it returns.
//
// # Logs
//
// There is one line per request: the route's pattern, status, duration, code and incident
// id. No line holds a link, token, body or path.
package nethttp
