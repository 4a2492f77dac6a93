package zoom

import (
	"net/http"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// tokenRefusal reads the OAuth endpoints' own kind of error body, which has a reason where OAuth has a description. The
// kind is OAuth's word for it, "" when there is none.
func tokenRefusal(op string, resp *http.Response, body []byte, secrets ...string) (e *Error, kind string) {
	e = answerError(op, resp, body, secrets...)
	o, _ := lenientjson.Parse(body)
	kind = o.String("error")
	if kind == "" {
		return e, ""
	}
	text := kind
	if reason := o.String("reason"); reason != "" {
		text += ": " + reason
	}
	e.Message = oneLine(redact.Words(text, secrets...), 200)
	return e, kind
}

// oauthReason is the sentinel for a refusal, by Zoom's number where it gives one, else by OAuth's word. A used or revoked
// refresh token has been seen under the word for a malformed request, with the same text as under its own.
//
// See https://developers.zoom.us/docs/integrations/oauth/#error-messages.
func oauthReason(code int, kind, text string) error {
	switch code {
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
	switch kind {
	case "invalid_grant":
		return ErrGrant
	case "invalid_request":
		if strings.Contains(strings.ToLower(text), "invalid token") {
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
