package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

const (
	maxVerifyWrites = 3                // how often the link is put back, per generation
	verifyRetry     = 10 * time.Second // how soon a verification that failed is tried again
	auditRetry      = time.Minute      // and an audit that failed, or whose process crashed
	sweepPeriod     = 24 * time.Hour   // for the whole fleet
	sweepLook       = time.Hour        // how often a process asks whether a sweep is due
	orphanAge       = 24 * time.Hour   // at which a marked meeting without a record is deleted
)

// IncidentChanged reads the incident again, because an event said that its bridge or its
// status changed. A human's bridge makes the record StateExternal; a former link of ours
// is replaced by the current one; the closing of a reopened incident is cancelled. An
// incident without a bridge of ours is left alone.
//
// shown is the link that the event told of, if it did: our own write needs no read.
func (s *Service) IncidentChanged(ctx context.Context, incidentID string, shown Link) error {
	id, err := s.resolveID(ctx, incidentID)
	if err != nil {
		return wrap("verify", id, err)
	}
	r, err := s.ledger.Read(ctx, id)
	if err == nil && !r.IsCurrentLink(ledger.Link(shown)) {
		err = s.verify(ctx, r)
	}
	return wrap("verify", id, err)
}

// verify re-reads the incident and restores our link (docs/protocol.md, Verify). It stays
// scheduled until a run succeeds: each run first moves VerifyAt 10 s ahead, and clears it
// at the end.
func (s *Service) verify(ctx context.Context, r *ledger.Record) error {
	switch r.State {
	case ledger.StateAttached, ledger.StateClosing, ledger.StateExternal:
	default: // there is no link of ours to restore
		return nil
	}
	retryAt := s.cfg.now().Add(verifyRetry).Truncate(time.Millisecond)
	r, err := s.ledger.Update(ctx, r.IncidentID, func(r *ledger.Record) bool {
		r.VerifyAt = retryAt
		return true
	})
	if err != nil || r.Leased(s.cfg.now()) {
		return err // the holder is at work; verify once it is done
	}
	incident, err := s.readIncident(ctx, r.IncidentID)
	if errors.Is(err, ErrIncidentNotFound) {
		incident, err = &Incident{ID: r.IncidentID, Status: StatusResolved, Bridge: &Link{}}, nil
	}
	if err != nil {
		return err
	}
	// The read counts for the very record it was made for: if that changed, it stays
	// scheduled.
	next := r.Clone()
	rewrite := s.reconcileWithIncident(next, incident)
	if !rewrite && next.VerifyAt.Equal(retryAt) {
		next.VerifyAt = time.Time{}
	}
	r, err = s.ledger.Write(ctx, next)
	if errors.Is(err, ledger.ErrConflict) {
		return nil
	}
	if err != nil || !rewrite {
		return err
	}
	if _, err := s.setBridge(ctx, r.IncidentID, Link(r.Decision.Link())); err != nil {
		return err
	}
	nonce := r.Nonce
	_, err = s.ledger.Update(ctx, r.IncidentID, func(r *ledger.Record) bool {
		if r.Nonce != nonce {
			return false
		}
		r.VerifyWrites++
		r.Warn(fmt.Sprintf("the incident showed a former link; the right one was put back (%d)", r.VerifyWrites))
		if r.VerifyAt.Equal(retryAt) {
			r.VerifyAt = time.Time{}
		}
		return true
	})
	return err
}

// reconcileWithIncident brings the record in line with what the incident shows, and
// reports whether the link is to be put back.
func (s *Service) reconcileWithIncident(r *ledger.Record, i *Incident) (rewrite bool) {
	if r.Lease.Owner != "" || i.Bridge == nil {
		return false
	}
	shown := ledger.Link(*i.Bridge)
	now := s.cfg.now()
	switch {
	case r.State == ledger.StateExternal: // a late write of ours may be over the human's
		return r.IsOurLink(shown) && r.VerifyWrites < maxVerifyWrites
	case r.State != ledger.StateAttached && r.State != ledger.StateClosing:
		return false
	case isExternalBridge(r, i) && !s.cfg.overwrite:
		r.KeepExternal(shown, now)
		r.Warn("a bridge was written by hand; ours is ended")
		return false
	case r.State == ledger.StateClosing && r.CloseReason == ledger.CloseResolved && i.Status != StatusResolved:
		if r.IsCurrentLink(shown) {
			r.CancelClosingAttached(s.cfg.maxAge)
		} else {
			r.CancelClosing()
			r.RetryAt = now
		}
	case r.State == ledger.StateAttached && i.Status == StatusResolved && s.cfg.closeOnResolve:
		r.StartClosing(ledger.CloseResolved, now, s.cfg.grace)
	}
	return r.State == ledger.StateAttached && //mutant:verify
		!r.IsCurrentLink(shown) && r.IsOurLink(shown) && r.VerifyWrites < maxVerifyWrites
}

// audit deletes the meetings that a lost create of this incident left behind: those that
// carry this ledger's marker and an older generation, or this generation and another
// meeting than the decided one. It runs only once the generation is decided or over, and
// counts only if every list and every delete succeeded: each run first schedules the next
// one, and clears it at the end.
func (s *Service) audit(ctx context.Context, r *ledger.Record) error {
	now := s.cfg.now()
	retryAt := now.Add(auditRetry).Truncate(time.Millisecond)
	started := false
	r, err := s.ledger.Update(ctx, r.IncidentID, func(r *ledger.Record) bool {
		if r.State == ledger.StateCreating { //mutant:audit-when-decided-update
			return false
		}
		if started = r.Task(now) == ledger.TaskAudit; !started {
			return false // another process did it
		}
		r.AuditAt = append(slices.DeleteFunc(r.AuditAt, func(at time.Time) bool { return !at.After(now) }), retryAt)
		return true
	})
	if err != nil || !started {
		return err
	}
	if !r.Exists() || r.State == ledger.StateCreating { //mutant:audit-when-decided
		return nil
	}
	var faults []error
	for i, site := range r.CreateSites {
		p := s.providerOf(site.Provider)
		if p == nil || slices.ContainsFunc(r.CreateSites[:i], site.SameHost) {
			continue
		}
		duplicate := func(_ context.Context, id string, m ledger.Marker, meeting *Meeting) (bool, error) {
			return isDuplicate(r, id, m, meeting.ID), nil
		}
		err := s.deleteMarked(ctx, p, site.Host, duplicate)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s of %s: %w", p.Name(), site.Host, err))
		}
	}
	if len(faults) > 0 {
		return inStep("audit", errors.Join(faults...))
	}
	nonce := r.Nonce
	_, err = s.ledger.Update(ctx, r.IncidentID, func(r *ledger.Record) bool {
		r.AuditAt = slices.DeleteFunc(r.AuditAt, retryAt.Equal)
		if len(r.AuditAt) == 0 && !r.State.Open() && r.Nonce == nonce {
			r.CreateSites = nil
		}
		return true
	})
	return err
}

// sweepDaily sweeps if no process of the fleet did within a day.
func (s *Service) sweepDaily(ctx context.Context) (swept bool, err error) {
	defer recoverTo(&err)
	due, err := s.ledger.StartSweep(ctx, sweepPeriod, s.cfg.now())
	if err != nil || !due {
		return false, wrap("sweep", "", err)
	}
	return true, wrap("sweep", "", s.sweep(ctx))
}

// sweep searches every host for meetings of ours that no audit found, such as one whose
// create landed hours late.
func (s *Service) sweep(ctx context.Context) error {
	var faults []error
	for _, p := range s.providers {
		for _, host := range p.Hosts("") {
			err := s.deleteMarked(ctx, p, host, s.isOrphan)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s of %s: %w", p.Name(), host, err))
			}
		}
	}
	return errors.Join(faults...)
}

// isOrphan reports whether a marked meeting is to be deleted: by the rule of the audit,
// or because nothing is known of it any more. The record is read after the list, so that
// what was decided meanwhile is not taken for a duplicate.
func (s *Service) isOrphan(ctx context.Context, id string, m ledger.Marker, meeting *Meeting) (bool, error) {
	if m.Ledger != id {
		return false, nil
	}
	r, err := s.ledger.Read(ctx, m.Incident)
	if err != nil {
		return false, err
	}
	if !r.Exists() {
		return !meeting.CreatedAt.IsZero() && s.cfg.now().Sub(meeting.CreatedAt) > orphanAge, nil
	}
	return r.State != ledger.StateCreating && isDuplicate(r, id, m, meeting.ID), nil
}

// isDuplicate reports whether a marked meeting is one of this record's that was not
// decided.
func isDuplicate(r *ledger.Record, id string, m ledger.Marker, meetingID string) bool {
	if m.Ledger != id || //mutant:audit-ledger
		m.Incident != r.IncidentID || //mutant:audit-incident
		m.Generation > r.Generation {
		return false
	}
	if r.Previous != nil && r.Previous.Decision.MeetingID == meetingID { //mutant:audit-previous
		return false // the incident may show it still
	}
	return r.Decision == nil || r.Decision.MeetingID != meetingID //mutant:audit
}

// deleteMarked lists a host's meetings and deletes those that carry a marker and that
// duplicate reports; it is given the ledger's id.
func (s *Service) deleteMarked(
	ctx context.Context, p Provider, host string,
	duplicate func(ctx context.Context, ledgerID string, m ledger.Marker, meeting *Meeting) (bool, error),
) error {
	ctx, cancel := context.WithTimeout(ctx, attemptBudget)
	defer cancel()
	id, err := s.ledger.Identity(ctx)
	if err != nil {
		return err
	}
	var marked []*Meeting
	for meeting, err := range p.Meetings(ctx, host) {
		if err != nil {
			return err
		}
		if _, ok := ledger.ParseMarker(meeting.Agenda); ok {
			marked = append(marked, meeting)
		}
	}
	var faults []error
	for _, meeting := range marked {
		m, _ := ledger.ParseMarker(meeting.Agenda)
		remove, err := duplicate(ctx, id, m, meeting)
		if err == nil && remove {
			err = s.deleteDuplicate(ctx, p, m.Incident, meeting.ID)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

var errDuplicateInUse = errors.New("bridge: a duplicate meeting has started and is left until it is over")

// deleteDuplicate deletes a meeting, unless people are in it: then it is named in a note,
// and deleted once it is over.
func (s *Service) deleteDuplicate(ctx context.Context, p Provider, incidentID, meetingID string) error {
	meeting, err := p.Meeting(ctx, meetingID, MeetingSpec{})
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if meeting.Started { //mutant:audit-leaves-started
		warnErr := s.warnDuplicate(ctx, incidentID, meetingID)
		return errors.Join(errDuplicateInUse, warnErr)
	}
	return p.Delete(ctx, meetingID)
}

// warnDuplicate tells people, once, that some of them are in another meeting.
func (s *Service) warnDuplicate(ctx context.Context, incidentID, meetingID string) error {
	text, isNew := "people are in another meeting of this incident, "+meetingID, false
	_, err := s.ledger.Update(ctx, incidentID, func(r *ledger.Record) bool {
		isNew = r.Warn(text)
		return isNew
	})
	if err == nil && isNew {
		s.addNote(ctx, incidentID, "Conference bridge: "+text+"; it is removed once they have left.")
	}
	return err
}
