package pagerdutytest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// caller is what a request's credentials belong to.
type caller struct {
	user     *User    // nil: an account's key or an app's token
	readOnly bool     // a key that may not write
	scopes   []string // of a token
	limited  bool     // to the scopes
}

// UserKey returns an API key of the user with that id. It needs no From. It panics when
// there is no such user.
func (s *Server) UserKey(userID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.user(userID) == nil {
		panic("pagerdutytest: no user has the id " + userID)
	}
	return s.keep("u+"+userID, &caller{user: s.user(userID)})
}

// ReadOnlyKey returns an account's API key that may only read.
func (s *Server) ReadOnlyKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keep("read-only", &caller{readOnly: true})
}

func (s *Server) keep(key string, who *caller) string {
	s.keys[key] = who
	return key
}

// caller returns nil for bad credentials. Those of one region are unknown at the other's
// host; any third host, such as a loopback one, serves both.
func (s *Server) caller(in *exchange) *caller {
	otherHost := map[string]string{"us": "api.eu.pagerduty.com", "eu": "api.pagerduty.com"}[s.region]
	if in.Host == otherHost {
		return nil
	}
	authorization := in.Header.Get("Authorization")
	if key, isKey := strings.CutPrefix(authorization, "Token token="); isKey {
		return s.keys[key]
	}
	bearer, _ := strings.CutPrefix(authorization, "Bearer ")
	token := s.tokens[bearer]
	if token == nil || !in.now.Before(token.end) {
		return nil
	}
	return &caller{user: token.grant.user, scopes: token.grant.scopes, limited: true}
}

// admit returns the refusal, or nil when the caller may do what the operation needs.
func (s *Server) admit(in *exchange, n needs) *answer {
	who, writes := s.caller(in), in.Method != http.MethodGet
	refused := func(out answer) *answer { return &out }
	switch {
	case who == nil:
		return refused(refuse(401, 2006, "Authentication failed"))
	case who.limited && n.scope != "" && !slices.Contains(who.scopes, n.scope):
		return refused(refuse(403, 2010, "Access Denied", "The token lacks a scope"))
	case who.readOnly && writes:
		return refused(refuse(403, 2010, "Access Denied", "The key may only read"))
	case !writes:
		return nil
	}
	from := in.Header.Get("From")
	in.writer = who.user
	if in.writer == nil {
		in.writer = s.userByEmail(from)
	}
	switch {
	case n.from && in.writer == nil && from == "":
		return refused(invalidInput("Requester User Not Found"))
	case n.from && in.writer == nil:
		return refused(refuse(400, 1008, "Requester User Not Found"))
	case in.writer != nil && strings.HasPrefix(in.writer.Role, "read_only"):
		return refused(refuse(403, 1018, "Requester Not Authorized"))
	case len(in.body) > 0 && !json.Valid(in.body):
		return refused(invalidInput("The body is not JSON"))
	}
	return nil
}
