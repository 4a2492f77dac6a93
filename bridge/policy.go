package bridge

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// admit says whether a trigger may do anything at all, before anything is read.
func (s *Service) admit(req Request) error {
	if !s.openOn.admits(req.Trigger) {
		return fmt.Errorf("%w: %s", ErrIgnored, clip(req.Trigger.Event, 80))
	}
	if !req.OccurredAt.IsZero() && s.now().Sub(req.OccurredAt) > s.triggerMaxAge {
		return fmt.Errorf("%w: it happened more than %v ago", ErrStale, s.triggerMaxAge)
	}
	return nil
}

// look finds out how the incident stands.
type look func(context.Context) (*Incident, error)

// looking looks when it is asked, which for authorize is seldom: for observers.
func (s *Service) looking(id string) look {
	return func(ctx context.Context) (*Incident, error) { return s.readIncident(ctx, id) }
}

// authorize says who asks and whether they may: a manual trigger needs a responder, by their account or in a team of the
// incident, or somebody the incident is assigned to; workflows and automation need anybody but a stakeholder; a trusted
// caller that names nobody is the operator.
func (s *Service) authorize(ctx context.Context, r Requester, kind TriggerKind, on look) (*Person, error) {
	if !r.named() {
		return &Person{}, nil
	}
	person, err := s.people.person(ctx, r)
	if err != nil {
		return nil, err
	}
	if person.Role == RoleResponder || person.Role == RoleObserver && kind != TriggerManual {
		return person, nil
	}
	if person.Role != RoleObserver {
		return nil, fmt.Errorf("%w: their role is %s", ErrForbidden, person.Role)
	}
	incident, err := on(ctx)
	if err != nil {
		return nil, err
	}
	if slices.Contains(incident.Assignees, person.ID) {
		return person, nil
	}
	raised, err := s.people.raised(ctx, incident.Teams, person.ID)
	if err != nil {
		return nil, err
	}
	if !raised {
		return nil, fmt.Errorf("%w: the incident is not assigned to them, and no team of it makes them a responder", ErrForbidden)
	}
	return person, nil
}

// ours says whether the link an incident shows is one that this record knows as its own, of whatever generation.
func (r *record) ours(l Link) bool {
	return r.shows(l) || r.former(l)
}

// former says whether it is a link of a former generation.
func (r *record) former(l Link) bool {
	return slices.ContainsFunc(r.Former, func(f former) bool {
		return sameCall(l, f.MeetingID, Link{URL: f.JoinURL, DialIn: f.Number})
	})
}

// shows says whether the incident shows the decided call.
func (r *record) shows(l Link) bool {
	return r.Call != nil && r.Call.Provider != external && sameCall(l, r.Call.MeetingID, r.Call.link())
}

// sameCall compares by meeting id, because the rest of a join link may change, else by the whole link, or by the number
// of a room that has no link.
func sameCall(l Link, meetingID string, own Link) bool {
	if l.URL == "" {
		return own.URL == "" && l.DialIn != "" && l.DialIn == own.DialIn
	}
	if l.URL == own.URL {
		return true
	}
	u, err := url.Parse(l.URL)
	return err == nil && meetingID != "" && slices.Contains(strings.Split(u.Path, "/"), meetingID)
}

// humans says whether the incident shows a bridge that this record did not write.
func (r *record) humans(i *Incident) bool {
	return i.Bridge != nil && !i.Bridge.IsZero() && !r.ours(*i.Bridge)
}
