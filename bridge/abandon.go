package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// requireInstalled returns ErrNotInstalled if the app was uninstalled.
func (s *Service) requireInstalled(ctx context.Context) error {
	if s.cfg.installation == nil {
		return nil
	}
	err := s.cfg.installation.Check(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tokenstore.ErrNotInstalled):
		return ErrNotInstalled
	default:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
}

// startInstallCheck checks concurrently with the caller whether the app is installed.
func (s *Service) startInstallCheck(ctx context.Context) func(context.Context) error {
	if s.cfg.installation == nil {
		return func(context.Context) error { return nil }
	}
	found := start(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.requireInstalled(ctx) })
	return func(ctx context.Context) error {
		_, err := found(ctx)
		return err
	}
}

// uninstalledError explains a vendor's error that came about because the app was uninstalled;
// nil: it did not.
func (s *Service) uninstalledError(ctx context.Context, fault error) error {
	if err := s.requireInstalled(ctx); errors.Is(err, ErrNotInstalled) {
		return fmt.Errorf("%w: %w", err, fault)
	}
	return nil
}

// maintain maintains the installation, and gives up what is open when there is none. serve:
// other work may be done.
func (s *Service) maintain(ctx context.Context) (serve bool, err error) {
	if s.cfg.installation == nil {
		return true, nil
	}
	if s.upkeep.due(s.cfg.now()) {
		upkeep, cancel := context.WithTimeout(ctx, readBudget) // nothing else is due meanwhile
		s.logError(ctx, wrap("maintain installation", "", s.cfg.installation.Maintain(upkeep)))
		cancel()
	}
	asked := s.cfg.now()
	err = s.requireInstalled(ctx)
	if errors.Is(err, ErrNotInstalled) {
		return false, s.abandonOpen(ctx, asked)
	}
	return err == nil, err
}

// abandonOpen gives up every open bridge, and what else is scheduled: without a grant nothing can
// be done about it. What was opened after the check belongs to a new installation.
func (s *Service) abandonOpen(ctx context.Context, checked time.Time) error {
	var faults []error
	err := s.ledger.Due(ctx, checked.Add(s.cfg.maxAge+s.cfg.retention), func(id string) {
		_, err := s.ledger.Update(ctx, id, func(r *ledger.Record) bool {
			if r.DueAt().IsZero() || r.OpenedAt.After(checked) {
				return false
			}
			r.Abandon(checked)
			return true
		})
		if err != nil {
			faults = append(faults, wrap("abandon", id, err))
		}
	})
	return errors.Join(append(faults, err)...)
}
