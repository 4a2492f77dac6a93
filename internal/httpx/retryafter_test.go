package httpx_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

var noon = time.Date(2026, time.November, 3, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, test := range []struct {
		name       string
		retryAfter string
		reset      string
		want       time.Duration
		ok         bool
	}{
		{"absent", "", "", 0, false},
		{"seconds", "7", "", 7 * time.Second, true},
		{"seconds in blanks", " 7 ", "", 7 * time.Second, true},
		{"zero", "0", "", 0, true},
		{"negative", "-7", "", 0, true},
		{"more than a day", "86401", "", day, true},
		{"more than an int64", "99999999999999999999", "", day, true},
		{"less than an int64", "-99999999999999999999", "", 0, true},
		{"HTTP date", "Tue, 03 Nov 2026 12:00:09 GMT", "", 9 * time.Second, true},
		{"RFC 850 date", "Tuesday, 03-Nov-26 12:00:09 GMT", "", 9 * time.Second, true},
		{"asctime", "Tue Nov  3 12:00:09 2026", "", 9 * time.Second, true},
		{"HTTP date in the past", "Tue, 03 Nov 2026 11:00:00 GMT", "", 0, true},
		{"HTTP date far away", "Wed, 03 Nov 2123 12:00:00 GMT", "", day, true},
		{"date-time", "2026-11-03T12:00:09Z", "", 9 * time.Second, true},
		{"date-time at midnight", "2026-11-04T00:00:00Z", "", 12 * time.Hour, true},
		{"date-time with a fraction", "2026-11-03T12:00:09.5Z", "", 9500 * time.Millisecond, true},
		{"date-time of a zone", "2026-11-03T14:00:09+02:00", "", 9 * time.Second, true},
		{"date-time of a zone without colon", "2026-11-03T14:00:09+0200", "", 9 * time.Second, true},
		{"date-time without a zone", "2026-11-03T12:00:09", "", 9 * time.Second, true},
		{"date-time with a blank", "2026-11-03 12:00:09", "", 9 * time.Second, true},
		{"date-time in the past", "2006-01-02T15:04:05Z", "", 0, true},
		{"date-time far away", "9999-12-31T23:59:59Z", "", day, true},
		{"garbage", "soon", "", 0, false},
		{"a fraction", "1.5", "", 0, false},
		{"an exponent", "1e3", "", 0, false},
		{"an impossible date-time", "2026-13-41T25:00:00Z", "", 0, false},
		{"reset", "", "4", 4 * time.Second, true},
		{"reset is no epoch", "", "1793707200", day, true},
		{"reset negative", "", "-4", 0, true},
		{"reset garbage", "", "later", 0, false},
		{"both", "7", "4", 7 * time.Second, true},
		{"garbage and reset", "soon", "4", 4 * time.Second, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			header.Set("Retry-After", test.retryAfter)
			header.Set("ratelimit-reset", test.reset)
			if got, ok := httpx.RetryAfter(header, noon); got != test.want || ok != test.ok {
				t.Errorf("got %v, %v, want %v, %v", got, ok, test.want, test.ok)
			}
		})
	}
	if got, ok := httpx.RetryAfter(nil, noon); got != 0 || ok {
		t.Errorf("no headers: got %v, %v", got, ok)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Fuzz(func(t *testing.T, retryAfter, reset string, unix int64) {
		header := http.Header{"Retry-After": {retryAfter}, "Ratelimit-Reset": {reset}}
		got, ok := httpx.RetryAfter(header, time.Unix(unix, 0))
		if got < 0 || got > 24*time.Hour || !ok && got != 0 {
			t.Errorf("%q, %q at %d: got %v, %v", retryAfter, reset, unix, got, ok)
		}
		if _, alone := httpx.RetryAfter(http.Header{"Ratelimit-Reset": {reset}}, time.Unix(unix, 0)); alone && !ok {
			t.Errorf("%q hides the reset %q", retryAfter, reset)
		}
	})
}
