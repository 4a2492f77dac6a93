package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

// decide makes a call, or finds one that was made, and writes it into the generation. It returns a bridge, or an
// error, if there is nothing to publish.
func (o *opening) decide(ctx context.Context) (*Bridge, error) {
	o.step = "read incident"
	incident, err := o.sight(ctx)
	if errors.Is(err, ErrIncidentNotFound) {
		return nil, o.release(ctx, closeMissing, err)
	}
	if err != nil {
		return nil, o.unserved(ctx, err)
	}
	o.step = "read requester"
	person, err := o.person(ctx)
	if err == nil && !o.openOn.admitsIncident(o.req.Trigger, incident) {
		err = fmt.Errorf("%w: its priority, urgency or service is not listed", ErrIgnored)
	}
	if err != nil {
		return nil, o.refuse(ctx, err)
	}
	if incident.Status == StatusResolved {
		return nil, o.release(ctx, CloseResolved, ErrResolved)
	}
	if o.CloseAsk == CloseRequested {
		return nil, o.release(ctx, CloseRequested, fmt.Errorf("%w: it was closed before it was made", ErrStale))
	}
	if o.CloseAsk == CloseResolved {
		o.CloseAsk = "" // the resolve was taken back: a takeover reads before it obeys
	}
	if o.humans(incident) && !o.overwrite {
		return o.keep(ctx, *incident.Bridge)
	}
	return o.serve(ctx, incident, person.Email)
}

// refuse ends an opening that this requester may not have. A generation that another trigger began goes on without it.
func (o *opening) refuse(ctx context.Context, err error) error {
	switch {
	case !personal(err):
		return o.unserved(ctx, err)
	case !o.fresh && o.finishing == "":
		return o.yield(ctx, err)
	case errors.Is(err, ErrIgnored):
		return o.release(ctx, closeIgnored, err)
	default:
		return o.release(ctx, closeForbidden, err)
	}
}

// unserved ends an opening for which PagerDuty could not be read: nothing is left behind, unless a caller has been
// told already that the ledger holds it, or another trigger began it.
func (o *opening) unserved(ctx context.Context, err error) error {
	if o.fresh && !o.relied() {
		return o.release(ctx, closeFault, err)
	}
	return o.postpone(ctx, err, false)
}

// keep leaves a human's bridge where it is and ends ours.
func (o *opening) keep(ctx context.Context, link Link) (*Bridge, error) {
	o.step = "keep external"
	err := o.save(ctx, func(r *record) {
		free(r)
		r.keep(link, o.now())
	})
	if err != nil {
		return nil, err
	}
	return o.bridge(), nil
}

// keep makes the record external. A call of ours is left to the audit, which never ends one that has started; and to
// the verification, because a write of ours may still land over the human's.
func (r *record) keep(link Link, now time.Time) {
	if r.Call != nil || r.Standing != nil {
		r.audit(now)
		r.AuditAt = append(r.AuditAt, now)
	}
	r.retire()
	r.Standing = nil
	r.Call = &decided{Provider: external, JoinURL: link.URL}
	if link.DialIn != "" {
		r.Call.DialIns = []string{link.DialIn}
	}
	r.State, r.ClosedAt, r.OverAt = StateExternal, now, now
	r.RetryAt, r.CloseAt, r.CloseAsk = time.Time{}, time.Time{}, ""
}

// settle decides: the write that puts a call into the generation. Only its winner's link may ever be published: Open 7.
func (o *opening) settle(ctx context.Context, p Provider, call *Meeting, faults []error) (*Bridge, error) {
	o.step = "decide"
	mine := &decided{Provider: p.Name(), MeetingID: call.ID, Host: call.Host, JoinURL: call.JoinURL, DialIns: call.DialIns}
	for {
		if o.decidedElsewhere() {
			if o.Call != nil && o.Call.same(mine) {
				return nil, o.giveWay(ctx) // mine it is, by somebody else's hand: what stands is theirs to tell
			}
			return nil, errors.Join(o.discard(ctx, p, call), o.giveWay(ctx))
		}
		now := o.now()
		next := o.clone()
		next.settle(mine, now, 0) // nobody was ever let in: there is no grace to give
		for _, w := range call.Warnings {
			next.warn(w)
		}
		if len(faults) > 0 {
			next.warn(fellBack(p, faults))
		}
		if next.Lease.Owner == o.owner {
			next.Lease.Until = now.Add(leaseFor)
		}
		if next.State == StateClosing {
			free(&next)
		}
		nonce := o.Nonce
		deciding, cancel := inTimeForAWrite(ctx)
		e, err := o.ledger.write(deciding, next, o.version)
		cancel()
		if err == nil {
			o.entry, o.extended = e, now
			break
		}
		if !errors.Is(err, errMoved) {
			o.doubted = true // the call is there, and nobody knows
			return nil, o.postpone(ctx, err, false)
		}
		o.entry = e // undecided, whoever holds it: decide mine
		if e.Nonce != nonce {
			return nil, o.discard(ctx, p, call)
		}
	}
	o.stand()
	o.made, o.unseen = true, !o.doubted
	if len(faults) > 0 {
		o.observe(ctx, Event{
			Kind: EventFellBack, IncidentID: o.id, Provider: p.Name(), Generation: o.Generation, Err: errors.Join(faults...),
		})
	}
	if o.State == StateClosing {
		return o.bridge(), nil
	}
	if o.Lease.Owner != o.owner {
		return nil, errMoved // decided all the same; another holder publishes it
	}
	return nil, nil
}

// inTimeForAWrite is ctx, or one that lasts longer where this holder's time is nearly up: a call that was made is still to
// be decided.
func inTimeForAWrite(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ends := ctx.Deadline(); ends && time.Until(deadline) < readBudget {
		return detach.Context(ctx, readBudget)
	}
	return ctx, func() {}
}

// decidedElsewhere says that a former holder, or a close, was quicker: a decision is never changed.
func (o *opening) decidedElsewhere() bool { return o.Call != nil || o.State != StateCreating }

// giveWay ends this holder's work, so that what was decided is published at once.
func (o *opening) giveWay(ctx context.Context) error {
	if o.Lease.Owner != o.owner {
		return errMoved
	}
	return errors.Join(errMoved, o.save(ctx, free))
}

func (d *decided) same(other *decided) bool {
	return d.MeetingID == other.MeetingID && d.JoinURL == other.JoinURL
}

// settle is the decision: it never changes within a generation. A close that was asked for meanwhile gives that grace.
func (r *record) settle(call *decided, now time.Time, grace time.Duration) {
	r.Call, r.State, r.Attempts, r.FailingAt = call, StateCreated, 0, time.Time{}
	if r.CloseAsk != "" {
		r.closing(r.CloseAsk, now, grace)
	}
}

// discard removes a call that lost: something else is decided for the incident, or the generation is over.
func (o *opening) discard(ctx context.Context, p Provider, call *Meeting) error {
	// This holder's time may be up, and the call is still to go.
	ctx, cancel := detach.Context(ctx, readBudget)
	defer cancel()
	err := p.Delete(ctx, call.ID)
	if err == nil {
		return errMoved
	}
	o.logger.WarnContext(ctx, "a surplus call is left to the audit", "incident_id", o.id, "meeting_id", call.ID, "error", err)
	_, err = o.ledger.update(ctx, o.id, func(r *record) error {
		r.AuditAt = append(r.AuditAt, o.now().Add(auditSoon))
		return nil
	})
	return errors.Join(errMoved, err)
}
