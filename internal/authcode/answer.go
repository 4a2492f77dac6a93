package authcode

import (
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

// longestLife is more than either vendor gives: whoever answers with more is not believed.
const longestLife = 366 * 24 * time.Hour

// settle gives what came of a request the shape that the package promises.
func (a *App) settle(token *oauth2.Token, asked time.Time, err error) (*oauth2.Token, error) {
	if err != nil {
		return nil, settleError(err)
	}
	if !httpx.IsHeaderValue(token.AccessToken) {
		return nil, ErrUnreadable
	}
	expiry := token.Expiry
	if expiry.IsZero() {
		expiry = asked.Add(a.TokenLife)
	}
	if latest := asked.Add(longestLife); expiry.After(latest) {
		expiry = latest
	}
	settled := &oauth2.Token{
		AccessToken:  token.AccessToken,
		RefreshToken: token.RefreshToken,
		TokenType:    "Bearer",
		Expiry:       expiry.Round(0), // the wall clock alone: the monotonic one stands still while a machine sleeps
	}
	return settled.WithExtra(map[string]any{
		"scope": text(token, "scope"), "api_url": text(token, "api_url"), "id_token": text(token, "id_token"),
	}), nil
}

func text(token *oauth2.Token, name string) string {
	text, _ := token.Extra(name).(string)
	return text
}

// settleError keeps an answer and a fault of the transport; whatever else x/oauth2 says may quote the answer.
func settleError(err error) error {
	if answer, refused := errors.AsType[*oauth2.RetrieveError](err); refused {
		return answer
	}
	if fault, unanswered := errors.AsType[*httpx.Error](err); unanswered {
		return fault
	}
	return ErrUnreadable
}

// Refused returns reason, in whose text nothing of the answer stands, though errors.As finds a *oauth2.RetrieveError with
// the status of the answer and this error code: what a token store has to know of a refusal. A code that is none of
// OAuth's words is left out: it could be anything.
func Refused(reason error, status int, code string) error {
	if !isErrorCode(code) {
		code = ""
	}
	return &refused{reason, &oauth2.RetrieveError{
		Response:  &http.Response{StatusCode: status, Status: http.StatusText(status)},
		ErrorCode: code,
	}}
}

// isErrorCode knows the words of RFC 6749, 4.1.2.1 and 5.2.
func isErrorCode(code string) bool {
	switch code {
	case "access_denied", "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "server_error",
		"temporarily_unavailable", "unauthorized_client", "unsupported_grant_type":
		return true
	}
	return false
}

type refused struct {
	reason error
	answer *oauth2.RetrieveError
}

func (r *refused) Error() string   { return r.reason.Error() }
func (r *refused) Unwrap() []error { return []error{r.reason, r.answer} }
