package install

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

const (
	installBudget  = 30 * time.Second // for an install to write its grants
	clockMargin    = 2 * time.Second  // between the clocks of two processes
	rollbackBudget = 8 * time.Second
)

// Install installs the app with these authorizations, one of each of Vendors. It replaces
// what was installed before, and a refresh that is still in progress for that is dropped.
// What was set up at PagerDuty stays: see Setup.
//
// It fails with ErrOtherAccount if another account's app was installed meanwhile,
// ErrInProgress if another install holds the lock, and ErrNotInstalled if the app was
// removed meanwhile. Then nothing is kept of the authorizations.
func (i *Installation) Install(ctx context.Context, authorizations ...*Authorization) (*Info, error) {
	info, err := i.install(ctx, authorizations)
	return info, wrap("install", err)
}

func (i *Installation) install(ctx context.Context, authorizations []*Authorization) (*Info, error) {
	granted, err := i.checkComplete(authorizations)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, installBudget)
	defer cancel()
	lock := &installLock{ID: rand.Text(), AuthorizedAt: granted[i.apps[0].vendor].fields.At}
	if err := i.acquireLock(ctx, lock, granted); err != nil {
		return nil, err
	}
	for _, app := range i.apps {
		if err := app.grant.Save(ctx, lock.ID, granted[app.vendor].token()); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrUnavailable, err), i.rollback(ctx, lock.ID))
		}
	}
	r, err := i.finishInstall(ctx, lock, granted)
	if err != nil {
		return nil, errors.Join(err, i.rollback(ctx, lock.ID))
	}
	return r.info(), nil
}

// checkComplete checks that there is one authorization of every vendor.
func (i *Installation) checkComplete(authorizations []*Authorization) (map[Vendor]*Authorization, error) {
	granted := map[Vendor]*Authorization{}
	for _, a := range authorizations {
		if a == nil || a.fields.Account == nil {
			return nil, fmt.Errorf("%w: an empty authorization", ErrInvalid)
		}
		granted[a.fields.Vendor] = a
	}
	for _, app := range i.apps {
		if granted[app.vendor] == nil {
			return nil, fmt.Errorf("%w: the authorization of %s is missing", ErrInvalid, app.vendor)
		}
	}
	if len(authorizations) != len(i.apps) {
		return nil, fmt.Errorf("%w: %d authorizations for %d apps", ErrInvalid, len(authorizations), len(i.apps))
	}
	return granted, nil
}

// acquireLock keeps other installs from writing grants while this one does.
func (i *Installation) acquireLock(ctx context.Context, lock *installLock, granted map[Vendor]*Authorization) error {
	_, err := i.records.updateOrReplace(ctx, func(r *record) (bool, error) {
		now := i.now()
		for vendor, a := range granted {
			if err := r.checkSameAccount(vendor, a.fields.Account); err != nil {
				return false, err
			}
		}
		if err := r.checkNotRemoved(granted[VendorZoom]); err != nil {
			return false, err
		}
		if r.Lock.active(now) {
			return false, fmt.Errorf("%w: try again in half a minute", ErrInProgress)
		}
		if r.Lock != nil { // of a process that crashed
			r.RevokeIDs = append(r.RevokeIDs, r.Lock.ID)
		}
		lock.Until = now.Add(installBudget + clockMargin).UTC()
		r.Lock = lock
		return true, nil
	})
	return err
}

// finishInstall makes the record say that the app is installed, if the lock is still
// ours.
func (i *Installation) finishInstall(
	ctx context.Context, lock *installLock, granted map[Vendor]*Authorization,
) (*record, error) {
	return i.records.update(ctx, func(r *record) (bool, error) {
		if r.ID == lock.ID && r.State == stateInstalled {
			return false, nil
		}
		if !r.holdsLock(lock.ID) {
			return false, fmt.Errorf("%w: it was removed, or installed by somebody else, meanwhile", ErrNotInstalled)
		}
		if err := r.checkNotRemoved(granted[VendorZoom]); err != nil {
			return false, err
		}
		if r.State != stateInstalled {
			r.Setup = setupRecord{} // what it lists was removed, or is being removed
		}
		r.State, r.ID, r.InstalledAt, r.Lock = stateInstalled, lock.ID, lock.AuthorizedAt, nil
		r.RevokeIDs, r.RevokeUntil, r.RetryAt = nil, time.Time{}, time.Time{} // their grants are overwritten
		r.Zoom, r.PagerDuty = granted[VendorZoom].account(), granted[VendorPagerDuty].account()
		return true, nil
	})
}

// rollback deletes the grants of an install that failed, and releases its lock. If it
// cannot, Maintain does it when the lock has expired.
func (i *Installation) rollback(ctx context.Context, id string) error {
	ctx, cancel := detach.Context(ctx, rollbackBudget)
	defer cancel()
	if err := i.deleteGrants(ctx, id); err != nil {
		return err
	}
	_, err := i.records.update(ctx, func(r *record) (bool, error) {
		if !r.holdsLock(id) {
			return false, nil
		}
		r.Lock = nil
		return true, nil
	})
	return err
}

// deleteGrants deletes the grants of one install, at all vendors.
func (i *Installation) deleteGrants(ctx context.Context, id string) error {
	var faults []error
	for _, app := range i.apps {
		faults = append(faults, app.grant.Uninstall(ctx, id))
	}
	return errors.Join(faults...)
}
