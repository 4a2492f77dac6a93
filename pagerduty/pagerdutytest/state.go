package pagerdutytest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// User is a user of the account.
type User struct {
	ID    string // made from the order of adding when empty
	Name  string // the e-mail address when empty
	Email string
	Role  string // the API's name; "user", a manager, when empty
	Teams []pagerduty.Reference
}

// Incident is an incident of the account.
type Incident struct {
	ID               string // made from the order of adding when empty, like the number
	Number           int
	Title            string
	Status           string // "triggered" when empty
	Urgency          string // "high" when empty
	CreatedAt        time.Time
	ResolvedAt       time.Time
	Service          pagerduty.Reference
	EscalationPolicy pagerduty.Reference
	Priority         *pagerduty.Reference
	Teams            []pagerduty.Reference
	Assignees        []string // user ids
	Bridge           pagerduty.ConferenceBridge
	Notes            []Note
}

// Note is a note on an incident.
type Note struct {
	ID        string
	UserID    string // who wrote it
	Content   string
	CreatedAt time.Time
}

// AddUser adds a manager, applies the changes and returns the user's id.
func (s *Server) AddUser(email string, changes ...func(*User)) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := &User{Email: email, Role: "user"}
	for _, change := range changes {
		change(user)
	}
	user.ID = orElse(user.ID, fmt.Sprintf("PUSER%02d", len(s.users)+1))
	user.Name = orElse(user.Name, email)
	s.users = append(s.users, user)
	return user.ID
}

// AddIncident adds a triggered incident of high urgency, applies the changes and returns
// the incident's id.
func (s *Server) AddIncident(title string, changes ...func(*Incident)) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	incident := &Incident{
		ID:        fmt.Sprintf("QINCIDENT%04d", len(s.incidents)+1),
		Number:    len(s.incidents) + 1001,
		Title:     title,
		Status:    "triggered",
		Urgency:   "high",
		CreatedAt: time.Now(),
		Service:   pagerduty.Reference{ID: "PSHOP01", Type: "service_reference", Summary: "Shop"},
		EscalationPolicy: pagerduty.Reference{
			ID: "PONCALL", Type: "escalation_policy_reference", Summary: "On call",
		},
	}
	for _, change := range changes {
		change(incident)
	}
	s.incidents = append(s.incidents, incident)
	s.emit(Event{Type: "incident.triggered", IncidentID: incident.ID})
	return incident.ID
}

// Incident returns the state of the incident with that id, or the zero Incident.
func (s *Server) Incident(id string) Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.incident(id)
	if found == nil {
		return Incident{}
	}
	state := *found
	state.Teams = slices.Clone(found.Teams)
	state.Assignees = slices.Clone(found.Assignees)
	state.Notes = slices.Clone(found.Notes)
	return state
}

// Resolve resolves the incident, as a person in the web app would. It panics when there
// is none.
func (s *Server) Resolve(id string) {
	s.byHand(id, "incident.resolved", func(i *Incident) { i.setStatus("resolved", time.Now()) })
}

// Reopen triggers a resolved incident again. It panics when there is none.
func (s *Server) Reopen(id string) {
	s.byHand(id, "incident.reopened", func(i *Incident) { i.setStatus("triggered", time.Now()) })
}

// SetBridge writes a bridge, or with an empty one clears it, as a person in the web app
// would. It panics when there is no incident.
func (s *Server) SetBridge(id string, b pagerduty.ConferenceBridge) {
	s.byHand(id, "incident.conference_bridge.updated", func(i *Incident) { i.Bridge = b })
}

func (s *Server) byHand(id, eventType string, change func(*Incident)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.incident(id)
	if found == nil {
		panic("pagerdutytest: no incident has the id " + id)
	}
	change(found)
	s.emit(Event{Type: eventType, IncidentID: id, AgentID: s.users[0].ID})
}

func (i *Incident) setStatus(status string, now time.Time) {
	i.Status = status
	i.ResolvedAt = time.Time{}
	if status == "resolved" {
		i.ResolvedAt = now
		i.Assignees = nil // PagerDuty lists no assignments once it is resolved
	}
}

// The following functions are called with the lock held.

func (s *Server) incident(id string) *Incident {
	return find(s.incidents, func(i *Incident) bool { return i.ID == id })
}

func (s *Server) incidentByNumber(number string) *Incident {
	return find(s.incidents, func(i *Incident) bool { return strconv.Itoa(i.Number) == number })
}

func (s *Server) user(id string) *User {
	return find(s.users, func(u *User) bool { return u.ID == id })
}

func (s *Server) userByEmail(email string) *User {
	return find(s.users, func(u *User) bool { return strings.EqualFold(u.Email, email) })
}

func find[T any](all []*T, match func(*T) bool) *T {
	at := slices.IndexFunc(all, match)
	if at < 0 {
		return nil
	}
	return all[at]
}

// mint returns a new id.
func (s *Server) mint(prefix string) string {
	s.minted++
	return fmt.Sprintf("%s%06d", prefix, s.minted)
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

// stamp returns a time as PagerDuty writes it, in seconds, and null for the zero time.
func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format(time.RFC3339)
}
