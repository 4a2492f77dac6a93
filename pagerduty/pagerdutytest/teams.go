package pagerdutytest

import "slices"

// member is a user in a team.
type member struct{ userID, role string }

// SetTeamRole sets a user's role in a team: "observer", "responder" or "manager". It
// makes the team and the membership when they do not exist.
func (s *Server) SetTeamRole(teamID, userID, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	others := slices.DeleteFunc(s.teams[teamID], func(m member) bool { return m.userID == userID })
	s.teams[teamID] = append(others, member{userID, role})
}

func (s *Server) listMembers(in *exchange) answer {
	team, known := s.teams[in.PathValue("id")]
	if !known {
		return refuse(404, 2100, "Not Found")
	}
	members := []any{}
	for _, one := range team {
		members = append(members, map[string]any{"user": s.userReference(one.userID), "role": one.role})
	}
	return list(in, "members", members)
}
