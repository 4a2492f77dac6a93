package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// verifyWrites bounds how often verification puts the decided link back, per generation.
const verifyWrites = 3

// Verify looks at the incident again, because an event said that its bridge or its status changed. A human's bridge
// makes the record External; a former link of ours gives way to the decided one; a reopened incident takes its closing
// back. An incident without a bridge of ours is left alone.
//
// shown is the link that the event told of, if it did: our own write is no news and costs no call.
func (s *Service) Verify(ctx context.Context, incidentID string, shown Link) error {
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

func (s *Service) verify(ctx context.Context, e entry) error {
	if e.version == "" || e.State != Attached && e.State != Closing {
		return nil
	}
	id := e.IncidentID
	// A live lease means that somebody is at work on it and looks by themselves.
	if e.leased(s.now()) {
		return s.verifyLater(ctx, id)
	}
	incident, err := s.readIncident(ctx, id)
	if errors.Is(err, ErrIncidentNotFound) {
		incident, err = &Incident{ID: id, Status: Resolved, Bridge: &Link{}}, nil
	}
	if err != nil {
		return errors.Join(err, s.verifyLater(ctx, id))
	}
	rewrite := false
	e, err = s.ledger.update(ctx, id, func(r *record) error {
		rewrite = r.seen(incident, s.now(), s.config)
		return nil
	})
	if err != nil || !rewrite {
		return err
	}
	_, err = s.incidents.SetBridge(ctx, id, Link{URL: e.Call.JoinURL, Number: e.bridge().DialIn})
	if err != nil {
		return errors.Join(err, s.verifyLater(ctx, id))
	}
	return nil
}

func (s *Service) verifyLater(ctx context.Context, id string) error {
	_, err := s.ledger.update(ctx, id, func(r *record) error {
		r.VerifyAt = s.now().Add(10 * time.Second)
		return nil
	})
	return err
}

// seen brings the record in line with what the incident shows; rewrite: the decided link is to be put back.
func (r *record) seen(i *Incident, now time.Time, c config) (rewrite bool) {
	r.VerifyAt = time.Time{}
	if r.Lease.Owner != "" || r.State != Attached && r.State != Closing || i.Bridge == nil {
		return false
	}
	switch {
	case r.humans(i) && !c.overwrite:
		r.kept(*i.Bridge, now)
		r.warn("a bridge was written by hand; ours is ended")
	case r.State == Closing && r.Reason == CloseResolved && i.Status != Resolved:
		r.State, r.Reason, r.CloseAt = Attached, "", time.Time{}
	case r.State == Attached && i.Status == Resolved && c.closeOnResolve:
		r.closing(CloseResolved, now, c.grace)
	}
	if r.State != Attached || i.Bridge.IsZero() || r.shows(*i.Bridge) || r.Verified >= verifyWrites {
		return false
	}
	if !r.ours(*i.Bridge) {
		return false
	}
	r.Verified++
	r.warn(fmt.Sprintf("the incident showed a former link; the right one was put back (%d)", r.Verified))
	return true
}
