package pagerdutytest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// The operations of the fake, as Fault and Requests name them.
const (
	GetIncident    = "get_incident"
	UpdateIncident = "update_incident" // PUT /incidents/{id}, the write of a bridge
	AddNote        = "add_note"
	ListNotes      = "list_notes"
	GetUser        = "get_user"
	GetSelf        = "get_self" // GET /users/me
	ListUsers      = "list_users"
	Any            = "*" // every operation
)

// Server is a fake PagerDuty account. Make it with New.
type Server struct {
	mux *http.ServeMux

	// Set by options, not changed afterwards.
	key         string
	secret      string
	perMinute   int
	checkNumber func(number string) bool

	mu        sync.Mutex
	minted    int // ids given out so far
	users     []*User
	incidents []*Incident
	bareReads int       // reads of an incident that has no bridge
	window    time.Time // start of the running rate-limit minute
	inWindow  int       // calls in it
	faults    map[string][]Fault
	requests  []*Request
	late      []lateWork
	socket    *httptest.Server
}

const from = "oncall@example.com"

// Option changes one thing about a Server.
type Option func(*Server)

// WithKey sets the API key that is accepted.
func WithKey(key string) Option { return func(s *Server) { s.key = key } }

// WithSecret sets the secret that signs webhooks.
func WithSecret(secret string) Option { return func(s *Server) { s.secret = secret } }

// WithUsers adds managers by e-mail address; see AddUser for other roles.
func WithUsers(emails ...string) Option {
	return func(s *Server) {
		for _, email := range emails {
			s.AddUser(email)
		}
	}
}

// WithRateLimit turns away, with 429, whatever comes above so many calls a minute. Without it nothing is turned away,
// though the headers always tell of PagerDuty's 960.
func WithRateLimit(perMinute int) Option { return func(s *Server) { s.perMinute = perMinute } }

// WithNumberCheck refuses, with 400, a conference number that accept does not like. Without it every number is taken.
func WithNumberCheck(accept func(number string) bool) Option {
	return func(s *Server) { s.checkNumber = accept }
}

// NoStar is a check for WithNumberCheck that does not like "*", the key before Zoom's phone passcode.
func NoStar(number string) bool { return !strings.Contains(number, "*") }

// New returns a fake account with one user, the manager whose address is From, and no incident. Close it when URL was
// used.
func New(opts ...Option) *Server {
	s := &Server{
		mux:         http.NewServeMux(),
		key:         "y_NbAkKc66ryYTWUXYEu",
		secret:      "pagerdutytest/webhook+secret==",
		checkNumber: func(string) bool { return true },
		faults:      map[string][]Fault{},
	}
	s.AddUser(from)
	for _, opt := range opts {
		opt(s)
	}
	s.mux.Handle("GET /incidents/{id}", s.operation(GetIncident, s.getIncident))
	s.mux.Handle("PUT /incidents/{id}", s.operation(UpdateIncident, s.updateIncident))
	s.mux.Handle("POST /incidents/{id}/notes", s.operation(AddNote, s.addNote))
	s.mux.Handle("GET /incidents/{id}/notes", s.operation(ListNotes, s.listNotes))
	s.mux.Handle("GET /users/{id}", s.operation(GetUser, s.getUser))
	s.mux.Handle("GET /users/me", s.operation(GetSelf, s.getSelf))
	s.mux.Handle("GET /users", s.operation(ListUsers, s.listUsers))
	s.mux.Handle("/", s.operation("", func(*exchange) answer { return refuse(404, 2100, "Not Found") }))
	return s
}

// Key returns the API key that is accepted.
func (s *Server) Key() string { return s.key }

// From returns the address of the user that every fake has, to write as.
func (s *Server) From() string { return from }

// Secret returns the secret that signs webhooks.
func (s *Server) Secret() string { return s.secret }

// Handler returns the fake as a handler, with the REST API at its root.
func (s *Server) Handler() http.Handler { return s.mux }

// Transport returns a RoundTripper that answers every request from the fake, in memory and in the caller's goroutine.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

// URL returns the base of the fake on a loopback socket, which the first call opens.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket == nil {
		s.socket = httptest.NewServer(s.mux)
	}
	return s.socket.URL
}

// Close closes the socket that URL opened, if it did, and every connection to it.
func (s *Server) Close() {
	s.mu.Lock()
	socket := s.socket
	s.mu.Unlock()
	if socket != nil {
		socket.CloseClientConnections()
		socket.Close()
	}
}
