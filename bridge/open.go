package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

// carriedAge is how long what a trigger carries may be used in the place of a read.
const carriedAge = time.Minute

// Open makes the incident's bridge or returns the one that is there. It is idempotent:
// however often and from however many processes it is called, the incident gets one
// meeting.
//
// A bridge returned as StateAttached is on the incident. StateCreating or StateCreated,
// with a nil error, means that the ledger holds it but the caller's context ended, or
// PagerDuty did not take it yet: Run continues. Work outlives the caller's context,
// bounded; an *Error with Kept set means that the ledger tries again by itself.
func (s *Service) Open(ctx context.Context, req Request) (*Bridge, error) {
	return s.open(ctx, "open", req)
}

// Replace makes a new bridge for an incident that has one, on purpose, and returns it as
// Open does. Where there is none of ours it is Open: a human's bridge is kept, one that
// is being made will do. Of several calls at once, and for one delivered again under its
// IdempotencyKey, there is one new bridge.
//
// The previous bridge is given up once its successor is on the incident: its meeting is
// deleted, or when people are in it, left until they are gone and named in a note. Where
// no successor comes about, it stays as before and the error says why.
func (s *Service) Replace(ctx context.Context, req Request) (*Bridge, error) {
	req.replace = true
	return s.open(ctx, "replace", req)
}

func (s *Service) open(ctx context.Context, op string, req Request) (*Bridge, error) {
	began := time.Now()
	req.arrived = s.cfg.now()
	checkInstalled := s.startInstallCheck(ctx)
	id, err := s.resolveTrigger(ctx, &req)
	if err != nil {
		return nil, wrap(op, id, err)
	}
	b, err := s.joinOrStart(ctx, id, req, checkInstalled)
	if err == nil && b.Created {
		return b, nil // recordChanged tells of it
	}
	s.reportOpen(ctx, id, b, err, time.Since(began))
	if req.NoteOnRefusal && err != nil {
		s.noteRefusal(ctx, id, err)
	}
	return b, wrap(op, id, err)
}

// resolveTrigger checks the request without any call, then turns a number into the id.
func (s *Service) resolveTrigger(ctx context.Context, req *Request) (string, error) {
	if err := req.validate(); err != nil {
		return "", err
	}
	id, err := s.incidents.ParseID(req.IncidentID)
	if err != nil {
		return "", err
	}
	if req.Trigger.Event != "" && !s.cfg.openOn.admits(req.Trigger) {
		return id, fmt.Errorf("%w: %s", ErrIgnored, truncate(req.Trigger.Event, 80))
	}
	if !req.OccurredAt.IsZero() && s.cfg.now().Sub(req.OccurredAt) > s.cfg.triggerMaxAge {
		return id, fmt.Errorf("%w: it happened more than %v ago", ErrStale, s.cfg.triggerMaxAge)
	}
	carried := req.Incident
	tooOld := req.OccurredAt.IsZero() || s.cfg.now().Sub(req.OccurredAt) > carriedAge //mutant:carried-age
	if carried == nil || carried.ID != id || carried.Status == "" || carried.Bridge == nil || tooOld {
		req.Incident = nil // it does not hold all that a read would be made for
	}
	if !isNumber(id) {
		return id, nil
	}
	incident, err := s.readIncident(ctx, id)
	if err != nil {
		return id, err
	}
	req.Incident, req.live = incident, true
	return incident.ID, nil
}

// resolveID turns what a caller gave into the incident's id.
func (s *Service) resolveID(ctx context.Context, given string) (string, error) {
	id, err := s.incidents.ParseID(given)
	if err != nil || !isNumber(id) {
		return id, err
	}
	incident, err := s.readIncident(ctx, id)
	if err != nil {
		return id, err
	}
	return incident.ID, nil
}

// joinOrStart answers from the record where it can, else joins the attempt for this
// incident or starts one.
func (s *Service) joinOrStart(
	ctx context.Context, id string, req Request, checkInstalled func(context.Context) error,
) (*Bridge, error) {
	for {
		r, err := s.ledger.Read(ctx, id)
		if err == nil {
			err = checkInstalled(ctx)
		}
		if err != nil {
			return nil, inStep("read record", err)
		}
		req = req.targetGeneration(r)
		if b, done, err := s.fromRecord(ctx, r, req); done || err != nil {
			return b, err
		}
		shared, started, err := s.inFlight.do(ctx, id, func(ctx context.Context, shared *sharedAttempt) {
			a := s.newAttempt(r, req, shared)
			a.installChecked = true
			shared.bridge, shared.err = a.run(ctx)
		})
		if err != nil {
			return nil, err
		}
		if !started {
			// Whether the one who started it may open says nothing about this caller.
			_, err := s.authorize(ctx, req.Requester, req.Trigger.Kind, s.incidentReader(id))
			if err != nil {
				return nil, err
			}
		}
		select {
		case <-shared.done:
		case <-ctx.Done():
			if b := shared.acknowledge(started); b != nil {
				return b, nil
			}
			return nil, fmt.Errorf("%w: %w", deadlineError(started), ctx.Err()) //mutant:durable-claim
		}
		if started {
			if errors.Is(shared.err, errHardDeadline) {
				if b := shared.acknowledge(started); b != nil {
					return b, nil
				}
			}
			return shared.bridge, shared.err
		}
		if shared.bridge == nil && (isRequesterError(shared.err) || isIncidentError(shared.err)) ||
			shared.bridge != nil && shared.bridge.Generation < req.minGeneration {
			continue // their outcome is not this caller's
		}
		if shared.bridge == nil {
			return nil, withoutKept(shared.err)
		}
		// The record decides, not the attempt: it may have changed since the attempt's
		// last write.
		current, err := s.ledger.Read(ctx, id)
		if err != nil {
			return nil, inStep("read record", err)
		}
		found := *shared.bridge
		changed := bridgeOf(current).State != found.State || current.Generation != found.Generation
		served := found.JoinURL != "" || found.DialIn != ""
		if changed || !served {
			continue
		}
		found.Created, found.Warnings = false, slices.Clone(found.Warnings)
		s.storeIdempotencyKey(ctx, id, found.Generation, req)
		return &found, nil
	}
}

// newAttempt begins work on the incident, from the record as it was just read.
func (s *Service) newAttempt(r *ledger.Record, req Request, callers *sharedAttempt) *attempt {
	return &attempt{svc: s, id: r.IncidentID, req: req, callers: callers, record: r, owner: ledger.NewNonce()}
}

// deadlineError tells a caller whose own trigger is not kept from one who waits for
// somebody else's.
func deadlineError(started bool) error {
	if started {
		return ErrUnavailable
	}
	return ErrInProgress
}

// isRequesterError reports whether err concerns this requester only.
func isRequesterError(err error) bool {
	return errors.Is(err, ErrForbidden) || errors.Is(err, ErrIgnored) || errors.Is(err, ErrStale)
}

// isIncidentError reports whether err came from reading the incident, which may be older
// than another caller's trigger.
func isIncidentError(err error) bool {
	return errors.Is(err, ErrResolved) || errors.Is(err, ErrIncidentNotFound)
}

// withoutKept is err as it is for a caller whose own trigger is not in the ledger.
func withoutKept(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Kept = false
	return &told
}

// fromRecord answers what needs no work. Unless done, there is something to claim.
func (s *Service) fromRecord(ctx context.Context, r *ledger.Record, req Request) (b *Bridge, done bool, err error) {
	if !r.Exists() || mustReplace(r, req) {
		return nil, false, nil
	}
	known := r.KeyGeneration(req.IdempotencyKey) != 0
	switch r.State {
	case ledger.StateAttached:
	case ledger.StateClosing, ledger.StateEnding, ledger.StateClosed, ledger.StateAbandoned:
		if known && r.Decision == nil {
			return nil, false, fmt.Errorf("%w: this delivery was answered before: %w", ErrStale, errorForReason(r.CloseReason))
		}
		if !known && req.at().Before(r.LastClosedAt) { //mutant:trigger-time
			return nil, false, fmt.Errorf("%w: it happened before the bridge was closed: %w", ErrStale, ErrResolved)
		}
		if !known {
			return nil, false, nil
		}
	case ledger.StateNone, ledger.StateCreating, ledger.StateCreated, ledger.StateFailed, ledger.StateExternal:
		return nil, false, nil
	}
	_, err = s.authorize(ctx, req.Requester, req.Trigger.Kind, s.incidentReader(r.IncidentID))
	if err != nil {
		return nil, false, err
	}
	if !known {
		s.storeIdempotencyKey(ctx, r.IncidentID, r.Generation, req)
	}
	return bridgeOf(r), true, nil
}

// storeIdempotencyKey keeps the key of a trigger that has no time of its own, so that its
// redelivery after the bridge is closed starts nothing. A trigger with a time is told by
// that.
func (s *Service) storeIdempotencyKey(ctx context.Context, id string, generation int, req Request) {
	if req.IdempotencyKey == "" || !req.OccurredAt.IsZero() {
		return
	}
	_, err := s.ledger.Update(ctx, id, func(r *ledger.Record) bool {
		if r.KeyGeneration(req.IdempotencyKey) != 0 {
			return false
		}
		r.AddKey(req.IdempotencyKey, generation, s.cfg.now())
		return true
	})
	if err != nil {
		s.cfg.logger.WarnContext(ctx, "idempotency key not stored", "incident_id", id, "error", err)
	}
}

// errorForReason is why a generation ended without a bridge.
func errorForReason(reason ledger.CloseReason) error {
	switch reason {
	case ledger.CloseForbidden:
		return ErrForbidden
	case ledger.CloseNotFound:
		return ErrIncidentNotFound
	case ledger.CloseIgnored:
		return ErrIgnored
	default:
		return ErrResolved
	}
}

// targetGeneration fixes which generation satisfies a Replace: the one after the bridge
// that existed when Replace was called.
func (r Request) targetGeneration(record *ledger.Record) Request {
	if r.replace && record.Replaceable() && !r.at().Before(record.OpenedAt) {
		r.minGeneration = record.Generation + 1
	}
	r.replace = false
	return r
}

// mustReplace reports whether a Replace still has to begin its generation. Another
// delivery of it may have done so meanwhile.
func mustReplace(r *ledger.Record, req Request) bool {
	return r.Replaceable() &&
		r.Generation < req.minGeneration && //mutant:replace-once
		r.KeyGeneration(req.IdempotencyKey) == 0 //mutant:replace-redelivered
}
