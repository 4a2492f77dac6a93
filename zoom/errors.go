package zoom

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

// The reasons a call fails for, to be found with errors.Is inside the *Error that every
// method returns. One error may have several: a create that Zoom answers with 502 is both
// ErrInDoubt and ErrUnavailable.
var (
	// ErrUnauthorized reports an access token that Zoom rejects: expired (401, code 124)
	// even after one refresh where the source can, or without an app, an authorization or
	// a user behind it any more.
	ErrUnauthorized = errors.New("zoom: access token rejected")

	// ErrCredentials reports that the token endpoint rejects the account id, client id or
	// client secret.
	ErrCredentials = errors.New("zoom: client credentials rejected")

	// ErrGrant reports that the token endpoint rejects an authorization code or a refresh
	// token: used, expired, revoked, or of another app. Somebody has to agree to the app
	// again.
	ErrGrant = errors.New("zoom: authorization rejected: authorize the app again")

	// ErrMissingScopes reports a token without the scopes a call needs (code 4711);
	// Error.Scopes lists them.
	ErrMissingScopes = errors.New("zoom: token lacks scopes: add them to the Zoom app")

	// ErrHost reports a user that cannot host: unknown, in another account, pending or
	// without a licence (codes 1001, 1010, 1120, 3161). Another host may be able to.
	ErrHost = errors.New("zoom: user cannot host meetings")

	// ErrNotFound reports a meeting that does not exist or has expired (code 3001), or a
	// session of more than a year ago (code 12702).
	ErrNotFound = errors.New("zoom: meeting not found")

	// ErrInvalid reports a value that Zoom rejects (code 300) or that was rejected here,
	// before anything was sent.
	ErrInvalid = errors.New("zoom: invalid request")

	// ErrPlan reports something the account's plan does not include (code 200).
	ErrPlan = errors.New("zoom: not in the account's plan")

	// ErrForbidden reports what Zoom does not allow with this meeting, host or app, now
	// or ever: somebody else's, an on-premise user's, a personal room, a blocked domain
	// (codes 3000, 3003, 3018, 3037, 3063). Error.Message says which.
	ErrForbidden = errors.New("zoom: not allowed")

	// ErrMeetingInProgress reports a meeting that cannot be deleted while people are in
	// it (code 3002). End it first.
	ErrMeetingInProgress = errors.New("zoom: meeting in progress")

	// ErrRateLimited reports a 429 of any kind; Error.RetryAfter is how long Zoom asks to
	// wait, when it does.
	ErrRateLimited = errors.New("zoom: rate limited")

	// ErrDailyLimit reports a 429 that waiting does not cure before 00:00 UTC: the host's
	// 100 meetings a day, after which another host may do, or the account's daily calls.
	// It is an ErrRateLimited too.
	ErrDailyLimit = fmt.Errorf("zoom: daily limit reached until 00:00 UTC: %w", ErrRateLimited)

	// ErrUnavailable reports that Zoom gave no usable answer: a transport fault, a 408, a
	// 5xx or an unreadable body.
	ErrUnavailable = errors.New("zoom: no usable answer from Zoom")

	// ErrInDoubt reports a create that may have made a meeting although no usable answer
	// came back. Look for it in the host's list before creating again: Zoom has no
	// idempotency key.
	ErrInDoubt = errors.New("zoom: outcome of create unknown")
)

// Error is what every failed call returns, always as a pointer, for errors.As. Its text
// holds no token, passcode, start or join link.
//
// See https://developers.zoom.us/docs/api/errors/.
type Error struct {
	Op         string        // what was tried: "create meeting", "token", ...
	StatusCode int           // the HTTP status; 0 when there was no answer
	Code       int           // Zoom's own number; 0 when there was none
	Message    string        // Zoom's message, shortened to one line
	TrackingID string        // Zoom's x-zm-trackingid, for its support
	RetryAfter time.Duration // how long Zoom asks to wait; 0 when it does not say
	Scopes     []string      // the missing scopes, with ErrMissingScopes
	Err        error         // the sentinel and what is wrapped with it
}

// Error returns what was tried, what Zoom answered and what it means.
func (e *Error) Error() string {
	const prefix = "zoom: "
	parts := []string{prefix + e.Op}
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
	if e.Err != nil {
		parts = append(parts, strings.ReplaceAll(e.Err.Error(), prefix, "")) // every sentinel has it too
	}
	text := strings.Join(parts, ": ")
	if e.TrackingID != "" {
		text += " (tracking id " + e.TrackingID + ")"
	}
	return text
}

// Unwrap returns the sentinel and what is wrapped with it, such as an error of the
// context.
func (e *Error) Unwrap() error { return e.Err }

// invalid returns the error for a value that was rejected before anything was sent.
func invalid(op string, err error) *Error {
	return &Error{Op: op, Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
}

// unanswered returns the error for a request that got no answer.
func unanswered(r request, err error) *Error {
	reason := fmt.Errorf("%w: %w", ErrUnavailable, err)
	fault, ok := errors.AsType[*httpx.Error](err)
	neverSent := ok && !fault.Sent
	return &Error{Op: r.op, Err: r.inDoubtIf(!neverSent, reason)}
}

// unreadable returns the error for a success whose body does not hold what it should.
func unreadable(r request, err error) *Error {
	return &Error{Op: r.op, Err: r.inDoubtIf(true, fmt.Errorf("%w: %w", ErrUnavailable, err))}
}

// answerError returns the error for an answer of the API that is not a success. The
// secrets are kept out of it.
func answerError(r request, resp *http.Response, body []byte, secrets ...string) *Error {
	answer := readRefusal(resp, body, secrets...)
	reason := answer.reason()
	return answer.newError(r, r.inDoubtIf(errors.Is(reason, ErrUnavailable), reason))
}
