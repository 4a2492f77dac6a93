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

// Bounds of what an error repeats of Zoom's words.
const (
	maxMessageBytes      = 400
	maxTokenMessageBytes = 200
	maxTrackingIDBytes   = 80
)

// refusal is an answer that is not a success, as far as it could be read. It holds no
// secret.
type refusal struct {
	status     int
	code       int      // Zoom's own number
	kind       string   // OAuth's error code, of the token endpoint alone
	message    string   // on one line
	scopes     []string // that the message names as missing
	daily      bool     // a 429 that lasts until midnight UTC
	trackingID string
	retryAfter time.Duration
}

// readRefusal reads an answer of the API and leaves the secrets out.
func readRefusal(resp *http.Response, body []byte, secrets ...string) refusal {
	code, message := decodeError(body)
	retryAfter, _ := httpx.RetryAfter(resp.Header, time.Now())
	return refusal{
		status:     resp.StatusCode,
		code:       code,
		message:    redact.Line(message, maxMessageBytes, secrets...),
		scopes:     missingScopes(redact.Words(message, secrets...)),
		daily:      isDailyLimit(resp.Header, message),
		trackingID: redact.Line(resp.Header.Get("X-Zm-Trackingid"), maxTrackingIDBytes, secrets...),
		retryAfter: retryAfter,
	}
}

// readTokenRefusal reads an answer of the OAuth endpoints. Their error body has a
// "reason" where OAuth has an error_description.
func readTokenRefusal(resp *http.Response, body []byte, secrets ...string) refusal {
	answer := readRefusal(resp, body, secrets...)
	o, err := lenientjson.Parse(body)
	if err != nil || o.String("error") == "" {
		return answer
	}
	answer.kind = o.String("error")
	message := answer.kind
	if reason := o.String("reason"); reason != "" {
		message += ": " + reason
	}
	answer.message = redact.Line(message, maxTokenMessageBytes, secrets...)
	return answer
}

// newError returns the answer as an Error with that reason.
func (a refusal) newError(r request, reason error) *Error {
	e := &Error{
		Op: r.op, StatusCode: a.status, Code: a.code, Message: a.message,
		TrackingID: a.trackingID, RetryAfter: a.retryAfter, Err: reason,
	}
	if errors.Is(reason, ErrMissingScopes) {
		e.Scopes = a.scopes
	}
	return e
}

// reason returns the sentinel for the status and Zoom's own code, or nil when none fits.
// The messages are no guide, because they change.
func (a refusal) reason() error {
	switch {
	case a.status == http.StatusTooManyRequests && a.daily:
		return ErrDailyLimit
	case a.status == http.StatusTooManyRequests:
		return ErrRateLimited
	case a.status < 400, a.status == http.StatusRequestTimeout, a.status >= 500:
		return ErrUnavailable
	}
	switch a.code {
	case 124:
		return ErrUnauthorized
	case 200, 201:
		if len(a.scopes) > 0 { // older apps get a missing scope under the numbers of the plan
			return ErrMissingScopes
		}
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
	case 4700, 4711:
		return ErrMissingScopes
	}
	if a.status == http.StatusUnauthorized {
		return ErrUnauthorized
	}
	return nil
}

// oauthReason returns the sentinel for a refusal of the OAuth endpoints, by Zoom's number
// where there is one, else by OAuth's error code. A used or revoked refresh token has
// been seen under the code for a malformed request, with the same text as under its own.
//
// See https://developers.zoom.us/docs/integrations/oauth/#error-messages.
func (a refusal) oauthReason() error {
	if reason := a.reason(); errors.Is(reason, ErrRateLimited) {
		return reason
	}
	switch a.code {
	case 4702, 4704, 4705, 4706:
		return ErrCredentials
	case 4709:
		return ErrInvalid
	case 4711:
		return ErrMissingScopes
	case 4717, 4738: // the app, or its use, was switched off: the grant may come back with it
		return ErrForbidden
	case 4733, 4734, 4735, 4737, 4740, 4741:
		return ErrGrant
	}
	switch a.kind {
	case "invalid_grant":
		return ErrGrant
	case "invalid_request":
		if strings.Contains(strings.ToLower(a.message), "invalid token") {
			return ErrGrant
		}
		return ErrInvalid
	case "invalid_client", "unauthorized_client", "unsupported_grant_type":
		return ErrCredentials
	case "invalid_scope":
		return ErrMissingScopes
	case "access_denied":
		return ErrForbidden
	}
	return ErrUnauthorized
}

// decodeError reads Zoom's error body in all its shapes. It returns zeros for an HTML
// page or an empty body.
func decodeError(body []byte) (code int, message string) {
	o, err := lenientjson.Parse(body)
	if err != nil {
		return 0, ""
	}
	message = o.String("message", "error_message")
	for _, field := range o.Objects("errors") {
		message += fmt.Sprintf(" [%s: %s]", field.String("field"), field.String("message"))
	}
	return int(o.Int("code")), message
}

// lastsUntilMidnight reports whether a 429 is a daily limit, for the transport, which
// must not wait for it.
func lastsUntilMidnight(resp *http.Response, body []byte) bool {
	_, message := decodeError(body)
	return isDailyLimit(resp.Header, message)
}

// isDailyLimit reports whether a 429 lasts until midnight UTC. The limit of a host has no
// header of its own.
func isDailyLimit(header http.Header, message string) bool {
	if strings.EqualFold(header.Get("X-Ratelimit-Type"), "Daily-limit") {
		return true
	}
	message = strings.ToLower(message)
	return strings.Contains(message, "daily rate limit") ||
		strings.Contains(message, "maximum of 100 meetings") ||
		strings.Contains(message, "in one day")
}

// missingScopes reads the list in brackets of a message such as "... does not contain
// scopes:[a, b]".
func missingScopes(message string) []string {
	_, list, found := strings.Cut(message, "[")
	if !found || !strings.Contains(strings.ToLower(message), "scope") {
		return nil
	}
	list, _, _ = strings.Cut(list, "]")
	return strings.FieldsFunc(list, func(r rune) bool {
		return r == ',' || !unicode.IsPrint(r) || unicode.IsSpace(r)
	})
}
