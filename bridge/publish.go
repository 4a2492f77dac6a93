package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

const publishBudget = 6 * time.Second

// publish writes the decided link to the incident.
func (a *attempt) publish(ctx context.Context) (*Bridge, error) {
	if !a.known.neverPublished {
		if b, done, err := a.checkBeforeWrite(ctx); done || err != nil {
			return b, inStep("check before publish", err)
		}
	}
	link, dialIns := Link{URL: a.record.Decision.JoinURL}, a.record.Decision.DialIns
	for {
		link.DialIn = ""
		if len(dialIns) > 0 {
			link.DialIn = dialIns[0]
		}
		if err := a.renewLease(ctx, publishBudget); err != nil {
			return nil, inStep("publish", err)
		}
		status, err := a.svc.setBridge(ctx, a.id, link)
		if err == nil {
			return a.attach(ctx, status, dialIns)
		}
		if err := a.svc.uninstalledError(ctx, err); err != nil {
			releaseErr := a.update(ctx, (*ledger.Record).ReleaseLease)
			return nil, inStep("publish", errors.Join(err, releaseErr))
		}
		switch {
		case errors.Is(err, ErrDialInRejected) && len(dialIns) > 0:
			dialIns = dialIns[1:] // the link is never lost to a number
		case errors.Is(err, ErrResolved):
			return a.attach(ctx, StatusResolved, dialIns)
		case errors.Is(err, ErrPermanent), errors.Is(err, ErrIncidentNotFound):
			return nil, a.publishRejected(ctx, err)
		default:
			return a.publishLater(ctx, err)
		}
	}
}

func (s *Service) setBridge(ctx context.Context, id string, link Link) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, publishBudget)
	defer cancel()
	return s.incidents.SetBridge(ctx, id, link)
}

// checkBeforeWrite reads the incident before a link is written that may have been written
// before, or when the last read is old. done: there is nothing to write, and b is the
// answer.
func (a *attempt) checkBeforeWrite(ctx context.Context) (b *Bridge, done bool, err error) {
	read := a.known.incident
	if a.known.createInDoubt {
		read = a.svc.incidentReader(a.id)
	}
	incident, err := read(ctx)
	if errors.Is(err, ErrIncidentNotFound) {
		return nil, false, a.publishRejected(ctx, err)
	}
	if err != nil {
		b, err := a.publishLater(ctx, err)
		return b, true, err
	}
	switch {
	case incident.Status == StatusResolved:
		b, err = a.attach(ctx, StatusResolved, a.record.Decision.DialIns)
	case isExternalBridge(a.record, incident) && !a.svc.cfg.overwrite:
		b, err = a.keepExternal(ctx, *incident.Bridge)
	case showsCurrentLink(a.record, incident):
		b, err = a.attach(ctx, incident.Status, a.record.Decision.DialIns)
	default:
		return nil, false, nil
	}
	return b, true, err
}

// attach records that PagerDuty has the link, or that the incident is resolved and the
// bridge is to close.
func (a *attempt) attach(ctx context.Context, status Status, dialIns []string) (*Bridge, error) {
	nonce, createdByUs := a.record.Nonce, a.known.decidedByUs
	note := false
	attach := func(r *ledger.Record) {
		noted := r.WarningsNoted //mutant:key-with-attach
		r.ReleaseLease()
		r.Attach(a.svc.cfg.now(), status == StatusResolved, dialIns, a.svc.cfg.grace, a.svc.cfg.maxAge)
		note = len(r.Warnings) > 0 && !noted
	}
	err := a.update(ctx, attach)
	if errors.Is(err, ledger.ErrConflict) {
		// Another holder took it over. What PagerDuty accepted is true for it too, if it
		// works on the same generation.
		record, updateErr := a.svc.ledger.Update(ctx, a.id, func(r *ledger.Record) bool {
			switch {
			case r.Nonce != nonce:
				r.VerifyAt = a.svc.cfg.now()
				return true
			case r.State == ledger.StateCreated:
				attach(r)
				return true
			default:
				return false
			}
		})
		if err = updateErr; err == nil {
			a.record = record
		}
	}
	if err != nil {
		// PagerDuty has the link; the ledger finds out when it verifies.
		a.svc.cfg.logger.WarnContext(ctx, "bridge written, but ledger update failed", "incident_id", a.id, "error", err)
	}
	if status == StatusResolved {
		return nil, inStep("publish", ErrResolved)
	}
	b := bridgeOf(a.record)
	b.Created = createdByUs
	if note && err == nil {
		a.svc.noteWarnings(ctx, a.id, b.Warnings)
	}
	return b, nil
}

// publishLater leaves the write to the ledger; the caller gets the link at once.
func (a *attempt) publishLater(ctx context.Context, cause error) (*Bridge, error) {
	createdByUs := a.known.decidedByUs
	ctx, cancel := detachctx.Context(ctx, readBudget)
	defer cancel()
	err := a.update(ctx, func(r *ledger.Record) {
		now := a.svc.cfg.now()
		r.ReleaseLease()
		r.ScheduleRetry(truncate(userMessage(cause), 500), false, now)
		r.VerifyAt = now.Add(ledger.VerifyDelay)
	})
	if errors.Is(err, ledger.ErrConflict) {
		return nil, err
	}
	a.svc.cfg.logger.WarnContext(ctx, "PagerDuty did not accept the bridge, will retry", "incident_id", a.id, "error", cause)
	b := bridgeOf(a.record)
	b.Created = createdByUs
	b.Warnings = append(b.Warnings, truncate("not on the incident yet: "+userMessage(cause), 300))
	return b, nil
}

// publishRejected closes a bridge that PagerDuty rejects for good. Minutes later, if an
// earlier write landed late after all, it is attached instead.
func (a *attempt) publishRejected(ctx context.Context, cause error) error {
	err := a.update(ctx, func(r *ledger.Record) {
		r.ReleaseLease()
		switch {
		case r.State == ledger.StateCreated && r.Previous != nil: //mutant:revert-to-previous
			r.RevertToPrevious(a.svc.cfg.now())
		case r.State == ledger.StateCreated:
			r.StartClosing(ledger.CloseRejected, a.svc.cfg.now(), ledger.VerifyDelay)
		}
	})
	if errors.Is(err, ledger.ErrConflict) {
		return err
	}
	return inStep("publish", errors.Join(cause, err))
}
