package pagerdutytest

import (
	"net/http"
	"slices"
)

// WithAbilities sets what the account's plan can do.
func WithAbilities(names ...string) Option { return func(s *Server) { s.abilities = names } }

// WithoutBridges is the account of a plan that has no conference bridges: writing one answers 402.
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
