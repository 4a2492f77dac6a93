package nethttp

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// maxBody is the largest body that is read. PagerDuty sends up to 256 KiB.
const maxBody = 1 << 20

var (
	errTooLarge   = errors.New("the body is larger than 1 MiB")
	errUnreadable = errors.New("the body did not arrive")
)

// readBody returns the raw bytes of the request's body, whatever its Content-Length says. A body that trickles in
// after until is given up.
func readBody(w http.ResponseWriter, r *http.Request, until time.Time) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	// Not every ResponseWriter has deadlines; those without hold the body already. The server takes it back by itself
	// before the next request.
	_ = http.NewResponseController(w).SetReadDeadline(until)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, errUnreadable
	}
	return body, nil
}
