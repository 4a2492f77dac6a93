package bridge

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// upkeepEvery is how often a process looks after the installation itself.
const upkeepEvery = time.Minute

// attend goes on with an install or uninstall that stopped half-way, and keeps idle grants alive.
func (i *Installation) attend(ctx context.Context) error {
	r, _, err := i.read(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	switch {
	case r.State == leaving && !now.Before(r.RetryAt):
		_, err = i.leave(ctx, r)
	case r.Claim != nil && !r.Claim.stands(now):
		err = i.forget(ctx, r.Claim, nil)
	}
	if r.State != installed {
		return err
	}
	return errors.Join(err, i.keepAlive(ctx))
}

// keepAlive refreshes every grant that is due, side by side: a vendor that hangs must not cost the other's grant.
func (i *Installation) keepAlive(ctx context.Context) error {
	var grants sync.WaitGroup
	faults := make([]error, len(i.apps))
	for n, a := range i.apps {
		grants.Go(func() { faults[n] = a.grant.KeepAlive(ctx) })
	}
	grants.Wait()
	return errors.Join(faults...)
}

// watch has every Service that serves this installation told of the refreshes of this process.
func (i *Installation) watch(told func(context.Context, Vendor, tokenstore.Refresh)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.watchers = append(i.watchers, told)
}

func (i *Installation) tell(ctx context.Context, vendor Vendor, r tokenstore.Refresh) {
	i.mu.Lock()
	watchers := i.watchers
	i.mu.Unlock()
	for _, told := range watchers {
		told(ctx, vendor, r)
	}
}

// refreshed reports a refresh to whoever watches.
func (s *Service) refreshed(ctx context.Context, vendor Vendor, r tokenstore.Refresh) {
	if r.Err != nil {
		s.cfg.logger.WarnContext(ctx, "a token was not refreshed", "vendor", vendor, "error", r.Err, "duration", r.Duration)
		s.cfg.handleEvent(ctx, Event{Kind: EventRefreshFailed, Vendor: vendor, Duration: r.Duration, Err: r.Err})
		return
	}
	s.cfg.logger.InfoContext(ctx, "token refreshed", "vendor", vendor, "duration", r.Duration)
	s.cfg.handleEvent(ctx, Event{Kind: EventTokenRefreshed, Vendor: vendor, Duration: r.Duration})
}
