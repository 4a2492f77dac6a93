package httpx

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	firstBackoff   = 250 * time.Millisecond
	longestBackoff = 4 * time.Second
	limitedWait    = time.Second
)

// request is one Do: all its attempts, one after the other, in one goroutine.
type request struct {
	client     *Client
	idempotent bool

	attempts  int           // that have ended
	deadline  time.Time     // of the running attempt; zero between attempts
	wait      time.Duration // before the next attempt
	sent      bool          // the vendor may have seen the request
	permanent bool          // another attempt would end in the same fault
	content   []byte        // of the last answer's body
}

func (r *request) do(ctx context.Context, req *http.Request) (*http.Response, error) {
	out, err := r.prepare(ctx, req)
	if err != nil {
		return nil, err
	}
	// A new client for each request, since go-retryablehttp passes nothing of the request
	// to Backoff. It logs nothing, and when attempts run out it returns the error of
	// net/http.
	retrying := &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: r, CheckRedirect: r.client.checkRedirect},
		RetryMax:     r.client.config.MaxAttempts,
		CheckRetry:   r.checkRetry,
		Backoff:      r.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return retrying.Do(out)
}

// prepare returns a copy of req, which is not changed, with a body that can be replayed.
func (r *request) prepare(ctx context.Context, req *http.Request) (*retryablehttp.Request, error) {
	body, err := readBody(req)
	if err != nil {
		return nil, fmt.Errorf("reading the request's body: %w", err)
	}
	if req.URL == nil {
		return nil, errors.New("the request has no URL")
	}
	out := &retryablehttp.Request{Request: req.Clone(ctx)}
	out.Body, out.GetBody, out.ContentLength = nil, nil, 0
	if len(body) > 0 {
		return out, out.SetBody(body)
	}
	if !r.idempotent {
		hideIdempotencyKey(out.Header)
	}
	return out, nil
}

// RoundTrip makes one hop of an attempt and reads the whole answer within the attempt's
// time limit. An answer that is cut off is a failed attempt.
func (r *request) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.deadline.IsZero() {
		r.deadline = time.Now().Add(r.client.config.AttemptTimeout)
	}
	ctx, cancel := context.WithDeadline(req.Context(), r.deadline)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, err // before the transport is asked
	}

	var trace sendTrace
	out := req.WithContext(httptrace.WithClientTrace(ctx, trace.hooks()))
	if !r.idempotent {
		sendOnce(out)
	}
	resp, err := r.client.config.Transport.RoundTrip(out)
	if err == nil && resp == nil {
		err = errors.New("the transport returned neither an answer nor an error")
	}
	if err != nil {
		r.sent = r.sent || trace.mayHaveBeenSent(r.client.traced, err)
		r.permanent = r.client.traced && !trace.getConn.Load() || isCertificate(err)
		return nil, withContextError(ctx, err)
	}
	r.sent = true
	if r.content, err = readAnswer(resp); err != nil {
		r.permanent = errors.Is(err, ErrTooLarge)
		return nil, withContextError(ctx, err)
	}
	dropBadLocation(resp)
	return resp, nil
}

// checkRetry is called after each attempt. It never returns an error, which would replace
// the fault.
func (r *request) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	r.attempts++
	r.deadline = time.Time{}
	return r.shouldRetry(ctx, resp, err), nil
}

// shouldRetry reports whether to try again. It also computes the wait, because a wait
// that cannot help must not be begun.
func (r *request) shouldRetry(ctx context.Context, resp *http.Response, err error) bool {
	if r.attempts >= r.client.config.MaxAttempts || ctx.Err() != nil || !r.retryable(resp, err) {
		return false
	}
	asked := vendorWait(resp)
	if resp != nil && resp.StatusCode == http.StatusTooManyRequests {
		asked = max(asked, limitedWait) // a limit per second lasts that long
	}
	if asked > r.client.config.MaxWait {
		return false
	}
	// On top of what the vendor asks for: otherwise all who were limited at once come
	// back at once.
	r.wait = asked + r.client.config.Jitter(maxBackoff(r.attempts))
	deadline, limited := ctx.Deadline()
	return !limited || r.wait < time.Until(deadline)
}

func (r *request) backoff(time.Duration, time.Duration, int, *http.Response) time.Duration {
	return r.wait
}

// retryable reports whether another attempt is safe and may succeed.
func (r *request) retryable(resp *http.Response, err error) bool {
	if err != nil {
		return !r.permanent && (r.idempotent || !r.sent)
	}
	if !r.idempotent {
		return false
	}
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		return !r.refused(resp)
	case status == http.StatusRequestTimeout:
		return true
	default:
		return status >= 500 && status != http.StatusNotImplemented
	}
}

func (r *request) refused(resp *http.Response) bool {
	refused := r.client.config.Refused
	return refused != nil && refused(resp, r.content)
}

// maxBackoff returns the longest jitter after that many attempts: 250ms, doubled each
// time, up to 4s.
func maxBackoff(attempts int) time.Duration {
	d := firstBackoff
	for range attempts - 1 {
		if d >= longestBackoff {
			return longestBackoff
		}
		d *= 2
	}
	return d
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer func() { _ = req.Body.Close() }()

	var body bytes.Buffer
	if req.ContentLength > 0 && req.ContentLength <= maxBody {
		body.Grow(int(req.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(req.Body)
	return body.Bytes(), err
}

func isCertificate(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}

// withContextError makes the context's own error visible to errors.Is, since a transport
// may return a cause or an error of its own instead.
func withContextError(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}
