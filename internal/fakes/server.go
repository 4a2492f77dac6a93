package fakes

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Any is the operation whose faults happen to every request.
const Any = "*"

// Server receives the requests of one fake. Make it with New; all methods are safe for
// concurrent use.
type Server struct {
	name    string
	mux     *http.ServeMux
	ops     []string
	arrived func(now time.Time)
	headers func() http.Header

	mu       sync.Mutex
	faults   map[string][]Fault
	requests []*Request
	late     []lateWork
	socket   *httptest.Server
}

// New returns a server without operations, for the fake of that package name.
func New(name string) *Server {
	return &Server{name: name, mux: http.NewServeMux(), faults: map[string][]Fault{}}
}

// Handle passes the requests that match the pattern of net/http to the work, under the
// operation's name; "" is for routes that the vendor does not have. Call it before the
// first request.
func (s *Server) Handle(pattern, op string, do Work) {
	s.ops = append(s.ops, op)
	s.mux.Handle(pattern, s.operation(op, do))
}

// OnArrival calls f, locked, with every request's time of arrival. Call it before the
// first request.
func (s *Server) OnArrival(f func(now time.Time)) { s.arrived = f }

// OnAnswer adds the headers that f returns, called locked, to every answer that does not
// set them, a fault's too. Call it before the first request.
func (s *Server) OnAnswer(f func() http.Header) { s.headers = f }

// Lock stops all work, after doing the late work that is due by now.
func (s *Server) Lock() {
	s.mu.Lock()
	s.doLateWork(time.Now())
}

// Unlock lets work continue.
func (s *Server) Unlock() { s.mu.Unlock() }

// Handler returns the server as a handler.
func (s *Server) Handler() http.Handler { return s.mux }

// Fault queues faults for an operation, or for Any. Each request takes the first that is
// left for its operation, else the first for Any. It panics on an operation that was not
// handled, since such a fault would never happen.
func (s *Server) Fault(op string, faults ...Fault) {
	if op != Any && (op == "" || !slices.Contains(s.ops, op)) {
		panic(s.name + ": no operation is called " + op)
	}
	s.Lock()
	defer s.Unlock()
	s.faults[op] = append(s.faults[op], faults...)
}

// ClearFaults removes all faults that have not happened yet.
func (s *Server) ClearFaults() {
	s.Lock()
	defer s.Unlock()
	clear(s.faults)
}

// nextFault uses up a fault for the operation, the zero one when there is none; the lock
// is held.
func (s *Server) nextFault(op string) Fault {
	for _, queue := range []string{op, Any} {
		for len(s.faults[queue]) > 0 {
			first := &s.faults[queue][0]
			if first.times <= 0 {
				s.faults[queue] = s.faults[queue][1:]
				continue
			}
			first.times--
			return *first
		}
	}
	return Fault{}
}

// Request is a request that arrived.
type Request struct {
	Op     string
	Method string
	Host   string
	Path   string // escaped, as it was sent
	Query  url.Values
	Header http.Header
	Body   []byte
	Status int // 0: not answered, or not yet
	At     time.Time
}

// Requests returns what arrived, oldest first: everything, or only the given operations.
func (s *Server) Requests(ops ...string) []Request {
	s.Lock()
	defer s.Unlock()
	var requests []Request
	for _, request := range s.requests {
		if len(ops) == 0 || slices.Contains(ops, request.Op) {
			requests = append(requests, *request)
		}
	}
	return requests
}

// Arrived returns how many requests have arrived so far; the lock must be held.
func (s *Server) Arrived() int { return len(s.requests) }

// operation returns what every request goes through: log, fault, work, answer.
func (s *Server) operation(op string, do Work) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		in := &Exchange{Request: r, Content: content, Now: time.Now()}
		entry, fault := s.logArrival(op, in)
		out, answered := fault.apply(s, in, do) //nolint:contextcheck // the exchange has its request
		if !answered {
			cut(w, true)
			return
		}
		fault.write(w, s.finish(entry, out))
	})
}

func (s *Server) logArrival(op string, in *Exchange) (*Request, Fault) {
	entry := &Request{
		Op:     op,
		Method: in.Method,
		Host:   in.Host,
		Path:   in.URL.EscapedPath(),
		Query:  in.URL.Query(),
		Header: in.Header.Clone(),
		Body:   bytes.Clone(in.Content),
		At:     in.Now,
	}
	s.Lock()
	defer s.Unlock()
	s.requests = append(s.requests, entry)
	if s.arrived != nil {
		s.arrived(in.Now)
	}
	return entry, s.nextFault(op)
}

// process runs the work on the state as it is now.
func (s *Server) process(in *Exchange, do Work) Answer {
	s.Lock()
	defer s.Unlock()
	in.Now = time.Now()
	return do(in)
}

// finish logs the answer and completes its headers.
func (s *Server) finish(entry *Request, out Answer) Answer {
	s.Lock()
	defer s.Unlock()
	entry.Status = out.Status
	if s.headers != nil {
		header := s.headers()
		maps.Copy(header, out.Header)
		out.Header = header
	}
	return out
}
