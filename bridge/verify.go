package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	verifyWrites = 3                // how often verification puts the decided link back, per generation
	verifyAgain  = 10 * time.Second // how soon it is tried again when it failed
)

// IncidentChanged looks at the incident again, because an event said that its bridge or its status changed. A human's bridge
// makes the record External; a former link of ours gives way to the right one; a reopened incident takes its closing
// back. An incident without a bridge of ours is left alone.
//
// shown is the link that the event told of, if it did: our own write is no news and costs no call.
func (s *Service) IncidentChanged(ctx context.Context, incidentID string, shown Link) error {
	id, err := s.resolveID(ctx, incidentID)
	if err != nil {
		return fail("verify", id, err)
	}
	e, err := s.ledger.read(ctx, id)
	if err == nil && !e.shows(shown) {
		err = s.verify(ctx, e)
	}
	return fail("verify", id, err)
}

// verify is Open 10. It is due until it has succeeded: whoever begins moves it a little, and takes it away at the end.
func (s *Service) verify(ctx context.Context, e entry) error {
	if e.version == "" || e.State != StateAttached && e.State != StateClosing && e.State != StateExternal {
		return nil
	}
	again := s.now().Add(verifyAgain).Truncate(time.Millisecond)
	e, err := s.ledger.update(ctx, e.IncidentID, func(r *record) error {
		r.VerifyAt = again
		return nil
	})
	if err != nil || e.leased(s.now()) {
		return err // whoever holds it is at work; the look comes after
	}
	incident, err := s.readIncident(ctx, e.IncidentID)
	if errors.Is(err, ErrIncidentNotFound) {
		incident, err = &Incident{ID: e.IncidentID, Status: StatusResolved, Bridge: &Link{}}, nil
	}
	if err != nil {
		return err
	}
	// The look counts for the very record it was made for: where that moved on, it stays due.
	next := e.clone()
	rewrite := next.see(incident, s.now(), s.config)
	if !rewrite && next.VerifyAt.Equal(again) {
		next.VerifyAt = time.Time{}
	}
	e, err = s.ledger.write(ctx, next, e.version)
	if errors.Is(err, errMoved) {
		return nil
	}
	if err != nil || !rewrite {
		return err
	}
	if _, err := s.incidents.SetBridge(ctx, e.IncidentID, e.Call.link()); err != nil {
		return err
	}
	_, err = s.ledger.update(ctx, e.IncidentID, func(r *record) error {
		if r.Nonce != e.Nonce {
			return errUnchanged
		}
		r.Verified++
		r.warn(fmt.Sprintf("the incident showed a former link; the right one was put back (%d)", r.Verified))
		if r.VerifyAt.Equal(again) {
			r.VerifyAt = time.Time{}
		}
		return nil
	})
	return err
}

// see brings the record in line with what the incident shows; rewrite: the link is to be put back.
func (r *record) see(i *Incident, now time.Time, c config) (rewrite bool) {
	if r.Lease.Owner != "" || i.Bridge == nil {
		return false
	}
	switch {
	case r.State == StateExternal:
		return r.ours(*i.Bridge) && r.Verified < verifyWrites // a late write of ours lies over the human's
	case r.State != StateAttached && r.State != StateClosing:
		return false
	case r.humans(i) && !c.overwrite:
		r.keep(*i.Bridge, now)
		r.warn("a bridge was written by hand; ours is ended")
		return false
	case r.State == StateClosing && r.Reason == CloseResolved && i.Status != StatusResolved && r.shows(*i.Bridge):
		r.State, r.Reason, r.CloseAt, r.EndBy = StateAttached, "", time.Time{}, r.OpenedAt.Add(c.maxAge)
	case r.State == StateClosing && r.Reason == CloseResolved && i.Status != StatusResolved:
		r.reopen()
		r.RetryAt = now
	case r.State == StateAttached && i.Status == StatusResolved && c.closeOnResolve:
		r.closing(CloseResolved, now, c.grace)
	}
	return r.State == StateAttached && !r.shows(*i.Bridge) && r.ours(*i.Bridge) && r.Verified < verifyWrites
}
