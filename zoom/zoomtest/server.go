package zoomtest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// The operations of the fake, as Fault and Requests name them.
const (
	Token  = "token"
	Create = "create"
	List   = "list"
	Get    = "get"
	End    = "end"
	Delete = "delete"
	Any    = "*" // every operation
)

// Server is a fake Zoom. Make it with New.
type Server struct {
	mux *http.ServeMux

	// Set by options, not changed afterwards.
	apiURL     string
	joinURL    string
	tokenLife  time.Duration
	dailyLimit int
	listLag    time.Duration

	mu       sync.Mutex
	users    []*User
	meetings []*meeting
	tokens   map[string]time.Time // access token -> its end
	minted   int
	creates  map[string]int // host id and UTC day -> creates
	faults   map[string][]Fault
	requests []*Request
	late     []lateWork
	socket   *httptest.Server
}

// Option changes one thing about a Server.
type Option func(*Server)

// WithUsers adds licensed users by e-mail address; see AddUser for other kinds.
func WithUsers(emails ...string) Option {
	return func(s *Server) {
		for _, email := range emails {
			s.AddUser(email)
		}
	}
}

// WithAPIURL puts api_url into token answers, as Zoom does to name a regional host. The default is none.
func WithAPIURL(url string) Option { return func(s *Server) { s.apiURL = url } }

// WithJoinURL sets what a join_url begins with, "https://zoom.us/j" by default; "/" and the meeting id follow.
func WithJoinURL(base string) Option {
	return func(s *Server) { s.joinURL = strings.TrimRight(base, "/") }
}

// WithTokenLife sets how long an access token is good for, 3599 seconds by default.
func WithTokenLife(life time.Duration) Option { return func(s *Server) { s.tokenLife = life } }

// WithDailyLimit sets how many meetings a host may create in one UTC day, 100 by default.
func WithDailyLimit(n int) Option { return func(s *Server) { s.dailyLimit = n } }

// WithListLag hides a new meeting from lists for a while; reading it by id works at once.
func WithListLag(lag time.Duration) Option { return func(s *Server) { s.listLag = lag } }

// New returns a fake Zoom without users. Close it when URL was used.
func New(opts ...Option) *Server {
	s := &Server{
		mux:        http.NewServeMux(),
		joinURL:    "https://zoom.us/j",
		tokenLife:  3599 * time.Second,
		dailyLimit: 100,
		tokens:     map[string]time.Time{},
		creates:    map[string]int{},
		faults:     map[string][]Fault{},
	}
	for _, opt := range opts {
		opt(s)
	}
	s.mux.Handle("POST /oauth/token", s.operation(Token, s.mintToken))
	s.mux.Handle("POST /v2/users/{user}/meetings", s.operation(Create, s.authorized(s.createMeeting)))
	s.mux.Handle("GET /v2/users/{user}/meetings", s.operation(List, s.authorized(s.listMeetings)))
	s.mux.Handle("GET /v2/meetings/{meeting}", s.operation(Get, s.authorized(s.getMeeting)))
	s.mux.Handle("PUT /v2/meetings/{meeting}/status", s.operation(End, s.authorized(s.putStatus)))
	s.mux.Handle("DELETE /v2/meetings/{meeting}", s.operation(Delete, s.authorized(s.deleteMeeting)))
	s.mux.Handle("/", s.operation("", func(*exchange) answer { return refuse(404, 1500, "No such route.") }))
	return s
}

// AccountCredentials returns the account id, client id and client secret that the fake accepts.
func (s *Server) AccountCredentials() (accountID, clientID, clientSecret string) {
	return account, client, secret
}

// Handler returns the fake as a handler: "/v2" is the API, "/oauth" the token endpoint.
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
