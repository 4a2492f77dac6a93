package authcode

import (
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

// maxTokenLife is more than either vendor gives. An answer with more is not believed.
const maxTokenLife = 366 * 24 * time.Hour

// normalizeToken returns the result of a request in the shape that the package promises.
func (a *App) normalizeToken(token *oauth2.Token, sent time.Time, err error) (*oauth2.Token, error) {
	if err != nil {
		return nil, normalizeError(err)
	}
	if !httpx.IsHeaderValue(token.AccessToken) {
		return nil, ErrUnreadable
	}
	expiry := token.Expiry
	if expiry.IsZero() {
		expiry = sent.Add(a.TokenLife)
	}
	if latest := sent.Add(maxTokenLife); expiry.After(latest) {
		expiry = latest
	}
	normalized := &oauth2.Token{
		AccessToken:  token.AccessToken,
		RefreshToken: token.RefreshToken,
		TokenType:    "Bearer",
		Expiry:       expiry.Round(0), // the monotonic clock stops while a machine sleeps
	}
	extras := map[string]any{}
	for _, name := range []string{"scope", "api_url", "id_token"} {
		if text, ok := token.Extra(name).(string); ok {
			extras[name] = text
		}
	}
	return normalized.WithExtra(extras), nil
}

// normalizeError keeps an answer and a fault of the transport. Other texts of x/oauth2
// may quote the answer.
func normalizeError(err error) error {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return answer
	}
	if fault, ok := errors.AsType[*httpx.Error](err); ok {
		return fault
	}
	return ErrUnreadable
}

// Refused returns an error with the text of reason, and so nothing of the answer, in
// which errors.As finds a *oauth2.RetrieveError with the status and the error code of the
// answer: what a token store has to know of a refusal. A code that is not one of OAuth's
// is left out, since it could be anything.
func Refused(reason error, status int, code string) error {
	if !isErrorCode(code) {
		code = ""
	}
	return &retrieveError{reason, &oauth2.RetrieveError{
		Response:  &http.Response{StatusCode: status, Status: http.StatusText(status)},
		ErrorCode: code,
	}}
}

type retrieveError struct {
	reason error
	answer *oauth2.RetrieveError
}

func (e *retrieveError) Error() string   { return e.reason.Error() }
func (e *retrieveError) Unwrap() []error { return []error{e.reason, e.answer} }

// isErrorCode reports whether code is one of RFC 6749, 4.1.2.1 and 5.2.
func isErrorCode(code string) bool {
	switch code {
	case "access_denied", "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "server_error",
		"temporarily_unavailable", "unauthorized_client", "unsupported_grant_type":
		return true
	}
	return false
}
