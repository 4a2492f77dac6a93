package pagerduty

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// Bounds of what an error repeats of PagerDuty's words.
const (
	maxDetails      = 10
	maxMessageBytes = 300
)

// defaultWait is used for a 429 that does not say how long, which PagerDuty's need not.
const defaultWait = 10 * time.Second

// refusal is an answer that is not a success, as far as it could be read. It holds no
// secret.
type refusal struct {
	status     int
	code       int      // PagerDuty's own number
	kind       string   // OAuth's error code, of the token endpoint alone
	message    string   // on one line
	details    []string // likewise
	scopes     []string // that the token lacks
	retryAfter time.Duration
}

// readRefusal reads an answer of the API and leaves the secrets out.
func readRefusal(resp *http.Response, body []byte, secrets ...string) refusal {
	code, message, details := decodeError(body)
	answer := refusal{
		status:  resp.StatusCode,
		code:    code,
		message: redact.Line(message, maxMessageBytes, secrets...),
	}
	for _, detail := range details {
		answer.details = append(answer.details, redact.Line(detail, maxMessageBytes, secrets...))
	}
	answer.retryAfter = retryAfter(resp.Header, errors.Is(answer.reason(), ErrRateLimited))
	return answer
}

// readTokenRefusal reads an answer of the token endpoint, whose error body is OAuth's:
// {"error": "...", "error_description": "..."}.
func readTokenRefusal(resp *http.Response, body []byte, secrets ...string) refusal {
	answer := readRefusal(resp, body, secrets...)
	o, err := lenientjson.Parse(body)
	if err != nil {
		return answer
	}
	answer.kind = o.String("error")
	if description := o.String("error_description"); description != "" {
		answer.details = append(answer.details, redact.Line(description, maxMessageBytes, secrets...))
	}
	return answer
}

// newError returns the answer as an Error with that reason.
func (a refusal) newError(r request, reason error) *Error {
	return &Error{
		Op: r.op, IncidentID: r.incidentID, StatusCode: a.status, Code: a.code, Message: a.message,
		Details: a.details, Scopes: a.scopes, RetryAfter: a.retryAfter, Err: reason,
	}
}

// reason returns the sentinel for the answer: by PagerDuty's code where that is specific,
// else by the status.
func (a refusal) reason() error {
	if a.status < 400 || a.status >= 500 || a.status == http.StatusRequestTimeout {
		return ErrUnavailable
	}
	switch a.code {
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
	case 2018: // the right to write ended when the incident was resolved
		return fmt.Errorf("%w: %w", ErrResolved, ErrForbidden)
	case 2019:
		return ErrLimit
	case 2020:
		return ErrRateLimited
	case 2100, 5001:
		return ErrNotFound
	}
	switch a.status {
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
	return a.invalidReason()
}

// invalidReason goes by the text, since one code means every invalid input.
func (a refusal) invalidReason() error {
	text := strings.ToLower(a.message + " " + strings.Join(a.details, " "))
	switch {
	case strings.Contains(text, "requester user not found"):
		return ErrRequester
	case strings.Contains(text, "conference number"), strings.Contains(text, "conference_number"):
		return ErrNumber
	}
	return ErrInvalid
}

// oauthReason returns the sentinel for a refusal of the token endpoint, by OAuth's error
// code where there is one.
func (a refusal) oauthReason() error {
	reason := a.reason()
	if errors.Is(reason, ErrRateLimited) {
		return reason
	}
	switch a.kind {
	case "invalid_grant":
		return ErrGrant
	case "invalid_client", "unauthorized_client", "unsupported_grant_type":
		return ErrCredentials
	case "invalid_scope":
		return ErrMissingScopes
	case "access_denied":
		return ErrForbidden
	case "":
		return reason
	}
	return ErrInvalid
}

// retryAfter returns how long to wait. PagerDuty sends in every answer when its limit is
// reset, which means "wait" only in the answer to a limited call.
func retryAfter(header http.Header, limited bool) time.Duration {
	if !limited {
		header = http.Header{"Retry-After": header.Values("Retry-After")}
	}
	wait, ok := httpx.RetryAfter(header, time.Now())
	if limited && !ok {
		return defaultWait
	}
	return wait
}

// decodeError reads an error body in any of the shapes PagerDuty has been seen to use. It
// returns zeros for an HTML page or an empty body.
func decodeError(body []byte) (code int, message string, details []string) {
	o, err := lenientjson.Parse(body)
	if err != nil {
		return 0, "", nil
	}
	inner := o.Object("error")
	if inner == nil {
		if reasons := flatten(o["error"]); len(reasons) > 0 {
			return 0, reasons[0], reasons[1:]
		}
		inner = o
	}
	return int(inner.Int("code")), inner.String("message"), flatten(inner["errors"])
}

// flatten lists the strings in raw: a string, a list of them, or an object of path to
// either.
func flatten(raw json.RawMessage) []string {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return nil
	}
	return textsIn(value, "")
}

func textsIn(value any, path string) []string {
	var found []string
	switch value := value.(type) {
	case string:
		if path != "" {
			value = path + ": " + value
		}
		return []string{value}
	case []any:
		for _, element := range value {
			found = append(found, textsIn(element, path)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			found = append(found, textsIn(value[name], name)...)
		}
	}
	return found[:min(len(found), maxDetails)]
}
