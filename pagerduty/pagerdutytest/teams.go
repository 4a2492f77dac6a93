package pagerdutytest

// member is a user in a team.
type member struct{ userID, role string }

// SetTeamRole puts a user into a team, with the role "observer", "responder" or "manager" there. The team comes to be
// with its first member.
func (s *Server) SetTeamRole(teamID, userID, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.teams[teamID] = append(s.teams[teamID], member{userID, role})
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
