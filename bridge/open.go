package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Open makes the incident's bridge or returns the one that is there. It is idempotent: however often and from however
// many processes it is called, the incident gets one meeting.
//
// A bridge returned as Attached is on the incident. Creating or Created, with a nil error, means that the ledger holds
// it but the caller's context ended, or PagerDuty did not take it yet: Run goes on. Work outlives the caller's context,
// bounded; an *Error with Kept set means that the ledger tries again by itself.
func (s *Service) Open(ctx context.Context, req Request) (*Bridge, error) {
	return s.open(ctx, "open", req)
}

func (s *Service) open(ctx context.Context, op string, req Request) (*Bridge, error) {
	began := time.Now()
	req = req.withDefaults()
	req.arrived = s.now()
	installed := s.asInstalled(ctx)
	id, err := s.resolveTrigger(ctx, &req)
	if err != nil {
		return nil, fail(op, id, err)
	}
	b, err := s.openOnce(ctx, id, req, installed)
	s.tell(ctx, id, b, err, began)
	if req.NoteOnRefusal && err != nil {
		s.noteRefusal(ctx, id, err)
	}
	return b, fail(op, id, err)
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
	if err := s.admit(*req); err != nil {
		return id, err
	}
	carried := req.Incident
	if !carried.tells() || req.OccurredAt.IsZero() || s.now().Sub(req.OccurredAt) > carriedFor || carried.ID != id {
		req.Incident = nil
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

func (s *Service) readIncident(ctx context.Context, id string) (*Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	return s.incidents.Incident(ctx, id)
}

// openOnce answers from the record where it can, else joins the work on this incident or begins it.
func (s *Service) openOnce(
	ctx context.Context, id string, req Request, installed func(context.Context) error,
) (*Bridge, error) {
	for {
		e, err := s.ledger.read(ctx, id)
		if err == nil {
			err = installed(ctx)
		}
		if err != nil {
			return nil, err
		}
		req = req.aim(&e.record)
		if b, err := s.answer(ctx, e, req); b != nil || err != nil {
			return b, err
		}
		fl, led, err := s.flights.join(ctx, id, func(ctx context.Context, fl *flight) {
			o := s.opening(e, id, req, fl)
			o.vouched = true
			fl.bridge, fl.err = o.run(ctx)
		})
		if err != nil {
			return nil, err
		}
		if !led {
			// Whether the leader may open says nothing about this caller.
			if _, err := s.authorize(ctx, req.Requester, req.Trigger.Kind, s.looking(id)); err != nil {
				return nil, err
			}
		}
		select {
		case <-fl.done:
		case <-ctx.Done():
			if b := fl.promise(led); b != nil {
				return b, nil
			}
			return nil, fmt.Errorf("%w: %w", outOfTime(led), ctx.Err())
		}
		if led && errors.Is(fl.err, errNoTime) {
			if b := fl.promise(led); b != nil {
				return b, nil
			}
		}
		if led {
			return fl.bridge, fl.err
		}
		if fl.bridge == nil && (personal(fl.err) || looked(fl.err)) || fl.bridge != nil && fl.bridge.Generation < req.atLeast {
			continue
		}
		if fl.bridge == nil {
			return nil, notTheirs(fl.err)
		}
		found := *fl.bridge
		found.Created = false
		s.remember(ctx, id, found.Generation, req)
		return &found, nil
	}
}

// outOfTime tells a caller whose own trigger is not kept from one who waits for somebody else's.
func outOfTime(led bool) error {
	if led {
		return ErrUnavailable
	}
	return ErrInProgress
}

// personal says that an error is about the one who asked, not about the incident.
func personal(err error) bool {
	return errors.Is(err, ErrForbidden) || errors.Is(err, ErrIgnored) || errors.Is(err, ErrStale)
}

// notTheirs is an error as it is for a caller whose own trigger is not in the ledger.
func notTheirs(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Kept = false
	return &told
}

// looked says that an error is what a look at the incident found, which may be older than another caller's trigger.
func looked(err error) bool {
	return errors.Is(err, ErrResolved) || errors.Is(err, ErrIncidentNotFound)
}

// answer is what needs no work: Open 1. Without one there is something to claim.
func (s *Service) answer(ctx context.Context, e entry, req Request) (*Bridge, error) {
	if e.version == "" || e.isToBeReplaced(req) {
		return nil, nil
	}
	known := e.keyGeneration(req.IdempotencyKey) != 0
	switch e.State {
	case StateAttached:
	case StateClosing, StateEnding, StateClosed, StateAbandoned:
		if known && e.Call == nil {
			return nil, fmt.Errorf("%w: this delivery was answered before: %w", ErrStale, released(e.Reason))
		}
		if !known && req.at().Before(e.OverAt) {
			return nil, fmt.Errorf("%w: it happened before the bridge was closed: %w", ErrStale, ErrResolved)
		}
		if !known {
			return nil, nil
		}
	case StateCreating, StateCreated, StateFailed, StateExternal:
		return nil, nil
	}
	if _, err := s.authorize(ctx, req.Requester, req.Trigger.Kind, s.looking(e.IncidentID)); err != nil {
		return nil, err
	}
	if !known {
		s.remember(ctx, e.IncidentID, e.Generation, req)
	}
	return e.bridge(), nil
}

// remember keeps the key of a trigger that has no time of its own, so that its redelivery after the bridge is closed
// starts nothing. A trigger with a time is told by that.
func (s *Service) remember(ctx context.Context, id string, generation int, req Request) {
	if req.IdempotencyKey == "" || !req.OccurredAt.IsZero() {
		return
	}
	_, err := s.ledger.update(ctx, id, func(r *record) error {
		if r.keyGeneration(req.IdempotencyKey) != 0 {
			return errUnchanged
		}
		r.addKey(req.IdempotencyKey, generation, s.now())
		return nil
	})
	if err != nil {
		s.logger.WarnContext(ctx, "an idempotency key was not kept", "incident_id", id, "error", err)
	}
}

// released is why a generation ended without a bridge.
func released(reason CloseReason) error {
	switch reason {
	case closeForbidden:
		return ErrForbidden
	case closeMissing:
		return ErrIncidentNotFound
	case closeIgnored:
		return ErrIgnored
	default:
		return ErrResolved
	}
}
