package zoomtest

import (
	"slices"
	"strings"
)

// WithScopes gives the apps only these scopes: a call that needs another one is refused
// with code 4711, which names the missing ones. Without the option an app has all that
// the operations need: the server-to-server app those of an administrator, the one that
// users install those of a user, or with WithAdminApp of an administrator.
func WithScopes(scopes ...string) Option {
	return func(s *Server) { s.scopes = append([]string{}, scopes...) }
}

// permission is what an operation needs: one of the classic scopes or the granular one,
// for oneself or, with ":admin", for anybody.
type permission struct {
	classic  []string
	granular string
}

func permissions() map[string]permission {
	write, read := []string{"meeting:write"}, []string{"meeting:read"}
	user := []string{"user:read", "user:write"}
	return map[string]permission{
		CreateMeeting:   {write, "meeting:write:meeting"},
		ListMeetings:    {read, "meeting:read:list_meetings"},
		GetMeeting:      {read, "meeting:read:meeting"},
		UpdateMeeting:   {write, "meeting:update:meeting"},
		DeleteMeeting:   {write, "meeting:delete:meeting"},
		EndMeeting:      {write, "meeting:update:status"},
		GetInvitation:   {read, "meeting:read:invitation"},
		GetPastMeeting:  {read, "meeting:read:past_meeting"},
		GetUser:         {user, "user:read:user"},
		GetUserSettings: {user, "user:read:settings"},
	}
}

// scopesOf returns the scopes of a token.
func (s *Server) scopesOf(g *grant) []string {
	if s.scopes != nil {
		return s.scopes
	}
	var scopes []string
	for _, needs := range permissions() {
		if g.user == nil || s.adminApp {
			scopes = append(scopes, needs.granular+":admin")
		} else {
			scopes = append(scopes, needs.granular)
		}
	}
	slices.Sort(scopes)
	return scopes
}

// lacks returns the scopes that would allow the operation when the token has none of
// them; anybody means a user other than its own.
func (s *Server) lacks(g *grant, op string, anybody bool) []string {
	needs := permissions()[op]
	has := s.scopesOf(g)
	granular := []string{needs.granular, needs.granular + ":admin"}
	accepted := slices.Clone(granular)
	for _, classic := range needs.classic {
		accepted = append(accepted, classic, classic+":admin")
	}
	if anybody {
		isUsers := func(scope string) bool { return !strings.HasSuffix(scope, ":admin") }
		granular = slices.DeleteFunc(granular, isUsers)
		accepted = slices.DeleteFunc(accepted, isUsers)
	}
	if slices.ContainsFunc(accepted, func(scope string) bool { return slices.Contains(has, scope) }) {
		return nil
	}
	return granular
}
