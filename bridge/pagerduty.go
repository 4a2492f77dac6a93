package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// PagerDuty fits a PagerDuty client to a Service.
func PagerDuty(client *pagerduty.Client) Incidents {
	if client == nil {
		return nil
	}
	return pagerDuty{client}
}

type pagerDuty struct{ client *pagerduty.Client }

func (p pagerDuty) ParseID(s string) (string, error) {
	id, err := p.client.ParseIncidentID(s)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return id, nil
}

func (p pagerDuty) Incident(ctx context.Context, id string) (*Incident, error) {
	i, err := p.client.Incident(ctx, id)
	if err != nil {
		return nil, pagerDutyError(err)
	}
	i.BridgeKnown = true // it was asked for
	return FromPagerDuty(i), nil
}

// FromPagerDuty is what a Request may carry of an incident that a webhook told of.
func FromPagerDuty(i *pagerduty.Incident) *Incident {
	if i == nil {
		return nil
	}
	incident := &Incident{
		ID: i.ID, Number: i.Number, Title: i.Title, Status: Status(i.Status), Urgency: i.Urgency,
		Priority: named(i.Priority), Service: named(i.Service),
	}
	for _, t := range i.Teams {
		incident.Teams = append(incident.Teams, t.ID)
	}
	for _, a := range i.Assignees {
		incident.Assignees = append(incident.Assignees, a.ID)
	}
	if i.BridgeKnown {
		incident.Bridge = &Link{}
	}
	if i.ConferenceBridge != nil {
		incident.Bridge = &Link{URL: i.ConferenceBridge.URL, DialIn: i.ConferenceBridge.Number}
	}
	return incident
}

func named(r *pagerduty.Reference) Named {
	if r == nil {
		return Named{}
	}
	return Named{ID: r.ID, Name: r.Summary}
}

func (p pagerDuty) SetBridge(ctx context.Context, id string, link Link) (Status, error) {
	i, err := p.client.SetConferenceBridge(ctx, id, pagerduty.ConferenceBridge{URL: link.URL, Number: link.DialIn})
	if errors.Is(err, pagerduty.ErrInvalid) && link.DialIn != "" {
		// Which field it means is told in words only.
		return "", fmt.Errorf("%w: %w", ErrDialInRejected, pagerDutyError(err))
	}
	if err != nil {
		return "", pagerDutyError(err)
	}
	return Status(i.Status), nil
}

func (p pagerDuty) AddNote(ctx context.Context, id, text string) error {
	if err := p.client.AddNote(ctx, id, text); err != nil {
		return pagerDutyError(err)
	}
	return nil
}

func (p pagerDuty) Person(ctx context.Context, r Requester) (*Person, error) {
	user, err := p.user(ctx, r)
	if errors.Is(err, pagerduty.ErrNotFound) || errors.Is(err, pagerduty.ErrInvalid) {
		return nil, fmt.Errorf("%w: no such user: %w", ErrForbidden, err)
	}
	if err != nil {
		return nil, pagerDutyError(err)
	}
	return &Person{ID: user.ID, Email: user.Email, Role: roleOf(user.Role)}, nil
}

func (p pagerDuty) user(ctx context.Context, r Requester) (*pagerduty.User, error) {
	if r.ID != "" {
		return p.client.User(ctx, r.ID)
	}
	return p.client.UserByEmail(ctx, r.Email)
}

func (p pagerDuty) TeamRole(ctx context.Context, teamID, personID string) (Role, error) {
	role, err := p.client.TeamRole(ctx, teamID, personID)
	if err != nil && !errors.Is(err, pagerduty.ErrNotFound) {
		return "", pagerDutyError(err)
	}
	if role == "manager" || role == "responder" {
		return RoleResponder, nil
	}
	return RoleObserver, nil
}

// roleOf reads PagerDuty's role names, which are not those on its screens. An unknown role gets the least that an
// assignment or a team can raise.
func roleOf(role string) Role {
	switch role {
	case "owner", "admin", "user", "limited_user":
		return RoleResponder
	case "read_only_user", "read_only_limited_user":
		return RoleStakeholder
	default:
		return RoleObserver
	}
}

// pagerDutyError says in bridge's words, and in plain ones, what PagerDuty's error means.
func pagerDutyError(err error) error {
	kind, plain := ErrIncidents, "PagerDuty does not answer"
	switch {
	case errors.Is(err, tokenstore.ErrNotInstalled):
		kind, plain = ErrNotInstalled, "the PagerDuty app is not installed"
	case errors.Is(err, tokenstore.ErrReauthorize):
		kind, plain = ErrReauthorize, "the PagerDuty app must be authorized again"
	case errors.Is(err, pagerduty.ErrNotFound):
		kind, plain = ErrIncidentNotFound, "PagerDuty has no such incident"
	case errors.Is(err, pagerduty.ErrResolved):
		kind, plain = ErrResolved, "the incident is resolved"
	case errors.Is(err, pagerduty.ErrRateLimited):
		kind, plain = errors.Join(ErrIncidents, ErrRateLimited), "PagerDuty limits the requests"
	case errors.Is(err, pagerduty.ErrUnauthorized), errors.Is(err, pagerduty.ErrForbidden), errors.Is(err, pagerduty.ErrPlan),
		errors.Is(err, pagerduty.ErrRequester), errors.Is(err, pagerduty.ErrInvalid), errors.Is(err, pagerduty.ErrLimit),
		errors.Is(err, pagerduty.ErrCredentials), errors.Is(err, pagerduty.ErrMissingScopes), errors.Is(err, pagerduty.ErrNoUser):
		kind, plain = errors.Join(ErrIncidents, ErrPermanent), "PagerDuty refuses the request"
	}
	return &vendorError{kind: kind, err: err, plain: plain}
}
