package zoomtest

import (
	"net/http"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
)

// The operations of the fake, as Fault and Requests name them.
const (
	Authorize       = "authorize" // the page where somebody consents
	GiveToken       = "give_token"
	RevokeToken     = "revoke_token"
	CreateMeeting   = "create_meeting"
	ListMeetings    = "list_meetings"
	GetMeeting      = "get_meeting"
	UpdateMeeting   = "update_meeting"
	EndMeeting      = "end_meeting"
	DeleteMeeting   = "delete_meeting"
	GetInvitation   = "get_invitation"
	GetPastMeeting  = "get_past_meeting" // GET /past_meetings/{id or UUID}
	GetUser         = "get_user"
	GetUserSettings = "get_user_settings"
	Any             = fakes.Any // every operation
)

// Server is a fake Zoom. Make it with New.
type Server struct {
	fake *fakes.Server // its lock guards the state below

	// Set by options, not changed afterwards.
	apiURL         string
	joinURL        string
	tokenLife      time.Duration
	dailyLimit     int
	listLag        time.Duration
	perSecond      int
	perDay         int
	retryAfter     func(until time.Time) string
	scopes         []string // nil: all that the operations need
	redirectURIs   []string // nil: any
	consentPage    bool
	adminApp       bool // the app that users install is an account-level one
	reuseDetection bool
	webhookSecret  string

	users    []*User
	visitor  *User // who consents
	meetings []*meeting
	grants   []*grant
	minted   int
	creates  map[string]int       // host id and UTC day -> creates and updates
	windows  map[string]window    // rate label, or "day"
	pages    map[string]time.Time // page token -> its end
	turns    map[string]int       // what is sent in several shapes, in turn
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

// WithAPIURL puts api_url into token answers, as Zoom does to name a regional host. The
// default is none.
func WithAPIURL(url string) Option { return func(s *Server) { s.apiURL = url } }

// WithJoinURL sets what a join_url begins with, "https://zoom.us/j" by default; "/" and
// the meeting id follow.
func WithJoinURL(base string) Option {
	return func(s *Server) { s.joinURL = strings.TrimRight(base, "/") }
}

// WithTokenLife sets how long an access token is valid, 3599 seconds by default.
func WithTokenLife(life time.Duration) Option { return func(s *Server) { s.tokenLife = life } }

// WithDailyLimit sets how many creates and updates a host may have in one UTC day, 100 by
// default.
func WithDailyLimit(n int) Option { return func(s *Server) { s.dailyLimit = n } }

// WithListLag hides a new meeting from lists for a while; reading it by id works at once.
func WithListLag(lag time.Duration) Option { return func(s *Server) { s.listLag = lag } }

// New returns a fake Zoom without users. Close it when URL was used.
func New(opts ...Option) *Server {
	s := &Server{
		fake:          fakes.New("zoomtest"),
		joinURL:       "https://zoom.us/j",
		tokenLife:     3599 * time.Second,
		dailyLimit:    100,
		webhookSecret: "zoomtest-webhook-secret",
		creates:       map[string]int{},
		windows:       map[string]window{},
		pages:         map[string]time.Time{},
		turns:         map[string]int{},
	}
	for _, opt := range opts {
		opt(s)
	}
	s.fake.Handle("GET /oauth/authorize", Authorize, s.authorizePage)
	s.fake.Handle("POST /oauth/authorize", Authorize, s.authorizePage)
	s.fake.Handle("POST /oauth/token", GiveToken, s.tracked(s.giveToken))
	s.fake.Handle("POST /oauth/revoke", RevokeToken, s.tracked(s.revokeToken))
	s.api("POST /v2/users/{user}/meetings", CreateMeeting, s.createMeeting)
	s.api("GET /v2/users/{user}/meetings", ListMeetings, s.listMeetings)
	s.api("GET /v2/meetings/{meeting}", GetMeeting, s.getMeeting)
	s.api("PATCH /v2/meetings/{meeting}", UpdateMeeting, s.updateMeeting)
	s.api("PUT /v2/meetings/{meeting}/status", EndMeeting, s.putStatus)
	s.api("DELETE /v2/meetings/{meeting}", DeleteMeeting, s.deleteMeeting)
	s.api("GET /v2/meetings/{meeting}/invitation", GetInvitation, s.getInvitation)
	s.api("GET /v2/past_meetings/{meeting}", GetPastMeeting, s.getPastMeeting)
	s.api("GET /v2/users/{user}", GetUser, s.getUser)
	s.api("GET /v2/users/{user}/settings", GetUserSettings, s.getSettings)
	s.fake.Handle("/", "", s.tracked(func(*exchange) answer { return refuse(404, 1500, "No such route.") }))
	return s
}

// Handler returns the fake as a handler: "/v2" is the API, "/oauth" the authorize page
// and the token endpoint.
func (s *Server) Handler() http.Handler { return s.fake.Handler() }

// Transport returns a RoundTripper that answers every request from the fake, in memory
// and in the caller's goroutine.
func (s *Server) Transport() http.RoundTripper { return s.fake.Transport() }

// URL returns the base of the fake on a loopback socket, which the first call opens.
func (s *Server) URL() string { return s.fake.URL() }

// Close closes the socket that URL opened, if it did, and every connection to it.
func (s *Server) Close() { s.fake.Close() }

// turn counts the uses of something that is sent in several shapes, so that they are sent
// in turn.
func (s *Server) turn(what string) int {
	s.turns[what]++
	return s.turns[what] - 1
}
