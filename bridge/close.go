package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

// CloseReason says why a bridge is closed.
type CloseReason string

// The reasons a caller may give.
const (
	CloseResolved  CloseReason = "resolved"  // the incident was resolved; ignored when it is open after all
	CloseRequested CloseReason = "requested" // somebody asked
)

// closeRecheck is how soon a closing checks again whether people have left.
const closeRecheck = 10 * time.Second

// Close ends the incident's bridge once the grace period is over and nobody is inside. It
// returns the bridge in StateClosing, or as it is when it is over already; ErrNotFound
// when there is none. For CloseResolved the incident is read: the event of a resolve that
// has been taken back closes nothing.
func (s *Service) Close(ctx context.Context, incidentID string, reason CloseReason) (*Bridge, error) {
	id, err := s.resolveID(ctx, incidentID)
	if err != nil {
		return nil, wrap("close", id, err)
	}
	if reason != CloseResolved && reason != CloseRequested {
		unknown := fmt.Errorf("%w: unknown reason %q", ErrInvalid, truncate(string(reason), 40))
		return nil, wrap("close", id, unknown)
	}
	b, err := s.close(ctx, id, ledger.CloseReason(reason))
	return b, wrap("close", id, err)
}

func (s *Service) close(ctx context.Context, id string, reason ledger.CloseReason) (*Bridge, error) {
	for {
		r, err := s.ledger.Read(ctx, id)
		if err != nil {
			return nil, err
		}
		if !r.Exists() || r.State == ledger.StateClosed && r.Decision == nil {
			return nil, ErrNotFound
		}
		if !canClose(r, reason) || reason == ledger.CloseResolved && !s.cfg.closeOnResolve {
			return bridgeOf(r), nil
		}
		if reason == ledger.CloseResolved { //mutant:status-before-closing
			// The status is read after the record: a resolve from before the record was
			// reopened is stale.
			incident, err := s.readIncident(ctx, id)
			if err != nil && !errors.Is(err, ErrIncidentNotFound) {
				return nil, err
			}
			if err == nil && incident.Status != StatusResolved {
				return bridgeOf(r), nil
			}
		}
		next := r.Clone()
		next.RequestClose(reason, s.cfg.now(), s.cfg.grace)
		r, err = s.ledger.Write(ctx, next)
		if errors.Is(err, ledger.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return bridgeOf(r), nil
	}
}

func canClose(r *ledger.Record, reason ledger.CloseReason) bool {
	switch r.State {
	case ledger.StateCreating, ledger.StateCreated, ledger.StateAttached, ledger.StateFailed:
		return true
	case ledger.StateClosing: // a request outranks a resolve, so that a reopening does not cancel it
		return reason == ledger.CloseRequested && r.CloseReason == ledger.CloseResolved
	default:
		return false
	}
}

// cancelClosing takes a closing back, with the lease held: the same meeting, the same
// generation.
func (a *attempt) cancelClosing(ctx context.Context) (*Bridge, error) {
	incident, err := a.known.incident(ctx)
	if err == nil && incident.Status == StatusResolved {
		err = ErrResolved
	}
	if err != nil {
		releaseErr := a.update(ctx, (*ledger.Record).ReleaseLease)
		return nil, inStep("reopen", errors.Join(err, releaseErr))
	}
	if isExternalBridge(a.record, incident) && !a.svc.cfg.overwrite {
		return a.keepExternal(ctx, *incident.Bridge)
	}
	judged, cancelled := a.record, false
	err = a.update(ctx, func(r *ledger.Record) {
		cancelled = r.State == ledger.StateClosing && r.CloseReason == judged.CloseReason &&
			r.LastClosedAt.Equal(judged.LastClosedAt)
		if !cancelled {
			r.ReleaseLease() // it was closed again since
			return
		}
		r.CancelClosing()
		r.AddKey(a.req.IdempotencyKey, r.Generation, a.svc.cfg.now())
	})
	if err == nil && !cancelled {
		err = ledger.ErrConflict
	}
	if err != nil {
		return nil, inStep("reopen", err)
	}
	if showsCurrentLink(a.record, incident) {
		return a.attach(ctx, incident.Status, a.record.Decision.DialIns)
	}
	return a.publish(ctx)
}

// closeDue ends a closing bridge, with the lease held so that one process does it.
func (s *Service) closeDue(ctx context.Context, r *ledger.Record) error {
	a := s.newAttempt(r, Request{}, nil)
	now := s.cfg.now()
	next := r.Clone()
	next.Lease = ledger.Lease{Owner: a.owner, Until: now.Add(leaseTime)}
	written, err := s.ledger.Write(ctx, next)
	if err == nil {
		a.record, a.renewed = written, now
		err = a.end(ctx)
	}
	if errors.Is(err, ledger.ErrConflict) {
		return nil // another process does it
	}
	return err
}

// end brings a bridge whose grace is over from closing over ending to closed.
func (a *attempt) end(ctx context.Context) error {
	if a.record.State == ledger.StateClosing {
		if done, err := a.beginEnding(ctx); done || err != nil {
			return inStep("check before ending", err)
		}
	}
	if err := a.endMeeting(ctx); err != nil {
		retryErr := a.update(ctx, func(r *ledger.Record) {
			r.ReleaseLease()
			r.ScheduleRetry(truncate(userMessage(err), 500), false, a.svc.cfg.now())
		})
		return inStep("end", errors.Join(err, retryErr))
	}
	return inStep("end", a.update(ctx, func(r *ledger.Record) {
		r.ReleaseLease()
		r.End(a.svc.cfg.now())
		if a.svc.providerOf(r.Decision.Provider) == nil {
			r.Warn("meeting " + r.Decision.MeetingID + " is left: its provider " + r.Decision.Provider +
				" is not set up any more")
		}
	}))
}

// beginEnding checks the incident and the meeting before anything is ended. done: not
// now, or not at all.
func (a *attempt) beginEnding(ctx context.Context) (done bool, err error) {
	if done, err := a.recheckReason(ctx); done || err != nil {
		return true, err
	}
	occupied, err := a.occupied(ctx)
	if err != nil {
		recheckErr := a.closeLater(ctx)
		return true, errors.Join(err, recheckErr)
	}
	if occupied && !a.expired() {
		return true, a.closeLater(ctx)
	}
	return false, a.update(ctx, (*ledger.Record).StartEnding) //mutant:state-ending
}

func (a *attempt) expired() bool {
	return a.svc.cfg.now().Sub(a.record.OpenedAt) >= a.svc.cfg.maxAge
}

// recheckReason reads whether the reason of the closing still holds. done: it does not,
// or that is not known yet.
func (a *attempt) recheckReason(ctx context.Context) (done bool, err error) {
	resolved := a.record.CloseReason == ledger.CloseResolved //mutant:status-before-ending
	rejected := a.record.CloseReason == ledger.CloseRejected //mutant:check-after-rejection
	if !resolved && !rejected {
		return false, nil
	}
	incident, err := a.svc.readIncident(ctx, a.id)
	switch {
	case errors.Is(err, ErrIncidentNotFound), errors.Is(err, ErrPermanent) && rejected:
		return false, nil
	case err != nil && a.expired():
		return false, nil
	case err != nil:
		recheckErr := a.closeLater(ctx)
		return true, errors.Join(err, recheckErr)
	case resolved && incident.Status != StatusResolved:
		err := a.update(ctx, func(r *ledger.Record) {
			r.ReleaseLease()
			if r.State == ledger.StateClosing && r.CloseReason == ledger.CloseResolved {
				r.CancelClosing()
				r.RetryAt = a.svc.cfg.now()
			}
		})
		return true, err
	case rejected && showsCurrentLink(a.record, incident):
		_, err := a.attach(ctx, incident.Status, a.record.Decision.DialIns)
		return true, err
	default:
		return false, nil
	}
}

// closeLater leaves the closing for a little later.
func (a *attempt) closeLater(ctx context.Context) error {
	return a.update(ctx, func(r *ledger.Record) {
		r.ReleaseLease()
		r.CloseAt = a.svc.cfg.now().Add(closeRecheck)
	})
}

// occupied reports whether somebody is in the meeting.
func (a *attempt) occupied(ctx context.Context) (bool, error) {
	p := a.svc.providerOf(a.record.Decision.Provider)
	if p == nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	meeting, err := p.Meeting(ctx, a.record.Decision.MeetingID, MeetingSpec{})
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return meeting.Started, nil
}

// endMeeting makes everybody leave and deletes the meeting: an ended one could be started
// again by its link.
func (a *attempt) endMeeting(ctx context.Context) error {
	p := a.svc.providerOf(a.record.Decision.Provider)
	if p == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, publishBudget)
	defer cancel()
	if err := p.End(ctx, a.record.Decision.MeetingID); err != nil {
		return err
	}
	return p.Delete(ctx, a.record.Decision.MeetingID)
}
