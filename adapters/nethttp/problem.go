package nethttp

import (
	"errors"
	"net/http"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// The codes of problems, for programs to act on. They never change.
const (
	codeBadRequest        = "bad_request"
	codeUnauthorized      = "unauthorized"
	codeForbidden         = "forbidden"
	codeNotFound          = "not_found"
	codeIncidentNotFound  = "incident_not_found"
	codeBridgeNotFound    = "bridge_not_found"
	codeMethodNotAllowed  = "method_not_allowed"
	codeIncidentResolved  = "incident_resolved"
	codeNotInstalled      = "not_installed"
	codeReauthorize       = "reauthorize"
	codeTooLarge          = "too_large"
	codeRateLimited       = "rate_limited"
	codeNotImplemented    = "not_implemented"
	codeUpstreamZoom      = "upstream_zoom"
	codeUpstreamPagerDuty = "upstream_pagerduty"
	codeUnavailable       = "unavailable"
)

// The codes of triggers that open nothing. Only webhooks and custom actions are answered
// with them.
const (
	codeIgnored       = "ignored"
	codeTriggerTooOld = "trigger_too_old"
	codeVerified      = "verified"
	codeUninstalled   = "uninstalled"
)

// When a caller should come back if neither the service nor a vendor said.
const (
	defaultRetry     = 5 * time.Second
	rateLimitedRetry = 10 * time.Second
	progressRetry    = time.Second
)

// problem is an error as RFC 9457 writes it. Detail is for people: a sentence, never the
// text of an error.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code"`
}

// problemResponse answers with a problem.
func problemResponse(code, detail string) response {
	status := statusOf(code)
	return response{
		status: status,
		body: problem{
			Type:   "about:blank",
			Title:  http.StatusText(status),
			Status: status,
			Detail: detail,
			Code:   code,
		},
		code: code,
	}
}

// problemFrom answers a caller who understands statuses with what became of the request.
func problemFrom(err error) response {
	code := codeOf(err)
	switch {
	case code == codeTriggerTooOld && errors.Is(err, bridge.ErrResolved):
		code = codeIncidentResolved
	case code == codeTriggerTooOld, code == codeIgnored:
		code = codeBadRequest
	}
	return problemWithCode(err, code)
}

// problemWithCode answers with the code, whatever err would be by itself, and with when
// to come back.
func problemWithCode(err error, code string) response {
	failure, ok := errors.AsType[*bridge.Error](err)
	detail := ""
	if ok {
		detail = problemDetail(failure)
	} else { // not an error of the service: it tells the caller nothing
		failure = &bridge.Error{}
	}
	resp := problemResponse(code, detail)
	resp.incidentID = failure.IncidentID
	switch {
	case failure.RetryAfter > 0:
		return resp.retryAfter(failure.RetryAfter)
	case code == codeRateLimited:
		return resp.retryAfter(rateLimitedRetry)
	case code == codeUnavailable:
		return resp.retryAfter(defaultRetry)
	default:
		return resp
	}
}

// codeOf is the code of an error of the service. An unknown error is unavailable: it may
// pass.
func codeOf(err error) string {
	switch {
	case errors.Is(err, bridge.ErrInvalid):
		return codeBadRequest
	case errors.Is(err, bridge.ErrForbidden):
		return codeForbidden
	case errors.Is(err, bridge.ErrIncidentNotFound):
		return codeIncidentNotFound
	case errors.Is(err, bridge.ErrNotFound):
		return codeBridgeNotFound
	case errors.Is(err, bridge.ErrIgnored):
		return codeIgnored
	case errors.Is(err, bridge.ErrStale):
		return codeTriggerTooOld
	case errors.Is(err, bridge.ErrResolved):
		return codeIncidentResolved
	case errors.Is(err, bridge.ErrNotInstalled):
		return codeNotInstalled
	case errors.Is(err, bridge.ErrReauthorize):
		return codeReauthorize
	case errors.Is(err, bridge.ErrUnavailable), errors.Is(err, bridge.ErrInProgress):
		return codeUnavailable
	case errors.Is(err, bridge.ErrRateLimited):
		return codeRateLimited
	case errors.Is(err, bridge.ErrProvider):
		return codeUpstreamZoom
	case errors.Is(err, bridge.ErrIncidents):
		return codeUpstreamPagerDuty
	default:
		return codeUnavailable
	}
}

func statusOf(code string) int {
	switch code {
	case codeBadRequest:
		return http.StatusBadRequest
	case codeUnauthorized:
		return http.StatusUnauthorized
	case codeForbidden:
		return http.StatusForbidden
	case codeNotFound, codeIncidentNotFound, codeBridgeNotFound:
		return http.StatusNotFound
	case codeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case codeIncidentResolved, codeNotInstalled, codeReauthorize:
		return http.StatusConflict
	case codeTooLarge:
		return http.StatusRequestEntityTooLarge
	case codeRateLimited:
		return http.StatusTooManyRequests
	case codeNotImplemented:
		return http.StatusNotImplemented
	case codeUpstreamZoom, codeUpstreamPagerDuty:
		return http.StatusBadGateway
	default:
		return http.StatusServiceUnavailable
	}
}
