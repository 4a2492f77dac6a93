package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// audit removes the calls that a lost create of this incident left behind: what carries this ledger's marker and an
// older generation, or this generation and another call than the decided one. It runs only once the generation is
// decided or over. A call that has started is left, named in a note, and removed once it is over. A pass counts only if
// every list and every removal succeeded: whoever begins one moves it a little, and takes it away at the end.
func (s *Service) audit(ctx context.Context, e entry) error {
	now := s.now()
	again := now.Add(auditAgain).Truncate(time.Millisecond)
	e, err := s.ledger.update(ctx, e.IncidentID, func(r *record) error {
		if r.State == StateCreating {
			return errUnchanged
		}
		r.AuditAt = append(slices.DeleteFunc(r.AuditAt, func(at time.Time) bool { return !at.After(now) }), again)
		return nil
	})
	if err != nil || e.version == "" || e.State == StateCreating {
		return err
	}
	ledger, err := s.ledger.identity(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for i, b := range e.Tried {
		p := s.providerOf(b.Provider)
		if p == nil || slices.ContainsFunc(e.Tried[:i], b.samePlace) {
			continue
		}
		if err := s.auditAt(ctx, p, b.Host, e, ledger); err != nil {
			faults = append(faults, fmt.Errorf("%s of %s: %w", p.Name(), b.Host, err))
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	_, err = s.ledger.update(ctx, e.IncidentID, func(r *record) error {
		r.AuditAt = slices.DeleteFunc(r.AuditAt, again.Equal)
		if len(r.AuditAt) == 0 && !r.State.Open() && r.Nonce == e.Nonce {
			r.Tried = nil
		}
		return nil
	})
	return err
}

// auditAgain is how soon a pass that failed, or whose process died, is made again.
const auditAgain = time.Minute

func (b berth) samePlace(other berth) bool {
	return b.Provider == other.Provider && b.Host == other.Host
}

func (s *Service) auditAt(ctx context.Context, p Provider, host string, e entry, ledger string) error {
	ctx, cancel := context.WithTimeout(ctx, flightBudget)
	defer cancel()
	var surplus []string
	for call, err := range p.Meetings(ctx, host) {
		if err != nil {
			return err
		}
		if m, ok := parseMarker(call.Agenda); ok && e.surplus(m, ledger, call.ID) {
			surplus = append(surplus, call.ID)
		}
	}
	for _, id := range surplus {
		if err := s.removeSurplus(ctx, p, e.IncidentID, id); err != nil {
			return err
		}
	}
	return nil
}

// surplus says whether a marked call is ours to remove.
func (r *record) surplus(m marker, ledger, callID string) bool {
	if m.ledger != ledger || m.incident != r.IncidentID || m.generation > r.Generation {
		return false
	}
	if r.Standing != nil && r.Standing.Call.MeetingID == callID {
		return false // the incident may show it still
	}
	return r.Call == nil || r.Call.MeetingID != callID
}

var errStarted = errors.New("bridge: a surplus call has started and is left until it is over")

func (s *Service) removeSurplus(ctx context.Context, p Provider, incidentID, callID string) error {
	call, err := p.Meeting(ctx, callID, MeetingSpec{})
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if call.Started {
		return errors.Join(errStarted, s.nameSurplus(ctx, incidentID, callID))
	}
	return p.Delete(ctx, callID)
}

// nameSurplus tells people, once, that some of them are in another call.
func (s *Service) nameSurplus(ctx context.Context, incidentID, callID string) error {
	text, news := "people are in another meeting of this incident, "+callID, false
	_, err := s.ledger.update(ctx, incidentID, func(r *record) error {
		if news = r.warn(text); !news {
			return errUnchanged
		}
		return nil
	})
	if err == nil && news {
		s.addNote(ctx, incidentID, "Conference bridge: "+text+"; it is removed once they have left.")
	}
	return err
}
