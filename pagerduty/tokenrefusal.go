package pagerduty

import (
	"net/http"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// tokenRefusal reads the token endpoint's own kind of error body, {"error": "...", "error_description": "..."}. The kind is
// the first of the two, "" when there is none.
func tokenRefusal(r request, answer *http.Response, body []byte, secrets []string) (e *Error, kind string) {
	e = answerError(r, answer, body, secrets)
	content, _ := lenientjson.Parse(body)
	if description := content.String("error_description"); description != "" {
		e.Details = append(e.Details, scrub(description, secrets))
	}
	return e, content.String("error")
}

// oauthReason is the sentinel for OAuth's word of a refusal, or the one that its status has.
func oauthReason(kind string, byStatus error) error {
	switch kind {
	case "invalid_grant":
		return ErrGrant
	case "invalid_client", "unauthorized_client", "unsupported_grant_type":
		return ErrCredentials
	case "invalid_scope":
		return ErrMissingScopes
	case "access_denied":
		return ErrForbidden
	case "":
		return byStatus
	}
	return ErrInvalid
}
