package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// CloseReason says why a bridge is closed.
type CloseReason string

// The reasons a caller may give.
const (
	CloseResolved  CloseReason = "resolved"  // the incident was resolved; ignored when it is open after all
	CloseRequested CloseReason = "requested" // somebody asked
)

// The reasons the ledger finds by itself.
const (
	closeRefused   CloseReason = "refused"   // PagerDuty will not take the link
	closeMaxAge    CloseReason = "max_age"   // the bridge is too old
	closeForbidden CloseReason = "forbidden" // nothing was made: the requester may not
	closeMissing   CloseReason = "not_found" // nothing was made: there is no such incident
	closeIgnored   CloseReason = "ignored"   // nothing was made: the trigger is not meant for it
	closeFault     CloseReason = "fault"     // nothing was made: PagerDuty could not be read
)

// Close ends the incident's bridge once the grace period is over and nobody is inside. It returns the bridge in
// Closing, or as it stands when it is over already; ErrNotFound when there is none. For CloseResolved the incident is
// read: the event of a resolve that has been taken back closes nothing.
func (s *Service) Close(ctx context.Context, incidentID string, reason CloseReason) (*Bridge, error) {
	id, err := s.resolveID(ctx, incidentID)
	if err != nil {
		return nil, fail("close", id, err)
	}
	if reason != CloseResolved && reason != CloseRequested {
		return nil, fail("close", id, fmt.Errorf("%w: unknown reason %q", ErrInvalid, clip(string(reason), 40)))
	}
	b, err := s.close(ctx, id, reason)
	return b, fail("close", id, err)
}

func (s *Service) close(ctx context.Context, id string, reason CloseReason) (*Bridge, error) {
	for {
		e, err := s.ledger.read(ctx, id)
		if err != nil {
			return nil, err
		}
		if e.version == "" || e.State == StateClosed && e.Call == nil {
			return nil, ErrNotFound
		}
		if !e.closable(reason) || reason == CloseResolved && !s.closeOnResolve {
			return e.bridge(), nil
		}
		if reason == CloseResolved {
			// The status is read after the record: a resolve from before the record was reopened is stale.
			incident, err := s.readIncident(ctx, id)
			if err != nil && !errors.Is(err, ErrIncidentNotFound) {
				return nil, err
			}
			if err == nil && incident.Status != StatusResolved {
				return e.bridge(), nil
			}
		}
		next := e.clone()
		next.askClose(reason, s.now(), s.grace)
		e, err = s.ledger.write(ctx, next, e.version)
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return e.bridge(), nil
	}
}

func (r *record) closable(reason CloseReason) bool {
	switch r.State {
	case StateCreating, StateCreated, StateAttached, StateFailed:
		return true
	case StateClosing:
		return reason == CloseRequested && r.Reason == CloseResolved // a reopening must not take that back
	default:
		return false
	}
}

// askClose begins the closing, or asks whoever is creating to do so once the call is decided.
func (r *record) askClose(reason CloseReason, now time.Time, grace time.Duration) {
	switch r.State {
	case StateCreating:
		r.CloseAsk, r.OverAt = reason, now
	case StateClosing:
		r.Reason = reason
	case StateFailed:
		r.State, r.Reason, r.ClosedAt, r.OverAt = StateClosed, reason, now, now
	default:
		r.closing(reason, now, grace)
	}
}

// closing starts the grace period.
func (r *record) closing(reason CloseReason, now time.Time, grace time.Duration) {
	r.State, r.Reason, r.OverAt, r.CloseAt = StateClosing, reason, now, now.Add(grace)
	r.CloseAsk, r.RetryAt = "", time.Time{}
}

// reopen cancels a closing: the same meeting, the same generation.
func (o *opening) reopen(ctx context.Context) (*Bridge, error) {
	o.step = "reopen"
	incident, err := o.sight(ctx)
	if err == nil && incident.Status == StatusResolved {
		err = ErrResolved
	}
	if err != nil {
		return nil, errors.Join(err, o.save(ctx, free))
	}
	if o.humans(incident) && !o.overwrite {
		return o.keep(ctx, *incident.Bridge)
	}
	err = o.save(ctx, func(r *record) {
		r.reopen()
		r.addKey(o.req.IdempotencyKey, r.Generation, o.now())
	})
	if err != nil {
		return nil, err
	}
	if incident.Bridge != nil && o.shows(*incident.Bridge) {
		return o.attach(ctx, incident.Status, o.Call.DialIns)
	}
	return o.publish(ctx)
}

// reopen takes a closing back, to where its link is to be published again.
func (r *record) reopen() {
	r.State, r.Reason, r.CloseAt = StateCreated, "", time.Time{}
}

// useAgain is how soon a closing looks again whether people have left.
const useAgain = 10 * time.Second

// finish ends a bridge whose grace is over: closing -> ending -> closed. It is called with the lease held.
func (o *opening) finish(ctx context.Context) error {
	if o.State == StateClosing {
		if done, err := o.pointOfNoReturn(ctx); done || err != nil {
			return err
		}
	}
	o.step = "end"
	if err := o.end(ctx); err != nil {
		return errors.Join(err, o.save(ctx, func(r *record) {
			free(r)
			r.postpone(o.now(), false)
		}))
	}
	began := o.OpenedAt
	err := o.save(ctx, func(r *record) {
		now := o.now()
		free(r)
		r.State, r.ClosedAt, r.RetryAt = StateClosed, now, time.Time{}
		r.giveUpStanding(now)
		if o.providerOf(r.Call.Provider) == nil {
			r.warn("meeting " + r.Call.MeetingID + " is left: its provider " + r.Call.Provider + " is not set up any more")
		}
		if len(r.AuditAt) > 0 {
			r.AuditAt = append(r.AuditAt, now)
		}
	})
	if err == nil {
		o.observe(ctx, Event{
			Kind: EventClosed, IncidentID: o.id, Provider: o.Call.Provider, Generation: o.Generation, Duration: o.now().Sub(began),
		})
	}
	return err
}

// pointOfNoReturn looks at the incident and into the meeting before anything is ended. done: not now, or not at all.
func (o *opening) pointOfNoReturn(ctx context.Context) (done bool, err error) {
	o.step = "look before ending"
	if o.Reason == CloseResolved || o.Reason == closeRefused {
		if done, err := o.reconsider(ctx); done || err != nil {
			return true, err
		}
	}
	inside, err := o.inside(ctx)
	if err != nil {
		return true, errors.Join(err, o.again(ctx))
	}
	if inside && !o.tooOld() {
		return true, o.again(ctx)
	}
	return false, o.save(ctx, func(r *record) { r.State = StateEnding })
}

func (o *opening) tooOld() bool { return o.now().Sub(o.OpenedAt) >= o.maxAge }

// reconsider reads whether what the bridge is closing for is still so.
func (o *opening) reconsider(ctx context.Context) (done bool, err error) {
	incident, err := o.readIncident(ctx, o.id)
	switch {
	case errors.Is(err, ErrIncidentNotFound), errors.Is(err, ErrPermanent) && o.Reason == closeRefused:
		return false, nil
	case err != nil && o.tooOld():
		return false, nil
	case err != nil:
		return true, errors.Join(err, o.again(ctx))
	case o.Reason == CloseResolved && incident.Status != StatusResolved:
		return true, o.save(ctx, func(r *record) {
			free(r)
			r.reopen()
			r.RetryAt = o.now()
		})
	case o.Reason == closeRefused && incident.Bridge != nil && o.shows(*incident.Bridge):
		_, err := o.attach(ctx, incident.Status, o.Call.DialIns)
		return true, err
	default:
		return false, nil
	}
}

// again leaves the closing for a little later.
func (o *opening) again(ctx context.Context) error {
	return o.save(ctx, func(r *record) {
		free(r)
		r.CloseAt = o.now().Add(useAgain)
	})
}

// inside says whether somebody is in the meeting.
func (o *opening) inside(ctx context.Context) (bool, error) {
	p := o.providerOf(o.Call.Provider)
	if p == nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	call, err := p.Meeting(ctx, o.Call.MeetingID, MeetingSpec{})
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return call.Started, nil
}

// end makes everybody leave and removes the meeting: an ended one could be started again by its link.
func (o *opening) end(ctx context.Context) error {
	p := o.providerOf(o.Call.Provider)
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, publishBudget)
	defer cancel()
	if err := p.End(ctx, o.Call.MeetingID); err != nil {
		return err
	}
	return p.Delete(ctx, o.Call.MeetingID)
}
