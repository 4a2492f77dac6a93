package httpx

import (
	"context"
	"net/http"
	"time"
)

const (
	firstBackoff   = 250 * time.Millisecond
	longestBackoff = 4 * time.Second
	limitedWait    = time.Second
)

// checkRetry is called after each attempt. It never returns an error, which would replace the fault.
func (r *request) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	r.attempts++
	r.deadline = time.Time{}
	return r.shouldRetry(ctx, resp, err), nil
}

// shouldRetry reports whether to try again. It also computes the wait, because a wait that cannot help must not
// be begun.
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
	// On top of what the vendor asks for: otherwise all who were limited at once come back at once.
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

// maxBackoff returns the longest jitter after that many attempts: 250ms, doubled each time, up to 4s.
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

// vendorWait returns how long the vendor asks to wait, or 0.
func vendorWait(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	now := time.Now()
	wait, ok := retryAfter(resp.Header, now)
	if !ok && resp.StatusCode == http.StatusTooManyRequests {
		// PagerDuty sends its reset with every answer, but it means "wait" only in a 429.
		wait, _ = rateLimitReset(resp.Header)
	}
	return wait
}
