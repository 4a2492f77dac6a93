package install

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

const (
	installBudget  = 30 * time.Second // for an install to write its grants
	clockMargin    = 2 * time.Second  // between the clocks of two processes
	rollbackBudget = 8 * time.Second

	// lateWriteMargin is how late a write may reach the store whose writer has given up.
	lateWriteMargin = 10 * time.Second
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
			_, rollbackErr := i.rollback(ctx, lock.ID)
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrUnavailable, err), rollbackErr)
		}
	}
	r, err := i.finishInstall(ctx, lock, granted)
	if err == nil {
		return r.info(), nil
	}
	r, rollbackErr := i.rollback(ctx, lock.ID)
	if rollbackErr == nil && r.isInstalled(lock.ID) {
		return r.info(), nil // it was stored, and the reply was lost
	}
	return nil, errors.Join(err, rollbackErr)
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
		for _, app := range i.apps {
			if err := r.checkSameAccount(app.vendor, granted[app.vendor].account()); err != nil {
				return false, err
			}
		}
		if err := r.checkNotRemoved(granted[VendorZoom]); err != nil {
			return false, err
		}
		if r.Lock.active(now) { //mutant:install-lock-active
			return false, fmt.Errorf("%w: try again in half a minute", ErrInProgress)
		}
		if r.Lock != nil { // of a process that crashed
			r.releaseLock(now)
		}
		lock.Until = now.Add(installBudget + clockMargin).UTC() //mutant:install-lock-until
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
		if r.isInstalled(lock.ID) {
			return false, nil
		}
		if !r.holdsLock(lock.ID) || r.Lock.Cancelled {
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

// rollback ends an install that failed, or whose process crashed: it releases the lock
// and then deletes its grants. The order matters: once the lock is gone, a late write of
// the install cannot make it the installation any more. If the record says that it is,
// nothing is done. What rollback cannot do now, Maintain does.
func (i *Installation) rollback(ctx context.Context, id string) (*record, error) {
	ctx, cancel := detachctx.Context(ctx, rollbackBudget)
	defer cancel()
	r, err := i.records.update(ctx, func(r *record) (bool, error) { //mutant:rollback-release
		if !r.holdsLock(id) {
			return false, nil
		}
		r.releaseLock(i.now())
		return true, nil
	})
	if err != nil ||
		r.isInstalled(id) { //mutant:rollback-installed
		return r, err
	}
	return r, i.deleteGrants(ctx, id) //mutant:rollback-delete
}

// deleteGrants deletes the grants of one install, at all vendors.
func (i *Installation) deleteGrants(ctx context.Context, id string) error {
	var faults []error
	for _, app := range i.apps {
		faults = append(faults, app.grant.Uninstall(ctx, id))
	}
	return errors.Join(faults...)
}
