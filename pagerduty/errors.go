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

// The reasons a call fails for, to be found with errors.Is inside the *Error that every method returns. One error may
// have several: a write that PagerDuty answers with 502 is both ErrInDoubt and ErrUnavailable.
var (
	// ErrUnauthorized reports a key or token that PagerDuty does not accept (401, code 2006).
	ErrUnauthorized = errors.New("key or token refused")
	// ErrCredentials reports that the token endpoint refuses the client id, client secret or subdomain of an [AppToken].
	ErrCredentials = errors.New("client credentials refused")
	// ErrGrant reports that the token endpoint refuses an authorization code or a refresh token: used, expired, revoked, or
	// of another app. Somebody has to agree to the app again.
	ErrGrant = errors.New("authorization refused: authorize the app again")
	// ErrMissingScopes reports a token that lacks scopes it should have, at a call that PagerDuty forbids and from
	// CheckScopes; Error.Scopes lists them. It is an ErrForbidden too.
	ErrMissingScopes = fmt.Errorf("token lacks scopes: %w", ErrForbidden)
	// ErrForbidden reports a key, token or user without the right (403, codes 1018, 2010, 2018).
	ErrForbidden = errors.New("not allowed")
	// ErrNotFound reports something that does not exist: an incident, user, team or subscription (404, codes 2100, 5001).
	ErrNotFound = errors.New("not found")
	// ErrInvalid reports a value that PagerDuty refuses (400 and other 4xx) or that was refused here, before any call.
	ErrInvalid = errors.New("invalid")
	// ErrNumber reports that PagerDuty refused the conference number: try a plainer one, or the link alone. It is an
	// ErrInvalid too.
	ErrNumber = fmt.Errorf("conference number refused: %w", ErrInvalid)
	// ErrPlan reports something the account's plan does not include (402, codes 2012, 2014).
	ErrPlan = errors.New("not in the account's plan")
	// ErrRequester reports a From address that is no user of the account (codes 1008, 2011).
	ErrRequester = errors.New("from address is not a user of the account")
	// ErrNoUser reports that the key or token stands for no user, so that nobody is the current one.
	ErrNoUser = errors.New("key or token of no user")
	// ErrResolved reports an incident that is resolved already (codes 1001, 2018).
	ErrResolved = errors.New("incident is resolved")
	// ErrConflict reports something that changed since it was read: read it again (409, code 1005).
	ErrConflict = errors.New("changed meanwhile: read it again")
	// ErrLimit reports that PagerDuty takes no more of this kind, such as the 2000 notes of an incident (code 2019).
	ErrLimit = errors.New("PagerDuty takes no more of these")
	// ErrNotCleared reports a bridge that is still on the incident, or on it again, after it was cleared.
	ErrNotCleared = errors.New("the incident still has a conference bridge")
	// ErrRateLimited reports too many calls; Error.RetryAfter says how long to wait (429, code 2020).
	ErrRateLimited = errors.New("rate limited")
	// ErrUnavailable reports that PagerDuty gave no usable answer: a transport fault, a deadline, a 408, a 5xx or a body
	// that is not one of its own.
	ErrUnavailable = errors.New("no usable answer from PagerDuty")
	// ErrInDoubt reports a write that may have happened although no usable answer came back. Read the incident, or
	// whatever was written, before repeating it.
	ErrInDoubt = errors.New("the write may have happened: read before repeating it")
)

// defaultWait is told for a 429 that does not say how long, which PagerDuty's need not.
const defaultWait = 10 * time.Second

// Error is what every failed call returns, always as a pointer, for errors.As. Its text and fields hold no key, link,
// conference number or calendar address. See https://developer.pagerduty.com/docs/errors.
type Error struct {
	Op         string        // what was tried: "get incident", "set conference bridge", ...
	IncidentID string        // on which incident; empty when on none
	StatusCode int           // the HTTP status; 0 when there was no answer
	Code       int           // PagerDuty's own number; 0 when there was none
	Message    string        // what PagerDuty said, shortened to one line
	Details    []string      // the reasons it listed, likewise
	RetryAfter time.Duration // how long to wait, on a 429 or when PagerDuty asks for it; else 0
	Scopes     []string      // the missing scopes, with ErrMissingScopes
	Err        error         // the sentinel and what lies under it
}

// Error says what was tried on which incident, what PagerDuty answered and what it means.
func (e *Error) Error() string {
	parts := []string{"pagerduty: " + e.Op}
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
		parts = append(parts, e.Err.Error())
	}
	if len(e.Scopes) > 0 {
		parts = append(parts, strings.Join(e.Scopes, " "))
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the sentinel and what lies under it; a context's error is among that.
func (e *Error) Unwrap() error { return e.Err }

// invalid reports a value that was refused before any call.
func invalid(op, incidentID, reason string) *Error {
	return &Error{Op: op, IncidentID: incidentID, Err: fmt.Errorf("%w: %s", ErrInvalid, reason)}
}

// answerError turns an answer that is not a success into an Error. The sensitive values are kept out of it.
func answerError(r request, answer *http.Response, body []byte, sensitive []string) *Error {
	e := &Error{Op: r.op, IncidentID: r.incidentID, StatusCode: answer.StatusCode}
	code, message, details := decodeError(body)
	e.Code, e.Message = code, scrub(message, sensitive)
	for _, detail := range details {
		e.Details = append(e.Details, scrub(detail, sensitive))
	}
	e.Err = e.reason()
	e.RetryAfter = retryAfter(answer, errors.Is(e, ErrRateLimited))
	return e.inDoubtIf(r.writes() && errors.Is(e, ErrUnavailable))
}

// unansweredError is for a call that got no answer.
func unansweredError(ctx context.Context, r request, err error) *Error {
	e := &Error{Op: r.op, IncidentID: r.incidentID, Err: err}
	if _, noToken := errors.AsType[*tokenError](err); noToken {
		return e
	}
	// A caller that gave up says nothing about PagerDuty; a deadline that ran out does.
	if !errors.Is(ctx.Err(), context.Canceled) {
		e.Err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	fault, known := errors.AsType[*httpx.Error](err)
	neverSent := known && !fault.Sent
	return e.inDoubtIf(r.writes() && !neverSent)
}

// unreadableError is for a success whose body is not what PagerDuty documents.
func unreadableError(r request) *Error {
	e := &Error{
		Op: r.op, IncidentID: r.incidentID, StatusCode: http.StatusOK,
		Message: "the answer is not what PagerDuty documents", Err: ErrUnavailable,
	}
	return e.inDoubtIf(r.writes())
}

// scopedBy adds the scopes that the token lacks to a call that was forbidden.
func (e *Error) scopedBy(missing func() []string) *Error {
	if !errors.Is(e, ErrForbidden) {
		return e
	}
	if e.Scopes = missing(); len(e.Scopes) > 0 {
		e.Err = ErrMissingScopes
	}
	return e
}

// inDoubtIf adds ErrInDoubt to the reasons.
func (e *Error) inDoubtIf(doubt bool) *Error {
	if doubt {
		e.Err = fmt.Errorf("%w: %w", ErrInDoubt, e.Err)
	}
	return e
}

// retryAfter is how long to wait. PagerDuty tells in every answer when its limit is reset, which means "wait" only to
// who was limited.
func retryAfter(answer *http.Response, limited bool) time.Duration {
	header := answer.Header
	if !limited {
		header = http.Header{"Retry-After": header.Values("Retry-After")}
	}
	wait, told := httpx.RetryAfter(header, time.Now())
	if limited && !told {
		return defaultWait
	}
	return wait
}

// reason is the sentinel that fits the answer: by PagerDuty's code where that is specific, else by the status.
func (e *Error) reason() error {
	if e.StatusCode < 400 || e.StatusCode >= 500 || e.StatusCode == http.StatusRequestTimeout {
		return ErrUnavailable
	}
	switch e.Code {
	case 1001:
		return ErrResolved
	case 1005:
		return ErrConflict
	case 1008, 2011:
		return ErrRequester
	case 1018, 2010:
		return ErrForbidden
	case 2000, 2016:
		return ErrUnavailable
	case 2006:
		return ErrUnauthorized
	case 2012, 2014:
		return ErrPlan
	case 2018: // who had access while the incident was open has lost it
		return fmt.Errorf("%w: %w", ErrResolved, ErrForbidden)
	case 2019:
		return ErrLimit
	case 2020:
		return ErrRateLimited
	case 2100, 5001:
		return ErrNotFound
	}
	switch e.StatusCode {
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusPaymentRequired:
		return ErrPlan
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusConflict:
		return ErrConflict
	case http.StatusTooManyRequests:
		return ErrRateLimited
	}
	return e.invalidReason()
}

// invalidReason goes by the text, since one code stands for every invalid input.
func (e *Error) invalidReason() error {
	text := strings.ToLower(e.Message + " " + strings.Join(e.Details, " "))
	switch {
	case strings.Contains(text, "requester user not found"):
		return ErrRequester
	case strings.Contains(text, "conference number"), strings.Contains(text, "conference_number"):
		return ErrNumber
	}
	return ErrInvalid
}
