package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
	"github.com/incidentbridge/incidentbridge/internal/memo"
)

// Authorize reports whether somebody may open the incident's bridge by hand, and so may
// see its link: nil, or an *Error that matches ErrForbidden. Any other error means that
// this is not known. It opens nothing and writes nothing; what was read of a person
// counts for a minute, as in Open.
func (s *Service) Authorize(ctx context.Context, incidentID string, who Requester) error {
	id, err := s.resolveID(ctx, incidentID)
	if err != nil {
		return wrap("authorize", id, err)
	}
	_, err = s.authorize(ctx, who, TriggerManual, s.incidentReader(id))
	return wrap("authorize", id, err)
}

// incidentReader reads the incident, or returns what was read already.
type incidentReader func(context.Context) (*Incident, error)

// incidentReader reads the incident when it is called: authorize does so for observers
// only.
func (s *Service) incidentReader(id string) incidentReader {
	return func(ctx context.Context) (*Incident, error) { return s.readIncident(ctx, id) }
}

func (s *Service) readIncident(ctx context.Context, id string) (*Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	return s.incidents.Incident(ctx, id)
}

// authorize returns the requester if they may open a bridge. A manual trigger needs a
// responder, by their account or in a team of the incident, or somebody the incident is
// assigned to; workflows and automation need anybody but a stakeholder; a trusted caller
// that names nobody is the operator.
func (s *Service) authorize(
	ctx context.Context, r Requester, kind TriggerKind, read incidentReader,
) (*Person, error) {
	if !r.named() {
		return &Person{}, nil
	}
	person, err := s.requesters.person(ctx, r)
	if err != nil {
		return nil, err
	}
	if person.Role == RoleResponder || person.Role == RoleObserver && kind != TriggerManual {
		return person, nil
	}
	if person.Role != RoleObserver {
		return nil, fmt.Errorf("%w: their role is %s", ErrForbidden, person.Role)
	}
	incident, err := read(ctx)
	if err != nil {
		return nil, err
	}
	if slices.Contains(incident.Assignees, person.ID) {
		return person, nil
	}
	allowed, err := s.requesters.teamRoleAllows(ctx, incident.Teams, person.ID)
	if err != nil {
		return nil, err
	}
	if !allowed {
		return nil, fmt.Errorf("%w: the incident is not assigned to them, and no team of it makes them a responder", ErrForbidden)
	}
	return person, nil
}

// isExternalBridge reports whether the incident shows a bridge that this record did not
// write.
func isExternalBridge(r *ledger.Record, i *Incident) bool {
	return i.Bridge != nil && *i.Bridge != Link{} && !r.IsOurLink(ledger.Link(*i.Bridge))
}

// showsCurrentLink reports whether the incident shows the decision of this record.
func showsCurrentLink(r *ledger.Record, i *Incident) bool {
	return i.Bridge != nil && r.IsCurrentLink(ledger.Link(*i.Bridge))
}

// requesterTTL is how long a person's roles and e-mail are remembered.
const requesterTTL = time.Minute

// requesterCache remembers requesters, and their roles in teams.
type requesterCache struct {
	persons *memo.Cache[Requester, *Person]
	roles   *memo.Cache[membership, Role]
}

type membership struct{ teamID, personID string }

func newRequesterCache(i Incidents, now func() time.Time) *requesterCache {
	return &requesterCache{
		persons: memo.New(readBudget, now, func(ctx context.Context, r Requester) (_ *Person, _ time.Time, err error) {
			defer recoverTo(&err)
			person, err := i.Person(ctx, r)
			return person, requesterExpiry(now, err), err
		}),
		roles: memo.New(readBudget, now, func(ctx context.Context, m membership) (_ Role, _ time.Time, err error) {
			defer recoverTo(&err)
			role, err := i.TeamRole(ctx, m.teamID, m.personID)
			return role, requesterExpiry(now, err), err
		}),
	}
}

// requesterExpiry remembers answers, also that there is no such person, but never a
// failure.
func requesterExpiry(now func() time.Time, err error) time.Time {
	if err != nil && !errors.Is(err, ErrForbidden) {
		return time.Time{}
	}
	return now().Add(requesterTTL)
}

func (c *requesterCache) person(ctx context.Context, r Requester) (*Person, error) {
	r.Email = strings.ToLower(r.Email)
	return c.persons.Get(ctx, r)
}

// teamRoleAllows reports whether one of the teams makes the person a responder. All are
// asked at once, and one that does is enough; otherwise a team that cannot be read is an
// error, not a no.
func (c *requesterCache) teamRoleAllows(ctx context.Context, teamIDs []string, personID string) (bool, error) {
	var answers []func(context.Context) (Role, error)
	for _, id := range teamIDs {
		answers = append(answers, start(ctx, func(ctx context.Context) (Role, error) {
			return c.roles.Get(ctx, membership{id, personID})
		}))
	}
	var faults []error
	for _, answer := range answers {
		role, err := answer(ctx)
		if err == nil && role == RoleResponder {
			return true, nil
		}
		faults = append(faults, err)
	}
	return false, errors.Join(faults...)
}

// OpenOn says which webhook events open a bridge by themselves. A list names ids or
// names; "*" is any.
type OpenOn struct {
	Events     []string // V3 event types; none: no event opens
	Workflows  []string // for incident.workflow.started; required with it
	Priorities []string // none: any
	Urgencies  []string // none: any
	Services   []string // none: any
}

// WorkflowStarted is the event type of a workflow that began to run.
const WorkflowStarted = "incident.workflow.started"

func (o OpenOn) validate() error {
	if slices.Contains(o.Events, WorkflowStarted) && len(o.Workflows) == 0 {
		return errors.New(WorkflowStarted + " needs the workflows it is meant for")
	}
	return nil
}

// admits reports whether the event of the trigger opens by itself.
func (o OpenOn) admits(t Trigger) bool {
	if !slices.Contains(o.Events, t.Event) {
		return false
	}
	return t.Event != WorkflowStarted || listed(o.Workflows, Named{ID: t.WorkflowID, Name: t.WorkflowName})
}

// admitsIncident reports whether an event on this incident may open.
func (o OpenOn) admitsIncident(i *Incident) bool {
	return (len(o.Priorities) == 0 || listed(o.Priorities, i.Priority)) &&
		(len(o.Urgencies) == 0 || listed(o.Urgencies, Named{Name: i.Urgency})) &&
		(len(o.Services) == 0 || listed(o.Services, i.Service))
}

func listed(list []string, n Named) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		return s == "*" || n.ID != "" && s == n.ID || n.Name != "" && strings.EqualFold(s, n.Name)
	})
}
