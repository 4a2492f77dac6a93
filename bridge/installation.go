package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Installation is an app that administrators install by consent, as far as a Service
// needs to know. *install.Installation is one.
type Installation interface {
	// Check returns nil if the app is installed. If not, the error matches
	// tokenstore.ErrNotInstalled; any other error means that it is not known now.
	Check(ctx context.Context) error
	// Maintain finishes what a crash left half-way, and keeps idle grants alive. A
	// Service calls it once a minute.
	Maintain(ctx context.Context) error
	// Wait returns when this process is refreshing no grant, or with ctx's error.
	Wait(ctx context.Context) error
	// OnRefresh calls handler after every refresh of a grant in this process.
	OnRefresh(handler func(ctx context.Context, vendor string, r tokenstore.Refresh))
}

// maintainInterval is how often a process maintains the installation.
const maintainInterval = time.Minute

// refreshed reports a refresh of a grant.
func (s *Service) refreshed(ctx context.Context, vendor string, r tokenstore.Refresh) {
	if r.Err != nil {
		s.cfg.logger.WarnContext(ctx, "token refresh failed", "vendor", vendor, "error", r.Err, "duration", r.Duration)
		s.cfg.handleEvent(ctx, Event{Kind: EventRefreshFailed, Vendor: vendor, Duration: r.Duration, Err: r.Err})
		return
	}
	s.cfg.logger.InfoContext(ctx, "token refreshed", "vendor", vendor, "duration", r.Duration)
	s.cfg.handleEvent(ctx, Event{Kind: EventTokenRefreshed, Vendor: vendor, Duration: r.Duration})
}

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

// uninstalledError explains a vendor's error that came about because the app was
// uninstalled; nil: it did not.
func (s *Service) uninstalledError(ctx context.Context, fault error) error {
	if err := s.requireInstalled(ctx); errors.Is(err, ErrNotInstalled) {
		return fmt.Errorf("%w: %w", err, fault)
	}
	return nil
}

// maintain maintains the installation, and gives up what is open when there is none.
// serve: other work may be done.
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

// abandonOpen gives up every open bridge, and what else is scheduled: without a grant
// nothing can be done about it. What was opened after the check belongs to a new
// installation.
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
