package pagerdutytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Request is a request that reached the fake.
type Request struct {
	Op     string // GetIncident, UpdateIncident, ...; "" for a route that the fake does not have
	Method string
	Host   string
	Path   string // escaped, as it was sent
	Query  url.Values
	Header http.Header
	Body   []byte
	Status int // 0: not answered, or not yet
	At     time.Time
}

// Requests returns what reached the fake, oldest first: everything, or only the given operations.
func (s *Server) Requests(ops ...string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var requests []Request
	for _, request := range s.requests {
		if len(ops) == 0 || slices.Contains(ops, request.Op) {
			requests = append(requests, *request)
		}
	}
	return requests
}

// exchange is a request on its way through the fake.
type exchange struct {
	*http.Request
	body []byte
	now  time.Time // when it is worked on, which a Late fault puts off
}

// answer is what an operation says.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// work does an operation on the fake's state; the lock is held.
type work func(*exchange) answer

// operation is the way of every request: log, fault, work, answer.
func (s *Server) operation(op string, do work) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		in := &exchange{Request: r, body: body, now: time.Now()}
		entry, fault := s.arrive(op, in)
		out, answered := fault.play(s, in, s.allowed(do))
		if !answered {
			cut(w, true)
			return
		}
		s.leave(entry, &out)
		fault.write(w, out)
	})
}

func (s *Server) arrive(op string, in *exchange) (*Request, Fault) {
	entry := &Request{
		Op:     op,
		Method: in.Method,
		Host:   in.Host,
		Path:   in.URL.EscapedPath(),
		Query:  in.URL.Query(),
		Header: in.Header.Clone(),
		Body:   bytes.Clone(in.body),
		At:     in.now,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, entry)
	s.count(in.now)
	return entry, s.takeFault(op)
}

// leave completes the log and adds the headers that PagerDuty puts on every answer, good or bad.
func (s *Server) leave(entry *Request, out *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Status = out.status
	header := s.limits()
	maps.Copy(header, out.header)
	out.header = header
}

// process runs the work on the state as it is now.
func (s *Server) process(in *exchange, do work) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	in.now = time.Now()
	s.settle(in.now)
	return do(in)
}

// allowed puts before an operation what PagerDuty checks for all of them.
func (s *Server) allowed(do work) work {
	return func(in *exchange) answer {
		switch {
		case in.Header.Get("Authorization") != "Token token="+s.key:
			return refuse(401, 2006, "Authentication failed")
		case s.perMinute > 0 && s.inWindow > s.perMinute:
			return refuse(429, 2020, "Rate Limit Exceeded")
		case in.Method == http.MethodGet:
			return do(in)
		}
		writer := s.userByEmail(in.Header.Get("From"))
		switch {
		case in.Header.Get("From") == "":
			return invalidInput("Requester User Not Found")
		case writer == nil:
			return refuse(400, 1008, "Requester User Not Found")
		case strings.HasPrefix(writer.Role, "read_only"):
			return refuse(403, 1018, "Requester Not Authorized")
		case !json.Valid(in.body):
			return invalidInput("The body is not JSON")
		}
		return do(in)
	}
}

// count adds a call to the running minute.
func (s *Server) count(now time.Time) {
	if now.Sub(s.window) >= time.Minute {
		s.window, s.inWindow = now, 0
	}
	s.inWindow++
}

// limits are the rate-limit headers; the reset is in seconds from now.
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

func reply(body any) answer {
	return answer{status: http.StatusOK, body: encode(body)}
}

// refuse is an API error in PagerDuty's ordinary shape.
func refuse(status, code int, message string, reasons ...string) answer {
	return answer{status: status, body: []byte(ErrorBody(code, message, reasons...))}
}

func invalidInput(reason string) answer { return refuse(400, 2001, "Invalid Input Provided", reason) }

// ErrorBody is an error body in PagerDuty's ordinary shape, for Answer and Mask. Without reasons it has no "errors", as
// a 429 has none.
func ErrorBody(code int, message string, reasons ...string) string {
	type inner struct {
		Message string   `json:"message"`
		Code    int      `json:"code"`
		Errors  []string `json:"errors,omitempty"`
	}
	return string(encode(map[string]inner{"error": {message, code, reasons}}))
}

// encode writes JSON as PagerDuty does, with "&" left as it is.
func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("pagerdutytest: %v", err)) // only the fake's own values come here
	}
	return bytes.TrimSpace(b.Bytes())
}

func (out answer) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), out.header)
	if len(out.body) > 0 && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", contentType(out.body))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(out.body)))
	w.WriteHeader(out.status)
}

func contentType(body []byte) string {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return "text/html; charset=utf-8"
	}
	return "application/json; charset=utf-8"
}
