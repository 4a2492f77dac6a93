package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/zoom"
)

// installed says whether the app is installed, where that is by consent: ErrNotInstalled when it is not.
func (s *Service) installed(ctx context.Context) error {
	if s.consent == nil {
		return nil
	}
	_, err := s.consent.live(ctx)
	return err
}

// asInstalled begins to look whether the app is installed, beside what the caller does meanwhile.
func (s *Service) asInstalled(ctx context.Context) func(context.Context) error {
	if s.consent == nil {
		return func(context.Context) error { return nil }
	}
	found := async(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.installed(ctx) })
	return func(ctx context.Context) error {
		_, err := found(ctx)
		return err
	}
}

// removed is what a vendor's fault amounts to when it came about because the app was removed; nil: it was not.
func (s *Service) removed(ctx context.Context, fault error) error {
	if err := s.installed(ctx); errors.Is(err, ErrNotInstalled) {
		return fmt.Errorf("%w: %w", err, fault)
	}
	return nil
}

// consentFault marks a fault that a new consent mends: Zoom refuses even a token that its grant has just brought.
func (s *Service) consentFault(fault error) error {
	byConsent := s.consent != nil && s.consent.zoom != nil
	if byConsent && errors.Is(fault, zoom.ErrUnauthorized) && !errors.Is(fault, ErrReauthorize) {
		return fmt.Errorf("%w: %w", ErrReauthorize, fault)
	}
	return fault
}

// lookAfter keeps the installation well, and gives up what is open when there is none: false, nothing else is to be done.
func (s *Service) lookAfter(ctx context.Context) (bool, error) {
	if s.consent == nil {
		return true, nil
	}
	if s.upkeep.look(s.now()) {
		upkeep, cancel := context.WithTimeout(ctx, readBudget) // nothing else is due meanwhile
		s.complain(ctx, fail("keep the installation", "", s.consent.attend(upkeep)))
		cancel()
	}
	asked := s.now()
	err := s.installed(ctx)
	if errors.Is(err, ErrNotInstalled) {
		return false, s.abandonAll(ctx, asked)
	}
	return err == nil, err
}

// abandonAll gives up whatever is due some day, which is all that is open: without a grant nothing can be done about it.
// What was opened after the look belongs to a new installation.
func (s *Service) abandonAll(ctx context.Context, asked time.Time) error {
	var faults []error
	err := s.due(ctx, asked.Add(s.maxAge+s.retention), func(id string) {
		open := false
		e, err := s.ledger.update(ctx, id, func(r *record) error {
			if r.dueAt().IsZero() || r.OpenedAt.After(asked) {
				return errUnchanged
			}
			open = r.State.Open()
			r.abandon(asked)
			return nil
		})
		if err != nil {
			faults = append(faults, fail("abandon", id, err))
			return
		}
		if !open {
			return
		}
		b := e.bridge()
		s.logger.WarnContext(ctx, "the app was removed: this bridge is left as it is", "incident_id", id,
			"provider", b.Provider, "meeting_id", b.MeetingID, "generation", b.Generation)
		s.observe(ctx, Event{Kind: EventAbandoned, IncidentID: id, Provider: b.Provider, Generation: b.Generation})
	})
	return errors.Join(append(faults, err)...)
}

// abandon leaves everything as it is, due no more. Whoever is at work on it finds that it is not theirs any longer.
func (r *record) abandon(now time.Time) {
	free(r)
	if r.State.Open() {
		r.State, r.ClosedAt, r.OverAt = StateAbandoned, now, now
	}
	if r.Standing != nil {
		link := r.Standing.Call.link()
		r.Former = append(r.Former, former{MeetingID: r.Standing.Call.MeetingID, JoinURL: link.URL, Number: link.DialIn})
		r.Standing = nil
	}
	r.CloseAsk, r.AuditAt = "", nil
	r.RetryAt, r.VerifyAt, r.CloseAt, r.EndBy = time.Time{}, time.Time{}, time.Time{}, time.Time{}
}
