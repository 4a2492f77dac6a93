package bridge

import (
	"context"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Installation is an app that administrators install by consent, as far as a Service needs to
// know. *install.Installation is one.
type Installation interface {
	// Check returns nil if the app is installed. If not, the error matches
	// tokenstore.ErrNotInstalled; any other error means that it is not known now.
	Check(ctx context.Context) error
	// Maintain finishes what a crash left half-way, and keeps idle grants alive. A Service calls
	// it once a minute.
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
