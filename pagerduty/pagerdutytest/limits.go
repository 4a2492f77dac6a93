package pagerdutytest

import (
	"net/http"
	"strconv"
	"time"
)

// WithRateLimit answers calls above that number a minute with 429. Without it there is no
// limit, though the headers always name PagerDuty's 960.
func WithRateLimit(perMinute int) Option { return func(s *Server) { s.perMinute = perMinute } }

// WithSilentLimit leaves the headers and the body out of a 429, as PagerDuty may.
func WithSilentLimit() Option { return func(s *Server) { s.silent = true } }

// count adds a call to the current minute.
func (s *Server) count(now time.Time) {
	if now.Sub(s.window) >= time.Minute {
		s.window, s.inWindow = now, 0
	}
	s.inWindow++
}

// limits returns the rate-limit headers; the reset is in seconds from now.
func (s *Server) limits() http.Header {
	limit := s.perMinute
	if limit == 0 {
		limit = 960
	}
	reset := time.Until(s.window.Add(time.Minute)).Round(time.Second)
	return http.Header{
		"Ratelimit-Limit":     {strconv.Itoa(limit)},
		"Ratelimit-Remaining": {strconv.Itoa(max(0, limit-s.inWindow))},
		"Ratelimit-Reset":     {strconv.Itoa(max(0, int(reset.Seconds())))},
	}
}

func (s *Server) tooMany() answer {
	if s.silent {
		none := http.Header{"Ratelimit-Limit": nil, "Ratelimit-Remaining": nil, "Ratelimit-Reset": nil}
		return answer{status: http.StatusTooManyRequests, header: none}
	}
	return refuse(429, 2020, "Rate Limit Exceeded")
}
