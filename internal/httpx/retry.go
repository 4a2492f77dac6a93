package httpx

import (
	"context"
	"net/http"
	"time"
)

const (
	firstWait   = 250 * time.Millisecond
	longestWait = 4 * time.Second
	limitedWait = time.Second
)

// checkRetry is asked after each attempt. It never answers with an error, which would take the place of the fault.
func (c *call) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	c.attempts++
	c.deadline = time.Time{}
	return c.again(ctx, resp, err), nil
}

// again reports whether to try again. It settles the wait too, because a wait that leads nowhere must not be begun.
func (c *call) again(ctx context.Context, resp *http.Response, err error) bool {
	if c.attempts >= c.client.config.MaxAttempts || ctx.Err() != nil || !c.worthwhile(resp, err) {
		return false
	}
	asked := vendorWait(resp)
	if resp != nil && resp.StatusCode == http.StatusTooManyRequests {
		asked = max(asked, limitedWait) // a limit per second is not over before
	}
	if asked > c.client.config.MaxWait {
		return false
	}
	// On top of what the vendor asks for: else all who were refused together come back together.
	c.wait = asked + c.client.config.Jitter(ceiling(c.attempts))
	deadline, limited := ctx.Deadline()
	return !limited || c.wait < time.Until(deadline)
}

func (c *call) backoff(time.Duration, time.Duration, int, *http.Response) time.Duration {
	return c.wait
}

// worthwhile reports whether another attempt is safe and might end better.
func (c *call) worthwhile(resp *http.Response, err error) bool {
	if err != nil {
		return !c.hopeless && (c.idempotent || !c.sent)
	}
	if !c.idempotent {
		return false
	}
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		return !c.refused(resp)
	case status == http.StatusRequestTimeout:
		return true
	default:
		return status >= 500 && status != http.StatusNotImplemented
	}
}

func (c *call) refused(resp *http.Response) bool {
	refused := c.client.config.Refused
	return refused != nil && refused(resp, c.content)
}

// ceiling is the longest jitter after that many attempts: 250ms, doubled each time, never above 4s.
func ceiling(attempts int) time.Duration {
	d := firstWait
	for range attempts - 1 {
		if d >= longestWait {
			return longestWait
		}
		d *= 2
	}
	return d
}

func vendorWait(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	now := time.Now()
	wait, ok := retryAfter(resp.Header, now)
	if !ok && resp.StatusCode == http.StatusTooManyRequests {
		// PagerDuty sends its reset with every answer: it means "wait" in a 429 alone.
		wait, _ = rateLimitReset(resp.Header)
	}
	return wait
}
