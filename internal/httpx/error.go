package httpx

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// ErrTooLarge reports an answer whose body is longer than 1 MiB.
var ErrTooLarge = errors.New("the answer is larger than 1 MiB")

// Error is a fault on the way to the vendor or back: there is no answer. Its text may be
// logged.
type Error struct {
	Method string
	Host   string
	Path   string // escaped, without the query

	// Sent is false when the request surely never left: there was no connection, the
	// context had ended before, or not a byte was written. When true, the vendor may have
	// acted on it.
	Sent bool

	// Err is the cause; context errors among them.
	Err error
}

// Error returns the request, whether it was never sent, and the cause.
func (e *Error) Error() string {
	text := e.Method + " " + e.Host + e.Path + ": "
	if !e.Sent {
		text += "never sent: "
	}
	return text + e.Err.Error()
}

// Unsent reports whether the request was never sent, for callers that do not know this
// type.
func (e *Error) Unsent() bool { return !e.Sent }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func newError(req *http.Request, sent bool, err error) *Error {
	if wrapped, ok := err.(*url.Error); ok { //nolint:errorlint // only http.Client's own outer layer, which repeats us
		err = wrapped.Err
	}
	e := &Error{Method: req.Method, Sent: sent, Err: redact.Error(err)}
	if e.Method == "" {
		e.Method = http.MethodGet
	}
	if req.URL != nil {
		e.Host, e.Path = req.URL.Host, req.URL.EscapedPath()
	}
	return e
}
