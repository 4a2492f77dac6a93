package zoomtest

import (
	"fmt"
	"strconv"
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
	AtOnce       int    // meetings that may run at a time, which no create checks; 0: any number

	// Locked settings, by their JSON name, override those of a request: {"waiting_room":
	// true}.
	Locked map[string]any

	// Further fields of GET /users/{id}/settings.
	Concurrent string // Basic, Plus or None; "" is None
	NoPhoneKey bool   // callers by phone type no passcode
	Role       string // "Owner", "Admin", "Member" or one that the account made; "" is Member
}

func (u *User) role() string { return orElse(u.Role, "Member") }

// roleID returns the number of a role that every account has, else an id like those of
// custom roles.
func (u *User) roleID() string {
	switch u.role() {
	case "Owner":
		return "0"
	case "Admin":
		return "1"
	case "Member":
		return "2"
	}
	return "RoOtAbCdEfGhIjKlMnOpQr"
}

func (u *User) isAdmin() bool { return u.roleID() == "0" || u.roleID() == "1" }

// AddUser adds a licensed user, applies the changes and returns the user's id.
func (s *Server) AddUser(email string, changes ...func(*User)) string {
	s.fake.Lock()
	defer s.fake.Unlock()
	user := &User{ID: fmt.Sprintf("zoomtest-user-%d", len(s.users)+1), Email: email}
	user.PMI = fmt.Sprint(5_550_000_000 + len(s.users))
	for _, change := range changes {
		change(user)
	}
	s.users = append(s.users, user)
	if s.visitor == nil {
		s.visitor = user
	}
	return user.ID
}

func (s *Server) userNamed(name string) *User {
	for _, user := range s.users {
		if user.ID == name || strings.EqualFold(user.Email, name) {
			return user
		}
	}
	return nil
}

// userInPath returns the user whom a request names, or Zoom's refusal. "me" is the user
// of the grant, and nobody for the account's own app.
func (s *Server) userInPath(in *exchange, g *grant) (*User, answer) {
	name := in.PathValue("user")
	user := s.userNamed(name)
	if name == "me" {
		user = g.user
	}
	switch {
	case user == nil:
		return nil, refuse(404, 1001, "User does not exist: "+name+".")
	case user.OtherAccount:
		return nil, refuse(400, 1010, "User does not belong to this account: "+name+".")
	case user.Pending:
		return nil, refuse(400, 1120, "Invitation of the user is pending or expired.")
	}
	return user, answer{}
}

func (s *Server) getUser(in *exchange, g *grant) answer {
	user, refusal := s.userInPath(in, g)
	if user == nil {
		return refusal
	}
	kind := 2
	if user.Unlicensed {
		kind = 1
	}
	pmi, _ := strconv.ParseInt(user.PMI, 10, 64) // a number here, a string in a meeting
	return reply(200, map[string]any{
		"id":           user.ID,
		"account_id":   account,
		"email":        user.Email,
		"first_name":   "",
		"last_name":    nil,
		"display_name": user.Email,
		"type":         kind,
		"role_name":    user.role(),
		"role_id":      user.roleID(),
		"pmi":          pmi,
		"use_pmi":      user.UsePMI,
		"timezone":     "",
		"status":       "active",
		"verified":     1,
		"cluster":      "us04",
	})
}

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}
