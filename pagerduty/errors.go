package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

// The reasons a call fails for, to be found with errors.Is inside the *Error that every
// method returns. One error may have several: a write that PagerDuty answers with 502 is
// both ErrInDoubt and ErrUnavailable.
var (
	// ErrUnauthorized reports a key or token that PagerDuty does not accept (401, code
	// 2006).
	ErrUnauthorized = errors.New("pagerduty: key or token rejected")

	// ErrCredentials reports that the token endpoint rejects the client id, client secret
	// or subdomain of an [AppToken].
	ErrCredentials = errors.New("pagerduty: client credentials rejected")

	// ErrGrant reports that the token endpoint rejects an authorization code or a refresh
	// token: used, expired, revoked, or of another app. Somebody has to agree to the app
	// again.
	ErrGrant = errors.New("pagerduty: authorization rejected: authorize the app again")

	// ErrMissingScopes reports a token that lacks scopes it should have, at a call that
	// PagerDuty forbids and from CheckScopes; Error.Scopes lists them. It is an
	// ErrForbidden too.
	ErrMissingScopes = fmt.Errorf("pagerduty: token lacks scopes: %w", ErrForbidden)

	// ErrForbidden reports a key, token or user without the right (403, codes 1018, 2010,
	// 2018).
	ErrForbidden = errors.New("pagerduty: not allowed")

	// ErrNotFound reports something that does not exist: an incident, user, team or
	// subscription (404, codes 2100, 5001).
	ErrNotFound = errors.New("pagerduty: not found")

	// ErrInvalid reports a value that PagerDuty rejects (400 and other 4xx) or that was
	// rejected here, before any call.
	ErrInvalid = errors.New("pagerduty: invalid request")

	// ErrNumber reports that PagerDuty rejected the conference number: try a plainer one,
	// or the link alone. It is an ErrInvalid too.
	ErrNumber = fmt.Errorf("pagerduty: conference number rejected: %w", ErrInvalid)

	// ErrPlan reports something the account's plan does not include (402, codes 2012,
	// 2014).
	ErrPlan = errors.New("pagerduty: not in the account's plan")

	// ErrRequester reports a From address that is no user of the account (codes 1008,
	// 2011).
	ErrRequester = errors.New("pagerduty: from address is not a user of the account")

	// ErrNoUser reports that the key or token belongs to no user, so that there is no
	// current one.
	ErrNoUser = errors.New("pagerduty: key or token belongs to no user")

	// ErrResolved reports an incident that is resolved already (codes 1001, 2018).
	ErrResolved = errors.New("pagerduty: incident is resolved")

	// ErrConflict reports something that changed since it was read (409, code 1005). Read
	// it again.
	ErrConflict = errors.New("pagerduty: changed since it was read")

	// ErrLimit reports that PagerDuty takes no more of this kind, such as the 2000 notes
	// of an incident (code 2019).
	ErrLimit = errors.New("pagerduty: limit reached")

	// ErrNotCleared reports a bridge that is still on the incident, or on it again, after
	// it was cleared.
	ErrNotCleared = errors.New("pagerduty: incident still has a conference bridge")

	// ErrRateLimited reports too many calls; Error.RetryAfter is how long to wait (429,
	// code 2020).
	ErrRateLimited = errors.New("pagerduty: rate limited")

	// ErrUnavailable reports that PagerDuty gave no usable answer: a transport fault, a
	// deadline, a 408, a 5xx or a body that is not one of its own.
	ErrUnavailable = errors.New("pagerduty: no usable answer from PagerDuty")

	// ErrInDoubt reports a write that may have happened although no usable answer came
	// back. Read the incident, or whatever was written, before repeating it.
	ErrInDoubt = errors.New("pagerduty: outcome of write unknown")
)

// Error is what every failed call returns, always as a pointer, for errors.As. Its text
// and fields hold no key, link, conference number or calendar address.
//
// See https://developer.pagerduty.com/docs/errors.
type Error struct {
	Op         string        // what was tried: "get incident", "set conference bridge", ...
	IncidentID string        // on which incident; empty when on none
	StatusCode int           // the HTTP status; 0 when there was no answer
	Code       int           // PagerDuty's own number; 0 when there was none
	Message    string        // PagerDuty's message, shortened to one line
	Details    []string      // the reasons it listed, likewise
	RetryAfter time.Duration // how long to wait, on a 429 or when PagerDuty asks for it; else 0
	Scopes     []string      // the missing scopes, with ErrMissingScopes
	Err        error         // the sentinel and what is wrapped with it
}

// Error returns what was tried on which incident, what PagerDuty answered and what it
// means.
func (e *Error) Error() string {
	const prefix = "pagerduty: "
	parts := []string{prefix + e.Op}
	if e.IncidentID != "" {
		parts[0] += " of " + e.IncidentID
	}
	if e.StatusCode != 0 {
		status := fmt.Sprintf("HTTP %d", e.StatusCode)
		if e.Code != 0 {
			status += fmt.Sprintf(" code %d", e.Code)
		}
		parts = append(parts, status)
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if len(e.Details) > 0 {
		parts = append(parts, strings.Join(e.Details, "; "))
	}
	if e.Err != nil {
		parts = append(parts, strings.ReplaceAll(e.Err.Error(), prefix, "")) // every sentinel has it too
	}
	if len(e.Scopes) > 0 {
		parts = append(parts, strings.Join(e.Scopes, " "))
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the sentinel and what is wrapped with it, such as an error of the
// context.
func (e *Error) Unwrap() error { return e.Err }

// invalid returns the error for a value that was rejected before anything was sent.
func invalid(op, incidentID, reason string) *Error {
	return &Error{Op: op, IncidentID: incidentID, Err: fmt.Errorf("%w: %s", ErrInvalid, reason)}
}

// unanswered returns the error for a request that got no answer.
func unanswered(ctx context.Context, r request, err error) *Error {
	if _, noToken := errors.AsType[*tokenError](err); noToken {
		return &Error{Op: r.op, IncidentID: r.incidentID, Err: err}
	}
	reason := err
	if !errors.Is(ctx.Err(), context.Canceled) { // which says nothing about PagerDuty; a deadline does
		reason = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	fault, ok := errors.AsType[*httpx.Error](err)
	neverSent := ok && !fault.Sent
	return &Error{Op: r.op, IncidentID: r.incidentID, Err: r.inDoubtIf(!neverSent, reason)}
}

// unreadable returns the error for a success whose body does not hold what it should.
func unreadable(r request, err error) *Error {
	reason := fmt.Errorf("%w: %w", ErrUnavailable, err)
	return &Error{Op: r.op, IncidentID: r.incidentID, Err: r.inDoubtIf(true, reason)}
}

// answerError returns the error for an answer of the API that is not a success. The
// secrets are kept out of it. missingScopes is called when the call was forbidden: the
// token may lack scopes.
func answerError(
	r request, resp *http.Response, body []byte, secrets []string, missingScopes func() []string,
) *Error {
	answer := readRefusal(resp, body, secrets...)
	reason := answer.reason()
	if errors.Is(reason, ErrForbidden) {
		if answer.scopes = missingScopes(); len(answer.scopes) > 0 {
			reason = ErrMissingScopes
		}
	}
	return answer.newError(r, r.inDoubtIf(errors.Is(reason, ErrUnavailable), reason))
}
