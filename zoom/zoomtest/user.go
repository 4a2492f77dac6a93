package zoomtest

import (
	"fmt"
	"strings"
)

// User is a Zoom user who may host meetings.
type User struct {
	ID           string
	Email        string
	Pending      bool   // has not accepted the invitation: code 1120
	OtherAccount bool   // belongs to another account: code 1010
	Unlicensed   bool   // may not host: code 3161
	NoDialIn     bool   // has no audio plan: meetings without phone numbers
	TollFree     bool   // has a plan with toll-free numbers
	UsePMI       bool   // holds all meetings under the personal id unless a request says otherwise
	PMI          string // the personal meeting id

	// Locked settings, by their JSON name, win over what a request asks for: {"waiting_room": true}.
	Locked map[string]any
}

// AddUser adds a licensed user; each change may make it another kind. It returns the user's id.
func (s *Server) AddUser(email string, changes ...func(*User)) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := &User{ID: fmt.Sprintf("zoomtest-user-%d", len(s.users)+1), Email: email}
	user.PMI = fmt.Sprint(5_550_000_000 + len(s.users))
	for _, change := range changes {
		change(user)
	}
	s.users = append(s.users, user)
	return user.ID
}

// host finds the user in a request's path, or says in Zoom's words why that one cannot host.
func (s *Server) host(name string) (*User, answer) {
	for _, user := range s.users {
		if user.ID != name && !strings.EqualFold(user.Email, name) {
			continue
		}
		switch {
		case user.OtherAccount:
			return nil, refuse(400, 1010, "User does not belong to this account: "+name+".")
		case user.Pending:
			return nil, refuse(400, 1120, "Invitation of the user is pending or expired.")
		}
		return user, answer{}
	}
	return nil, refuse(404, 1001, "User does not exist: "+name+".")
}
