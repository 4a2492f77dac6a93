package pagerdutytest

import (
	"net/http"
	"slices"
)

// WithAbilities sets the abilities of the account's plan.
func WithAbilities(names ...string) Option { return func(s *Server) { s.abilities = names } }

// WithoutBridges makes the plan one without conference bridges: writing one is answered
// with 402.
func WithoutBridges() Option { return func(s *Server) { s.bridgeless = true } }

func (s *Server) listAbilities(*exchange) answer {
	return reply(map[string]any{"abilities": append([]string{}, s.abilities...)})
}

func (s *Server) getAbility(in *exchange) answer {
	if !slices.Contains(s.abilities, in.PathValue("id")) {
		return refuse(402, 2014, "Account does not have the abilities to perform the action", in.PathValue("id"))
	}
	return answer{status: http.StatusNoContent}
}
