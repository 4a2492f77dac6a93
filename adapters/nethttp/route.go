package nethttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"
)

// How long a route's work may take, counted from the arrival of the request. PagerDuty
// waits 5 s for a webhook and 16 s for a custom action, Zoom 3 s.
const (
	pagerDutyBudget = 4300 * time.Millisecond
	zoomBudget      = 2300 * time.Millisecond
	actionBudget    = 12 * time.Second
	apiBudget       = 25 * time.Second
	pageBudget      = 10 * time.Second
	installBudget   = 25 * time.Second // two vendors, several calls each
	buttonBudget    = 4 * time.Second  // after which the page shows how far the opening is
	healthBudget    = time.Second
)

// deadlineSlack is how long work may take to notice that its context has ended.
const deadlineSlack = 100 * time.Millisecond

// route is one method on one path.
type route struct {
	pattern      string // method and path, as http.ServeMux takes them
	budget       time.Duration
	authenticate authenticator
	work         work
}

// authenticator decides, before the body is read, whether a caller may use a route.
// Without ok the response goes to the caller.
type authenticator func(ctx context.Context, r *http.Request) (refusal response, ok bool)

// work answers a request. It runs on a goroutine of its own and must not read r.Body; the
// body is passed to it.
type work func(ctx context.Context, r *http.Request, body []byte) response

// responder answers a request, whose body it may read.
type responder func(http.ResponseWriter, *http.Request) response

// public lets everyone in: either nothing is secret, or the work itself checks a
// signature over the body or a session.
func public(context.Context, *http.Request) (response, bool) { return response{}, true }

// maxBody is the largest body that is read. PagerDuty sends up to 256 KiB.
const maxBody = 1 << 20

var (
	errTooLarge   = errors.New("request body too large")
	errUnreadable = errors.New("request body did not arrive")
)

// readBody returns the raw bytes of the request's body, whatever its Content-Length says.
// It gives up on a body that has not arrived by the deadline.
func readBody(w http.ResponseWriter, r *http.Request, deadline time.Time) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	// A ResponseWriter without deadlines already holds the whole body. The server resets
	// the deadline before the next request.
	_ = http.NewResponseController(w).SetReadDeadline(deadline)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, errUnreadable
	}
	return body, nil
}

// withDeadline runs work, whose context ends at the deadline, and answers 503 when work
// has not returned shortly after it. The caller gets an answer in time even if the
// service hangs.
func withDeadline(
	ctx context.Context, logger *slog.Logger, deadline time.Time, work func(context.Context) response,
) response {
	done := make(chan response, 1)
	go func() { done <- recoverPanic(ctx, logger, func() response { return work(ctx) }) }()

	late := time.NewTimer(time.Until(deadline) + deadlineSlack)
	defer late.Stop()
	select {
	case resp := <-done:
		return resp
	case <-late.C:
		return problemResponse(codeUnavailable, "The request took too long. Send it again.").retryAfter(defaultRetry)
	}
}

// recoverPanic answers 503 for work that panics. The panic's value may hold secrets, so
// only its type is logged, except for errors of the Go runtime.
func recoverPanic(ctx context.Context, logger *slog.Logger, work func() response) (resp response) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		reason := fmt.Sprintf("%T", cause)
		if err, ok := cause.(runtime.Error); ok {
			reason = err.Error()
		}
		logger.LogAttrs(ctx, slog.LevelError, "panic while answering",
			slog.String("reason", reason), slog.String("stack", string(debug.Stack())))
		resp = problemResponse(codeUnavailable, "").retryAfter(defaultRetry)
	}()
	return work()
}
