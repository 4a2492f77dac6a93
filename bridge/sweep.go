package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	sweepEvery  = 24 * time.Hour // for the whole fleet
	sweepLook   = time.Hour      // how often a process looks whether a sweep is due
	strayMaxAge = 24 * time.Hour // a marked call without a record is left so long
)

// sweepDaily sweeps if no process of the fleet did within a day. The first look of all only starts the clock: in a new
// store there is nothing that could be ours.
func (s *Service) sweepDaily(ctx context.Context) (swept bool, err error) {
	key, now := "sweep/"+s.installation, s.now()
	stored, err := s.ledger.store.Get(ctx, key)
	first := errors.Is(err, tokenstore.ErrNotFound)
	if err != nil && !first {
		return false, fmt.Errorf("%w: the time of the last sweep cannot be read: %w", ErrUnavailable, err)
	}
	last, _ := time.Parse(time.RFC3339, string(stored.Value)) // what cannot be read was long ago
	if !first && now.Sub(last) < sweepEvery {
		return false, nil
	}
	stored.Value = []byte(now.UTC().Format(time.RFC3339))
	_, err = s.ledger.store.Put(ctx, key, stored)
	if errors.Is(err, tokenstore.ErrConflict) || err == nil && first {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: the time of a sweep cannot be written: %w", ErrUnavailable, err)
	}
	return true, fail("sweep", "", s.sweep(ctx))
}

// sweep looks through every host for calls of ours that no audit found, such as one whose create landed hours late.
func (s *Service) sweep(ctx context.Context) error {
	ledger, err := s.ledger.identity(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, p := range s.providers {
		for _, host := range p.Hosts("") {
			if err := s.sweepAt(ctx, p, host, ledger); err != nil {
				faults = append(faults, fmt.Errorf("%s of %s: %w", p.Name(), host, err))
			}
		}
	}
	return errors.Join(faults...)
}

func (s *Service) sweepAt(ctx context.Context, p Provider, host, ledger string) error {
	ctx, cancel := context.WithTimeout(ctx, flightBudget)
	defer cancel()
	var marked []*Meeting
	for call, err := range p.Meetings(ctx, host) {
		if err != nil {
			return err
		}
		if m, ok := parseMarker(call.Agenda); ok && m.ledger == ledger {
			marked = append(marked, call)
		}
	}
	var faults []error
	for _, call := range marked {
		m, _ := parseMarker(call.Agenda)
		// The record is read after the list: what was decided meanwhile is not taken for surplus.
		e, err := s.ledger.read(ctx, m.incident)
		if err == nil && s.stray(e, m, call) {
			err = s.removeSurplus(ctx, p, m.incident, call.ID)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// stray says whether a marked call is to go: by the rule of the audit, or because nothing is known of it any more.
func (s *Service) stray(e entry, m marker, call *Meeting) bool {
	if e.version == "" {
		return !call.CreatedAt.IsZero() && s.now().Sub(call.CreatedAt) > strayMaxAge
	}
	return e.State != StateCreating && e.surplus(m, m.ledger, call.ID)
}
