package httpx

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter limits what a vendor may ask for: the longest limit of either vendor
// lasts a day.
const maxRetryAfter = 24 * time.Hour

// RetryAfter returns how long the vendor asks to wait, counted from now: Retry-After in
// seconds, as an HTTP date or as an ISO 8601 date-time (Zoom's daily limits), else
// ratelimit-reset in seconds (PagerDuty). A time in the past is 0, more than 24 hours is
// 24 hours, and a value that cannot be read counts as absent.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	if wait, ok := retryAfter(h, now); ok {
		return wait, true
	}
	return rateLimitReset(h)
}

func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	if wait, ok := seconds(value); ok {
		return wait, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return clamp(at.Sub(now)), true
	}
	// ISO 8601, in UTC when it names no zone.
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05",
	} {
		if at, err := time.Parse(layout, value); err == nil {
			return clamp(at.Sub(now)), true
		}
	}
	return 0, false
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

func rateLimitReset(h http.Header) (time.Duration, bool) {
	return seconds(strings.TrimSpace(h.Get("Ratelimit-Reset")))
}

func seconds(value string) (time.Duration, bool) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // which comes with the nearest number in range
		return 0, false
	}
	n = min(max(n, 0), int64(maxRetryAfter/time.Second))
	return time.Duration(n) * time.Second, true
}

func clamp(d time.Duration) time.Duration { return min(max(d, 0), maxRetryAfter) }
