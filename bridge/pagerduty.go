package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// PagerDuty fits a PagerDuty client to a Service.
// New fails for a nil client.
func PagerDuty(client *pagerduty.Client) Incidents { return pagerDuty{client} }

type pagerDuty struct{ client *pagerduty.Client }

// validate is called by New.
func (p pagerDuty) validate() error {
	if p.client == nil {
		return errors.New("bridge: PagerDuty: nil client")
	}
	return nil
}

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

// FromPagerDuty returns what a Request may carry of an incident that a webhook told of.
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
		incident.Bridge = &Link{URL: i.ConferenceBridge.URL, DialIn: i.ConferenceBridge.DialIn}
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
	i, err := p.client.SetConferenceBridge(ctx, id, pagerduty.ConferenceBridge{URL: link.URL, DialIn: link.DialIn})
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

// roleOf reads PagerDuty's role names, which are not those on its screens. An unknown
// role gets the least that an assignment or a team can raise.
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

// pagerDutyError says in bridge's words what PagerDuty's error means, with a sentence for
// people: what failed, and what to do about it.
func pagerDutyError(err error) error {
	permanent := errors.Join(ErrIncidents, ErrPermanent)
	kind, message := ErrIncidents, "PagerDuty does not answer"
	switch {
	case errors.Is(err, tokenstore.ErrNotInstalled):
		kind, message = ErrNotInstalled, "the PagerDuty app is not installed: install it"
	case errors.Is(err, tokenstore.ErrReauthorize):
		kind, message = ErrReauthorize, "PagerDuty does not accept the installed app any more: install it again"
	case errors.Is(err, pagerduty.ErrNotFound):
		kind, message = ErrIncidentNotFound, "PagerDuty has no such incident"
	case errors.Is(err, pagerduty.ErrResolved):
		kind, message = ErrResolved, "the incident is resolved"
	case errors.Is(err, pagerduty.ErrRateLimited):
		kind, message = errors.Join(ErrIncidents, ErrRateLimited), "PagerDuty's rate limit is reached"
	case errors.Is(err, pagerduty.ErrMissingScopes):
		kind, message = permanent, "the PagerDuty app lacks scopes: add them, then install it again"
	case errors.Is(err, pagerduty.ErrForbidden):
		kind = permanent
		message = "PagerDuty did not accept the request (403 forbidden): check that the API key may read and write incidents"
	case errors.Is(err, pagerduty.ErrUnauthorized), errors.Is(err, pagerduty.ErrCredentials):
		kind, message = permanent, "PagerDuty did not accept the API key or token: check it"
	case errors.Is(err, pagerduty.ErrRequester), errors.Is(err, pagerduty.ErrNoUser):
		kind, message = permanent, "PagerDuty does not know the user to write as: check the e-mail address"
	case errors.Is(err, pagerduty.ErrPlan):
		kind, message = permanent, "the PagerDuty plan does not include conference bridges"
	case errors.Is(err, pagerduty.ErrInvalid), errors.Is(err, pagerduty.ErrLimit):
		kind, message = permanent, "PagerDuty did not accept the conference bridge"
	}
	return &vendorError{kind: kind, err: err, message: message}
}
