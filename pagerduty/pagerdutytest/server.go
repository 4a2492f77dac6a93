package pagerdutytest

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
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
	ListMembers    = "list_members" // of a team
	ListAbilities  = "list_abilities"
	GetAbility     = "get_ability"

	ListSubscriptions  = "list_subscriptions"
	CreateSubscription = "create_subscription"
	GetSubscription    = "get_subscription"
	UpdateSubscription = "update_subscription"
	EnableSubscription = "enable_subscription"
	PingSubscription   = "ping_subscription"
	DeleteSubscription = "delete_subscription"

	ListExtensionSchemas = "list_extension_schemas"
	ListExtensions       = "list_extensions"
	CreateExtension      = "create_extension"
	EnableExtension      = "enable_extension"
	DeleteExtension      = "delete_extension"

	Authorize = "authorize"  // /oauth/authorize, the page where somebody consents
	GiveToken = "give_token" // POST /oauth/token

	Any = fakes.Any // every operation
)

// Server is a fake PagerDuty account. Make it with New.
type Server struct {
	fake *fakes.Server

	// Set by options, not changed afterwards.
	key          string
	secret       string
	region       string
	accountID    string
	perMinute    int
	silent       bool // a 429 has no headers and no body
	bridgeless   bool
	frozen       bool // resolved incidents accept no bridge
	shape        ErrorShape
	abilities    []string
	appScopes    []string
	redirectURIs []string // nil: any
	consentPage  bool
	checkNumber  func(number string) bool

	mu        sync.Locker // the fake's: late work that is due is done first
	minted    int         // ids given out so far
	users     []*User
	incidents []*Incident
	teams     map[string][]member
	bareReads int       // reads of an incident that has no bridge
	window    time.Time // start of the current rate-limit minute
	inWindow  int       // calls in it

	keys      map[string]*caller
	signedIn  *User
	codes     map[string]*code
	tokens    map[string]*token // access tokens
	refreshes map[string]*token

	subscriptions []*receiver
	extensions    []*receiver
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

// WithResolvedFrozen refuses to write a bridge to a resolved incident, which is otherwise
// allowed. PagerDuty's documents leave it open.
func WithResolvedFrozen() Option { return func(s *Server) { s.frozen = true } }

// WithNumberCheck refuses, with 400, a conference number for which accept returns false.
// Without it any is accepted.
func WithNumberCheck(accept func(number string) bool) Option {
	return func(s *Server) { s.checkNumber = accept }
}

// NoStar is a check for WithNumberCheck that rejects "*", the key before Zoom's phone
// passcode.
func NoStar(number string) bool { return !strings.Contains(number, "*") }

// New returns a fake account with one user, the manager whose address is From, and no
// incident. Close it when URL was used.
func New(opts ...Option) *Server {
	fake := fakes.New("pagerdutytest")
	s := &Server{
		fake:        fake,
		mu:          fake,
		key:         "y_NbAkKc66ryYTWUXYEu",
		secret:      "pagerdutytest/webhook+secret==",
		region:      "us",
		accountID:   "PACCOUNT",
		checkNumber: func(string) bool { return true },
		abilities:   []string{"teams", "read_only_users", "service_support_hours", "urgencies"},
		appScopes:   scopes(),
		teams:       map[string][]member{},
		keys:        map[string]*caller{},
		codes:       map[string]*code{},
		tokens:      map[string]*token{},
		refreshes:   map[string]*token{},
	}
	fake.OnArrival(s.count)
	fake.OnAnswer(s.limits)
	s.AddUser(from)
	s.signedIn = s.users[0]
	for _, opt := range opts {
		opt(s)
	}
	s.keys[s.key] = &caller{}
	s.route()
	return s
}

// Key returns the API key that is accepted.
func (s *Server) Key() string { return s.key }

// From returns the address of the user that every fake has, to write as.
func (s *Server) From() string { return from }

// Secret returns the secret that signs webhooks.
func (s *Server) Secret() string { return s.secret }

// Handler returns the fake as a handler, with the REST API at its root.
func (s *Server) Handler() http.Handler { return s.fake.Handler() }

// Transport returns a RoundTripper that answers every request from the fake, in memory
// and in the caller's goroutine.
func (s *Server) Transport() http.RoundTripper { return s.fake.Transport() }

// URL returns the base of the fake on a loopback socket, which the first call opens.
func (s *Server) URL() string { return s.fake.URL() }

// Close closes the socket that URL opened, if it did, and every connection to it.
func (s *Server) Close() { s.fake.Close() }
