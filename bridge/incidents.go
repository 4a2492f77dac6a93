package bridge

import "context"

// Incidents is what a Service needs of the incident system. PagerDuty fits a
// *pagerduty.Client to it.
//
// Errors are told apart by this package's sentinels: ErrIncidentNotFound, ErrResolved,
// ErrPermanent (never again), ErrDialInRejected (the same link with a plainer number may
// pass), ErrNotInstalled, ErrReauthorize. Anything else is a fault that may pass.
// Implementations are safe for concurrent use.
type Incidents interface {
	// ParseID checks what a caller gave, without any call, and returns an id or a number;
	// ErrInvalid otherwise.
	ParseID(s string) (string, error)
	// Incident reads an incident, its bridge included, by id or number.
	Incident(ctx context.Context, id string) (*Incident, error)
	// SetBridge writes link to the incident and returns the incident's status as
	// answered.
	SetBridge(ctx context.Context, id string, link Link) (Status, error)
	// AddNote writes a note. It is not repeated when in doubt.
	AddNote(ctx context.Context, id, text string) error
	// Person reads the requester; ErrForbidden when there is no such person.
	Person(ctx context.Context, r Requester) (*Person, error)
	// TeamRole reads what a team makes of a person on its incidents: Responder, or
	// Observer when it does not raise them, as when they are not in it. It is asked about
	// people who are Observers by their account alone.
	TeamRole(ctx context.Context, teamID, personID string) (Role, error)
}

// Incident is what decisions and topics need to know of an incident.
type Incident struct {
	ID       string
	Number   int
	Title    string
	Status   Status
	Urgency  string
	Priority Named
	Service  Named
	// Teams are the ids of the teams it belongs to.
	Teams []string
	// Assignees are the ids of the people it is assigned to.
	Assignees []string
	// Bridge is the link it shows. nil means not told, which is not the same as none:
	// none is a zero Link.
	Bridge *Link
}

// Named is a thing of the incident system with an id and a name.
type Named struct{ ID, Name string }

// Status is an incident's status.
type Status string

// StatusResolved is the only status that matters here: such an incident gets no bridge.
const StatusResolved Status = "resolved"

// Link is what an incident shows as its conference bridge.
type Link struct {
	URL    string
	DialIn string
}

// Person is somebody who asks for a bridge.
type Person struct {
	ID    string
	Email string
	Role  Role
}

// Role is what a person may do by their own account role, before teams and assignments.
type Role string

// The roles, from least to most.
const (
	RoleStakeholder Role = "stakeholder" // reads; never opens a bridge
	RoleObserver    Role = "observer"    // opens one only where an assignment or a team makes them a responder
	RoleResponder   Role = "responder"   // opens one
)
