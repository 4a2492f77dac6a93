package install

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	teardownBudget = 1200 * time.Millisecond // of PagerDuty: the tokens must be deleted in time
	uninstallRetry = 5 * time.Second         // until Maintain continues an uninstall
)

// Deauthorization is what Zoom reports of the removal of an app.
type Deauthorization struct {
	ClientID  string // of the app; another app's, or an empty one, is ignored
	AccountID string
	At        time.Time
}

// latest is the latest moment that At may stand for: deliveries give it in milliseconds,
// some in whole seconds.
func (d Deauthorization) latest() time.Time {
	if d.At.Nanosecond() == 0 {
		return d.At.Add(time.Second - time.Nanosecond)
	}
	return d.At.Truncate(time.Millisecond).Add(time.Millisecond - time.Nanosecond)
}

// UninstallReport is what an uninstall left behind.
type UninstallReport struct {
	// Leftovers name what stays at PagerDuty, and why. Somebody has to remove it there by
	// hand.
	Leftovers []string
}

// Uninstall ends the installation because the app was removed at Zoom, if it is this app
// and this account, and the installation is not younger than the removal: Zoom reports it
// for an hour, also after a new install. Otherwise ok is false. Either way the removal is
// remembered for an hour, so that an install in progress with an older consent fails.
//
// First the record is changed, and nothing is opened any more. Then what was set up at
// PagerDuty is deleted as far as PagerDuty cooperates, then every token of both vendors.
// An error with ok means that Maintain has to finish; an error without ok, that Uninstall
// must be called again.
func (i *Installation) Uninstall(ctx context.Context, d Deauthorization) (report UninstallReport, ok bool, err error) {
	const op = "uninstall"
	r, ok, err := i.beginUninstall(ctx, d)
	if err != nil || !ok {
		return UninstallReport{}, false, wrap(op, err)
	}
	report, err = i.finishUninstall(ctx, r)
	return report, true, wrap(op, err)
}

// beginUninstall records the removal, and the end of the installation if the removal ends
// it.
func (i *Installation) beginUninstall(ctx context.Context, d Deauthorization) (r *record, ok bool, err error) {
	if d.ClientID == "" || d.ClientID != i.clientID {
		return nil, false, nil
	}
	r, err = i.records.update(ctx, func(r *record) (bool, error) {
		now := i.now()
		ok = r.State == stateInstalled && r.Zoom != nil && r.Zoom.ID == d.AccountID &&
			!d.latest().Before(r.InstalledAt) //mutant:removal-age
		if ok && r.Lock.active(now) && d.latest().Before(r.Lock.AuthorizedAt) {
			return false, ErrInProgress // it is being installed again
		}
		at := d.latest()
		if now.Before(at) {
			at = now // a clock ahead of ours must not refuse the consents that are yet to come
		}
		removals, recorded := r.Removals.with(d.AccountID, at, now)
		r.Removals = removals
		if ok {
			r.uninstall(now)
		}
		return recorded || ok, nil
	})
	return r, ok, err
}

// finishUninstall removes what the record lists at PagerDuty, and deletes the tokens.
func (i *Installation) finishUninstall(ctx context.Context, r *record) (UninstallReport, error) {
	report := UninstallReport{Leftovers: i.teardown(ctx, r.Setup)}
	return report, i.revokePending(ctx, r)
}

// revokePending deletes the grants that the record says must be deleted.
func (i *Installation) revokePending(ctx context.Context, r *record) error {
	at := i.now() // a grant that is written later must be deleted again

	for _, id := range r.RevokeIDs { //mutant:revoke-grants
		if err := i.deleteGrants(ctx, id); err != nil {
			return err
		}
	}
	_, err := i.records.update(ctx, func(now *record) (bool, error) {
		if len(now.RevokeIDs) == 0 {
			return false, nil
		}
		now.revoked(r.RevokeIDs, at)
		return true, nil
	})
	return err
}

// teardown deletes what was set up at PagerDuty, concurrently, and names what stays.
func (i *Installation) teardown(ctx context.Context, setup setupRecord) (leftovers []string) {
	if i.pagerDuty == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, teardownBudget)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	try := func(what, id string, remove func(context.Context, string) error) {
		all.Go(func() {
			if err := remove(ctx, id); err != nil {
				mu.Lock()
				defer mu.Unlock()
				leftovers = append(leftovers, what+" "+id+": "+problem(err, nil))
			}
		})
	}
	if setup.SubscriptionID != "" {
		try("webhook subscription", setup.SubscriptionID, i.pagerDuty.DeleteWebhookSubscription)
	}
	for _, id := range setup.Actions {
		try("custom incident action", id, i.pagerDuty.DeleteExtension)
	}
	all.Wait()
	slices.Sort(leftovers)
	return leftovers
}
