package httpx

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// ErrTooLarge reports an answer whose body is longer than 1 MiB.
var ErrTooLarge = errors.New("the answer is larger than 1 MiB")

// Error is a fault on the way to the vendor or back: there is no answer. It says nothing a log may not hold.
type Error struct {
	Method string
	Host   string
	Path   string // escaped, without the query

	// Sent is false when the request surely never left: no connection came about, the context was over before it
	// began, or not a byte was written. When true, the vendor may have acted on it.
	Sent bool

	// Err is the cause; context errors among them.
	Err error
}

// Error says what failed, where, and whether the vendor may have seen it.
func (e *Error) Error() string {
	text := e.Method + " " + e.Host + e.Path + ": "
	if !e.Sent {
		text += "never sent: "
	}
	return text + e.Err.Error()
}

// Unsent says the same as Sent to whoever does not know this type.
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
