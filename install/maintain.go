package install

import (
	"context"
	"errors"
	"sync"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Maintain finishes an install or uninstall that a crash left half-way, and keeps idle
// grants alive. Call it every minute or so, in any process: a bridge.Service does.
func (i *Installation) Maintain(ctx context.Context) error {
	return wrap("maintain", i.maintain(ctx))
}

func (i *Installation) maintain(ctx context.Context) error {
	r, _, err := i.records.read(ctx)
	if err != nil {
		return err
	}
	var faults []error
	now := i.now()
	if r.Lock != nil && !r.Lock.active(now) { //mutant:maintain-lock
		_, err := i.rollback(ctx, r.Lock.ID)
		faults = append(faults, err)
	}
	switch retry := len(r.RevokeIDs) > 0 && !now.Before(r.RetryAt); {
	case retry && r.State == stateUninstalling:
		_, err := i.finishUninstall(ctx, r)
		faults = append(faults, err)
	case retry:
		faults = append(faults, i.revokePending(ctx, r))
	}
	if r.State == stateInstalled {
		faults = append(faults, i.keepAlive(ctx))
	}
	return errors.Join(faults...)
}

// keepAlive refreshes every grant that is due, concurrently: a vendor that hangs must not
// cost the other's grant.
func (i *Installation) keepAlive(ctx context.Context) error {
	var grants sync.WaitGroup
	faults := make([]error, len(i.apps))
	for n, app := range i.apps {
		grants.Go(func() { faults[n] = app.grant.KeepAlive(ctx) })
	}
	grants.Wait()
	return errors.Join(faults...)
}

// OnRefresh calls handler after every refresh of a grant in this process. The vendor is
// one of Vendors; an error matches a sentinel of tokenstore.
func (i *Installation) OnRefresh(handler func(ctx context.Context, vendor string, r tokenstore.Refresh)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handlers = append(i.handlers, handler)
}

func (i *Installation) notify(ctx context.Context, vendor Vendor, r tokenstore.Refresh) {
	i.mu.Lock()
	handlers := i.handlers
	i.mu.Unlock()
	for _, handle := range handlers {
		handle(ctx, string(vendor), r)
	}
}
