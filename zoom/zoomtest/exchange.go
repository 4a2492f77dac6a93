package zoomtest

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
	"time"
)

// Request is a request that reached the fake.
type Request struct {
	Op     string // Create, List, ...; "" for a route that Zoom does not have
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
		out, answered := fault.play(s, in, do)
		if answered {
			s.mu.Lock()
			entry.Status = out.status
			s.mu.Unlock()
			fault.write(w, out)
			return
		}
		cut(w, true)
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
	return entry, s.takeFault(op)
}

// process runs the work on the state as it is now.
func (s *Server) process(in *exchange, do work) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	in.now = time.Now()
	s.settle(in.now)
	return s.stamp(do(in))
}

// stamp adds the headers that Zoom puts on every answer.
func (s *Server) stamp(out answer) answer {
	if out.header == nil {
		out.header = http.Header{}
	}
	out.header.Set("X-Zm-Trackingid", "v=2.0;clid=fake;rid=WEB_"+strconv.Itoa(len(s.requests)))
	if out.header.Get("X-Ratelimit-Category") == "" {
		out.header.Set("X-Ratelimit-Category", "Light")
	}
	return out
}

func reply(status int, body any) answer {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("zoomtest: %v", err)) // only the fake's own values come here
	}
	return answer{status: status, body: raw}
}

// refuse is an API error in Zoom's shape, with a list of bad fields where there are any.
func refuse(status, code int, message string, fields ...badField) answer {
	return reply(status, struct {
		Code    int        `json:"code"`
		Message string     `json:"message"`
		Errors  []badField `json:"errors,omitempty"`
	}{code, message, fields})
}

type badField struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func (out answer) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), out.header)
	if len(out.body) > 0 && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", contentType(out.body))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(out.body)))
	if out.status == http.StatusNoContent {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(out.status)
}

func contentType(body []byte) string {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return "text/html;charset=UTF-8"
	}
	return "application/json;charset=UTF-8"
}
