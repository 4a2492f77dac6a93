package nethttp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// How often a page reloads while something is in progress, in seconds. It reloads seldom
// where there is a link, so that the page does not change under somebody's finger.
const (
	fastRefresh = 2
	slowRefresh = 10
)

// normalDuration is how long opening a call takes, at most, when both vendors answer.
const normalDuration = 15 * time.Second

// The texts of buttons and advice that several pages share.
const (
	createButton = "Create Zoom Meeting"
	openByHand   = "If it is urgent, open a call by hand and put its link on the incident."
)

// badge is the state of a bridge in a word or two; Kind is its colour.
type badge struct{ Kind, Text string }

// stateView is the state of a bridge as pages show it, and what can be done about it.
type stateView struct {
	badge   badge
	lines   []string
	button  string // empty: there is nothing to press
	refresh int    // seconds; 0: nothing is in progress
}

// describeState shows the state of a bridge, which may be the zero Bridge. Nothing is
// opened for an incident that is resolved.
func describeState(b *bridge.Bridge, resolved bool) stateView {
	v := stateViewOf(b)
	if resolved && v.button != "" {
		v.button = ""
		v.lines = append(v.lines,
			"The incident is resolved, so no call is opened for it. Reopen it in PagerDuty if it is not over.")
	}
	return v
}

func stateViewOf(b *bridge.Bridge) stateView {
	switch b.State {
	case bridge.StateCreating:
		if time.Since(b.OpenedAt) <= normalDuration {
			return stateView{
				badge: badge{"busy", "opening…"}, refresh: fastRefresh,
				lines: []string{"The call is being opened. This page updates by itself."},
			}
		}
		return stateView{
			badge: badge{"busy", "opening…"}, refresh: slowRefresh,
			lines: []string{
				"This takes longer than usual, because Zoom or PagerDuty does not answer. " +
					"The service tries again for ten minutes.",
				openByHand,
			},
		}
	case bridge.StateCreated:
		return stateView{
			badge: badge{"busy", "not on the incident yet"}, refresh: slowRefresh,
			lines: []string{"You can join already. PagerDuty has not accepted the link yet; the service tries again."},
		}
	case bridge.StateAttached:
		return stateView{badge: badge{"good", "on the incident"}}
	case bridge.StateClosing:
		return stateView{
			badge: badge{"busy", "ends soon"}, button: "Keep it open", refresh: slowRefresh,
			lines: []string{"The call ends after its grace period, once nobody is in it."},
		}
	case bridge.StateEnding:
		return stateView{
			badge: badge{"busy", "ending…"}, refresh: slowRefresh,
			lines: []string{"The call is being ended. After that you can open a new one."},
		}
	case bridge.StateFailed:
		return stateView{
			badge: badge{"alarm", "failed"}, button: "Try again",
			lines: []string{"No call could be opened, and the service has stopped trying.", openByHand},
		}
	case bridge.StateExternal:
		return stateView{
			badge: badge{"good", "another call"},
			lines: []string{"Somebody put another call on the incident. This service does not change it."},
		}
	case bridge.StateAbandoned:
		return stateView{
			badge: badge{"alarm", "abandoned"}, button: createButton,
			lines: []string{"The app was uninstalled while this call was open. The call itself was not ended."},
		}
	case bridge.StateClosed:
		return stateView{badge: badge{"", "over"}, button: createButton, lines: []string{"The last call is over."}}
	default:
		return stateView{badge: badge{"", "none"}, button: createButton}
	}
}

// describeProblem tells somebody who was just woken up what a problem means and what to
// do.
func describeProblem(p problem) (title string, lines []string) {
	switch p.Code {
	case codeForbidden:
		return "You may not open this call", []string{
			"PagerDuty does not list you as a responder of this incident.",
			"Have the incident assigned to you in PagerDuty, or ask one of its responders for the link.",
		}
	case codeIncidentNotFound:
		return "There is no such incident", []string{
			"PagerDuty has no incident with this id. Check the address, or follow the link in PagerDuty again.",
		}
	case codeIncidentResolved:
		return "The incident is resolved", []string{
			"No call is opened for a resolved incident. Reopen it in PagerDuty if it is not over.",
		}
	case codeNotInstalled:
		return "Not installed", []string{
			"This service is not connected to PagerDuty and Zoom. An administrator of both can install it.",
			"Until then, open a call by hand.",
		}
	case codeReauthorize:
		return "An administrator is needed", []string{
			"PagerDuty or Zoom no longer accepts this service. " +
				"An administrator has to install it again, which takes a minute.",
			"Until then, open a call by hand.",
		}
	case codeRateLimited:
		return "Too many requests", []string{p.Detail, openByHand}
	case codeUpstreamZoom:
		return "No meeting could be created", []string{p.Detail, openByHand}
	case codeUpstreamPagerDuty:
		return "PagerDuty request failed", []string{p.Detail, openByHand}
	case codeNotFound, codeBridgeNotFound:
		return "Nothing here", []string{"There is no page at this address. Check it, or start from the open bridges."}
	case codeBadRequest:
		return "That is not an incident", []string{
			"The address must end in the id or the number of an incident, such as /incidents/Q2MDTZ6A4QNKZF.",
		}
	case codeMethodNotAllowed, codeTooLarge, codeUnauthorized:
		return http.StatusText(statusOf(p.Code)), []string{
			"The request cannot be handled. Go back to the page and try again.",
		}
	default:
		return "Try again in a moment", []string{
			"The service could not answer in time. What was already started continues in the background.",
		}
	}
}

// problemDetail tells in a sentence what failed and what to do. It quotes nothing of the
// error but statuses and the names of scopes.
func problemDetail(err error) string {
	if err == nil {
		return ""
	}
	switch codeOf(err) {
	case codeBadRequest:
		return "The request is not valid: name the incident by its id, its number or its address at PagerDuty, " +
			"and keep an idempotency key within 256 bytes."
	case codeForbidden:
		return "The requester may not open this bridge: have the incident assigned to them, or let a responder open it."
	case codeIncidentNotFound:
		return "PagerDuty has no such incident: check the id."
	case codeBridgeNotFound:
		return "The incident has no bridge: open one first."
	case codeIgnored:
		return "The configuration of this service does not open a bridge for this trigger."
	case codeTriggerTooOld:
		if errors.Is(err, bridge.ErrResolved) {
			return "The incident was resolved after this trigger, so no bridge is opened."
		}
		return "The trigger is too old to act on: send a new one."
	case codeIncidentResolved:
		return "The incident is resolved, so no bridge is opened: reopen it in PagerDuty if it is not over."
	case codeNotInstalled:
		return "The app is not installed: an administrator of PagerDuty and Zoom has to install it."
	case codeReauthorize:
		return vendorOf(err) + " no longer accepts the app's authorization: an administrator has to install it again."
	case codeRateLimited:
		return rateLimitDetail(err)
	case codeUpstreamZoom:
		return zoomDetail(err)
	case codeUpstreamPagerDuty:
		return pagerDutyDetail(err)
	}
	incident := "the incident"
	if e, ok := errors.AsType[*bridge.Error](err); ok && e.IncidentID != "" {
		incident = "incident " + e.IncidentID
	}
	switch {
	case errors.Is(err, bridge.ErrInProgress):
		return "Another request is already opening this bridge: read the bridge in a moment."
	case errors.Is(err, bridge.ErrNewerRecord):
		return "A newer version of this service wrote the record of " + incident + ": run the newer program."
	case errors.Is(err, bridge.ErrUnreadable):
		return "The record of " + incident + " cannot be read: check the keys and the store of this service."
	default:
		return "The service could not finish the request in time: send it again."
	}
}

func rateLimitDetail(err error) string {
	if errors.Is(err, zoom.ErrDailyLimit) {
		return "Zoom's daily limit is reached until 00:00 UTC: add another host."
	}
	return vendorOf(err) + " limits the number of requests: try again in a moment."
}

func zoomDetail(err error) string {
	e, ok := errors.AsType[*zoom.Error](err)
	if !ok {
		return "No meeting could be created: try again in a moment."
	}
	rejected := "Zoom did not create the meeting" + statusText(e.StatusCode) + ": "
	switch {
	case errors.Is(err, zoom.ErrMissingScopes):
		return rejected + "add the scopes " + strings.Join(e.Scopes, ", ") + " to the Zoom app."
	case errors.Is(err, zoom.ErrCredentials):
		return rejected + "check the account id, client id and client secret of the Zoom app."
	case errors.Is(err, zoom.ErrUnauthorized):
		return rejected + "check that the Zoom app is activated."
	case errors.Is(err, zoom.ErrHost):
		return rejected + "check that the hosts exist at Zoom and have a licence."
	case errors.Is(err, zoom.ErrPlan):
		return rejected + "check what the plan and the hosts' licences include."
	case errors.Is(err, zoom.ErrUnavailable), errors.Is(err, zoom.ErrInDoubt):
		return "Zoom does not answer" + statusText(e.StatusCode) + ": try again in a moment."
	default:
		return rejected + "see the log of this service."
	}
}

// setBridgeOp is what pagerduty.Error calls the write of the conference bridge.
const setBridgeOp = "set conference bridge"

func pagerDutyDetail(err error) string {
	e, ok := errors.AsType[*pagerduty.Error](err)
	if !ok {
		return "PagerDuty does not answer: try again in a moment."
	}
	rejected := "PagerDuty rejected the request" + statusText(e.StatusCode) + ": "
	if e.Op == setBridgeOp {
		rejected = "PagerDuty did not accept the link" + statusText(e.StatusCode) + ": "
	}
	switch {
	case errors.Is(err, pagerduty.ErrMissingScopes):
		return rejected + "add the scopes " + strings.Join(e.Scopes, ", ") + " to the PagerDuty app."
	case errors.Is(err, pagerduty.ErrForbidden) && e.Op != setBridgeOp:
		return rejected + "check that the API key may read incidents and users."
	case errors.Is(err, pagerduty.ErrForbidden):
		return rejected + "give the API key write access."
	case errors.Is(err, pagerduty.ErrUnauthorized):
		return rejected + "check the API key."
	case errors.Is(err, pagerduty.ErrCredentials):
		return rejected + "check the client id, client secret and subdomain of the PagerDuty app."
	case errors.Is(err, pagerduty.ErrRequester):
		return rejected + "the From address must be the e-mail of a user of the account."
	case errors.Is(err, pagerduty.ErrPlan):
		return rejected + "check what the account's plan includes."
	case errors.Is(err, pagerduty.ErrUnavailable), errors.Is(err, pagerduty.ErrInDoubt):
		return "PagerDuty does not answer" + statusText(e.StatusCode) + ": try again in a moment."
	default:
		return rejected + "see the log of this service."
	}
}

// vendorOf names the vendor that an error comes from.
func vendorOf(err error) string {
	if _, ok := errors.AsType[*zoom.Error](err); ok {
		return "Zoom"
	}
	if _, ok := errors.AsType[*pagerduty.Error](err); ok {
		return "PagerDuty"
	}
	return "PagerDuty or Zoom"
}

// statusText is an HTTP status for people, such as " (403 forbidden)"; empty for 0.
func statusText(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d %s)", status, strings.ToLower(http.StatusText(status)))
}

// signatureDetail tells the sender of a webhook why its signature was not accepted.
func signatureDetail(err error) string {
	switch {
	case errors.Is(err, pagerduty.ErrNotSigned), errors.Is(err, zoom.ErrNotSigned):
		return "The webhook is not signed."
	case errors.Is(err, zoom.ErrTooOld):
		return "The webhook is too old: send it again, and check the clock of this service."
	case errors.Is(err, zoom.ErrTooNew):
		return "The webhook is from the future: check the clock of this service."
	default:
		return "The signature matches none of the webhook secrets of this service: check the secrets."
	}
}

// workflowFault is what is wrong with a workflow's body, as a part of a sentence.
func workflowFault(err error) string {
	if errors.Is(err, errNotObject) || errors.Is(err, errOtherIncident) {
		return err.Error()
	}
	if e, ok := errors.AsType[*pagerduty.Error](err); ok && e.Err != nil {
		return strings.TrimPrefix(e.Err.Error(), pagerduty.ErrInvalid.Error()+": ")
	}
	return "it cannot be read"
}
