package pagerdutytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
)

// Request is a request that reached the fake. Its Op is "" for a route that the fake does
// not have.
type Request = fakes.Request

// Requests returns what reached the fake, oldest first: everything, or only the given
// operations.
func (s *Server) Requests(ops ...string) []Request { return s.fake.Requests(ops...) }

// exchange is a request that the fake works on.
type exchange struct {
	*http.Request
	body   []byte
	now    time.Time // when it is worked on, which a Late fault delays
	writer *User     // whom a write is made as; may be nil
}

// answer is the response of an operation.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	refusal *refusal // replaces the body
}

// work carries out an operation on the fake's state; the lock is held.
type work func(*exchange) answer

// needs is what an operation requires of its caller.
type needs struct {
	scope string // of a token
	from  bool   // a user to write as, unless the credentials are a user's
}

// handle passes the requests of a route to the work when the caller is allowed.
func (s *Server) handle(pattern, op string, n needs, do work) {
	s.handleOpen(pattern, op, func(in *exchange) answer {
		if s.perMinute > 0 && s.inWindow > s.perMinute {
			return s.tooMany()
		}
		if refused := s.admit(in, n); refused != nil {
			return *refused
		}
		return do(in)
	})
}

// handleOpen passes the requests of a route to the work, for any caller.
func (s *Server) handleOpen(pattern, op string, do work) {
	s.fake.Handle(pattern, op, func(in *fakes.Exchange) fakes.Answer {
		out := do(&exchange{Request: in.Request, body: in.Content, now: in.Now})
		if out.refusal != nil {
			out.body = []byte(out.refusal.body(s.shape))
		}
		return fakes.Answer{Status: out.status, Header: out.header, Body: out.body}
	})
}

func reply(body any) answer {
	return answer{status: http.StatusOK, body: encode(body)}
}

// list returns one page of a list.
func list(in *exchange, name string, entries []any) answer {
	query := in.URL.Query()
	limit, offset := page(query.Get("limit"), 25), page(query.Get("offset"), 0)
	if limit < 1 || limit > 100 || offset < 0 || limit+offset > 10000 {
		return invalidInput("Limit or offset is invalid")
	}
	from, to := min(offset, len(entries)), min(offset+limit, len(entries))
	return reply(map[string]any{
		name: append([]any{}, entries[from:to]...), "limit": limit, "offset": offset, "more": to < len(entries), "total": nil,
	})
}

func page(value string, fallback int) int {
	if value == "" {
		return fallback
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return -1
	}
	return n
}

// encode returns JSON as PagerDuty writes it, with "&" as it is.
func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("pagerdutytest: %v", err)) // only the fake's own values come here
	}
	return bytes.TrimSpace(b.Bytes())
}
