package zoom

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// The reasons a call fails for, to be found with errors.Is inside the *Error that every method returns.
// One error may have several: a create that Zoom answers with 502 is both ErrInDoubt and ErrUnavailable.
var (
	// ErrUnauthorized reports an access token that Zoom refuses: expired (401, code 124) even after one refresh where the
	// source can, or without an app, an authorization or a user behind it any more.
	ErrUnauthorized = errors.New("access token refused")
	// ErrCredentials reports that the token endpoint refuses the account id, client id or client secret.
	ErrCredentials = errors.New("client credentials refused")
	// ErrGrant reports that the token endpoint refuses an authorization code or a refresh token: used, expired, revoked, or
	// of another app. Somebody has to agree to the app again.
	ErrGrant = errors.New("authorization refused: authorize the app again")
	// ErrMissingScopes reports a token without the scopes a call needs (code 4711); Error.Scopes lists them.
	ErrMissingScopes = errors.New("token lacks scopes: add them to the Zoom app")
	// ErrHost reports a user that cannot host: unknown, in another account, pending or without a licence
	// (codes 1001, 1010, 1120, 3161). Another host may do.
	ErrHost = errors.New("user cannot host: try another host")
	// ErrNotFound reports a meeting that does not exist or has expired (code 3001), or a session of more than a year ago
	// (code 12702).
	ErrNotFound = errors.New("no such meeting")
	// ErrInvalid reports a value that Zoom refuses (code 300) or that was refused here, before anything was sent.
	ErrInvalid = errors.New("invalid request")
	// ErrPlan reports something the account's plan does not include (code 200).
	ErrPlan = errors.New("not in the account's plan")
	// ErrForbidden reports what Zoom does not allow with this meeting, host or app, now or ever: somebody else's, an
	// on-premise user's, a personal room, a blocked domain (codes 3000, 3003, 3018, 3037, 3063). Error.Message says which.
	ErrForbidden = errors.New("not allowed")
	// ErrMeetingInProgress reports a meeting that cannot be deleted while people are in it (code 3002): end it first.
	ErrMeetingInProgress = errors.New("meeting in progress: end it first")
	// ErrRateLimited reports a 429 of any kind; Error.RetryAfter says how long Zoom wants to be left alone, when it does.
	ErrRateLimited = errors.New("rate limited")
	// ErrDailyLimit reports a 429 that waiting does not cure before 00:00 UTC: the host's 100 meetings a day, or the
	// account's daily calls. It is an ErrRateLimited too.
	ErrDailyLimit = fmt.Errorf("daily limit reached until 00:00 UTC: try another host: %w", ErrRateLimited)
	// ErrUnavailable reports that Zoom gave no usable answer: a transport fault, a 408, a 5xx or an unreadable body.
	ErrUnavailable = errors.New("no usable answer from Zoom")
	// ErrInDoubt reports a create that may have made a meeting although no usable answer came back. Look for it in the
	// host's list before creating again: Zoom has no idempotency key.
	ErrInDoubt = errors.New("the meeting may have been made: list the host's meetings before creating again")
)

// Error is what every failed call returns, always as a pointer, for errors.As.
// Its text holds no token, passcode, start or join link.
// See https://developers.zoom.us/docs/api/errors/.
type Error struct {
	Op         string        // what was tried: "create meeting", "token", ...
	StatusCode int           // the HTTP status; 0 when there was no answer
	Code       int           // Zoom's own number; 0 when there was none
	Message    string        // what Zoom said, shortened to one line
	TrackingID string        // Zoom's x-zm-trackingid, for its support
	RetryAfter time.Duration // how long Zoom asks to wait; 0 when it does not say
	Scopes     []string      // the missing scopes, with ErrMissingScopes
	Err        error         // the sentinel and what lies under it
}

// Error says what was tried, what Zoom answered and what it means.
func (e *Error) Error() string {
	parts := []string{"zoom: " + e.Op}
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
		parts = append(parts, e.Err.Error())
	}
	text := strings.Join(parts, ": ")
	if e.TrackingID != "" {
		text += " (tracking id " + e.TrackingID + ")"
	}
	return text
}

// Unwrap returns the sentinel and what lies under it; a context's error is among that.
func (e *Error) Unwrap() error { return e.Err }

// answerError turns an answer that is not a success into an Error. The secrets are kept out of it.
func answerError(op string, resp *http.Response, body []byte, secrets ...string) *Error {
	e := &Error{
		Op:         op,
		StatusCode: resp.StatusCode,
		TrackingID: oneLine(redact.Words(resp.Header.Get("X-Zm-Trackingid"), secrets...), 80),
	}
	code, message := decodeError(body)
	message = redact.Words(message, secrets...)
	e.Code, e.Message = code, oneLine(message, 400)
	if wait, ok := httpx.RetryAfter(resp.Header, time.Now()); ok {
		e.RetryAfter = wait
	}
	scopes := missingScopes(message)
	e.Err = reason(e.StatusCode, code)
	switch {
	case errors.Is(e.Err, ErrUnavailable):
	case errors.Is(e.Err, ErrRateLimited) && isDailyLimit(resp.Header, message):
		e.Err = ErrDailyLimit
	case code == 4711, code == 4700, errors.Is(e.Err, ErrPlan) && len(scopes) > 0:
		// Older apps get a missing scope under the numbers that otherwise speak of the plan.
		e.Err, e.Scopes = ErrMissingScopes, scopes
	}
	return e
}

// decodeError reads Zoom's error body in all its shapes; an HTML page or an empty body gives zeros.
func decodeError(body []byte) (code int, message string) {
	o, err := lenientjson.Parse(body)
	if err != nil {
		return 0, ""
	}
	message = o.String("message")
	if message == "" {
		message = o.String("error_message")
	}
	for _, field := range o.Objects("errors") {
		message += fmt.Sprintf(" [%s: %s]", field.String("field"), field.String("message"))
	}
	return int(o.Int("code")), message
}

// reason is the sentinel for a status and Zoom's own code, nil when none fits. The texts are no guide: they change.
func reason(status, code int) error {
	switch {
	case status == http.StatusTooManyRequests:
		return ErrRateLimited
	case status < 400, status == http.StatusRequestTimeout, status >= 500:
		return ErrUnavailable
	}
	switch code {
	case 124:
		return ErrUnauthorized
	case 200, 201:
		return ErrPlan
	case 300:
		return ErrInvalid
	case 1001, 1010, 1120, 3161:
		return ErrHost
	case 3000, 3003, 3018, 3037, 3063:
		return ErrForbidden
	case 3001, 12702:
		return ErrNotFound
	case 3002:
		return ErrMeetingInProgress
	}
	if status == http.StatusUnauthorized {
		return ErrUnauthorized
	}
	return nil
}

// isDailyLimit tells a 429 that lasts until midnight UTC. The limit of a host comes without any header to know it by.
func isDailyLimit(header http.Header, message string) bool {
	if strings.EqualFold(header.Get("X-Ratelimit-Type"), "Daily-limit") {
		return true
	}
	message = strings.ToLower(message)
	return strings.Contains(message, "daily rate limit") ||
		strings.Contains(message, "maximum of 100 meetings") ||
		strings.Contains(message, "in one day")
}

// refusedForTheDay is isDailyLimit for the transport, which must not wait for such an answer.
func refusedForTheDay(resp *http.Response, body []byte) bool {
	_, message := decodeError(body)
	return isDailyLimit(resp.Header, message)
}

// missingScopes reads the list in brackets of a message such as "... does not contain scopes:[a, b]".
func missingScopes(message string) []string {
	_, list, found := strings.Cut(message, "[")
	if !found || !strings.Contains(strings.ToLower(message), "scope") {
		return nil
	}
	list, _, _ = strings.Cut(list, "]")
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || !unicode.IsPrint(r) || unicode.IsSpace(r) })
}

// oneLine makes a vendor's text fit to print: printable, on one line, at most limit bytes.
func oneLine(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }), " ")
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// invalid reports a value that was refused before anything was sent.
func invalid(op string, err error) *Error {
	return &Error{Op: op, Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
}

// unreadable reports a 2xx answer that does not hold what it should.
func unreadable(op string, err error) *Error {
	return &Error{Op: op, Err: fmt.Errorf("%w: %w", ErrUnavailable, err)}
}

// inDoubtIf adds ErrInDoubt to the reasons.
func (e *Error) inDoubtIf(doubt bool) *Error {
	if doubt {
		e.Err = fmt.Errorf("%w: %w", ErrInDoubt, e.Err)
	}
	return e
}
