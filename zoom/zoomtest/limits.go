package zoomtest

import (
	"net/http"
	"strconv"
	"time"
)

// The labels by which Zoom counts calls.
const (
	light  = "Light"
	medium = "Medium"
)

func labelOf(op string) string {
	if op == ListMeetings || op == GetUserSettings {
		return medium
	}
	return light
}

// WithRateLimit answers calls above that number of one label in a second with 429 and
// X-RateLimit-Type QPS: listing and settings are Medium, everything else is Light.
// Without it there is no limit, though the headers always name the 80 and 60 of a
// business account.
func WithRateLimit(perSecond int) Option { return func(s *Server) { s.perSecond = perSecond } }

// WithDailyCalls answers calls above that number of the account in a UTC day with 429 and
// X-RateLimit-Type Daily-limit. Without it there is no such limit.
func WithDailyCalls(n int) Option { return func(s *Server) { s.perDay = n } }

// WithRetryAfter sets how a 429 writes Retry-After, from the time when the limit ends; ""
// leaves the header out. By default a daily limit has an ISO 8601 date-time and a limit
// per second no header, as Zoom has been seen to send them. The limit of a host,
// WithDailyLimit, never has the header.
func WithRetryAfter(write func(until time.Time) string) Option {
	return func(s *Server) { s.retryAfter = write }
}

// limited counts the call, rejects it above a limit, and adds the rate-limit headers to
// the answer.
func (s *Server) limited(op string, do work) work {
	return func(in *exchange) answer {
		label, now := labelOf(op), in.Now.UTC()
		inSecond := s.count(label, now.Truncate(time.Second))
		today := s.count("day", now.Truncate(24*time.Hour))

		limit := map[string]int{light: 80, medium: 60}[label]
		if s.perSecond > 0 {
			limit = s.perSecond
		}
		header := http.Header{
			"X-Ratelimit-Category":  {label},
			"X-Ratelimit-Type":      {"QPS"},
			"X-Ratelimit-Limit":     {strconv.Itoa(limit)},
			"X-Ratelimit-Remaining": {strconv.Itoa(max(0, limit-inSecond))},
		}
		var out answer
		switch {
		case s.perDay > 0 && today > s.perDay:
			out = refuse(429, 429, "You have reached the maximum daily rate limit for this API.")
			header.Set("X-Ratelimit-Type", "Daily-limit")
			header.Set("X-Ratelimit-Limit", strconv.Itoa(s.perDay))
			header.Set("X-Ratelimit-Remaining", "0")
			s.setRetryAfter(header, now.Truncate(24*time.Hour).Add(24*time.Hour), isoTime)
		case s.perSecond > 0 && inSecond > limit:
			out = refuse(429, 429, "You have reached the maximum per-second rate limit for this API.")
			s.setRetryAfter(header, now.Truncate(time.Second).Add(time.Second), noTime)
		default:
			out = do(in)
		}
		if out.Header == nil {
			out.Header = http.Header{}
		}
		for key, values := range header {
			if _, set := out.Header[key]; !set {
				out.Header[key] = values
			}
		}
		return out
	}
}

// window counts the calls since it began.
type window struct {
	start time.Time
	calls int
}

func (s *Server) count(what string, start time.Time) int {
	now := s.windows[what]
	if !now.start.Equal(start) {
		now = window{start: start}
	}
	now.calls++
	s.windows[what] = now
	return now.calls
}

func (s *Server) setRetryAfter(header http.Header, until time.Time, write func(time.Time) string) {
	if s.retryAfter != nil {
		write = s.retryAfter
	}
	if value := write(until); value != "" {
		header.Set("Retry-After", value)
	}
}

func isoTime(t time.Time) string { return t.Format(zoomTime) }

func noTime(time.Time) string { return "" }

// countChange counts a create or an update of the host, and returns the refusal when the
// day's are used up: without Retry-After and X-RateLimit-Type, as Zoom has been seen to
// send it.
func (s *Server) countChange(host *User, now time.Time) (refusal answer, refused bool) {
	day := host.ID + now.UTC().Format(" "+time.DateOnly)
	if s.creates[day] < s.dailyLimit {
		s.creates[day]++
		return answer{}, false
	}
	out := refuse(429, 429, "A maximum of "+strconv.Itoa(s.dailyLimit)+
		" meetings can be created/updated for a single user in one day.")
	out.Header = http.Header{"X-Ratelimit-Type": nil, "X-Ratelimit-Limit": nil, "X-Ratelimit-Remaining": nil}
	return out, true
}
