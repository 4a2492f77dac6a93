package install

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// recordFormat is the newest format of the record that this program reads, and the one it
// writes. Formats before oldestFormat were never released.
const (
	recordFormat = 2
	oldestFormat = 2
)

// tombstoneTTL is longer than any late message about an installation is under way.
const tombstoneTTL = 90 * 24 * time.Hour

// recordState is the state of an installation. The zero value: it was never installed.
type recordState string

const (
	stateInstalled    recordState = "installed"
	stateUninstalling recordState = "uninstalling" // tokens may be left
	stateUninstalled  recordState = "uninstalled"
)

// record is the installation as the store holds it, in JSON. It has secrets, so it is
// never printed.
type record struct {
	Format      int            `json:"format"`
	Stamp       string         `json:"stamp"` // random, of one write: tells a lost reply from a lost race
	State       recordState    `json:"state,omitempty"`
	ID          string         `json:"id,omitempty"` // random, of one install; the grants carry it too
	InstalledAt time.Time      `json:"installed_at,omitzero"`
	Zoom        *Account       `json:"zoom,omitempty"`
	PagerDuty   *Account       `json:"pagerduty,omitempty"`
	Setup       setupRecord    `json:"setup,omitzero"`
	Lock        *installLock   `json:"lock,omitempty"`        // of an install in progress
	RevokeIDs   []string       `json:"revoke_ids,omitempty"`  // of installs whose grants must be deleted
	RevokeUntil time.Time      `json:"revoke_until,omitzero"` // until then one of those grants may still be written
	RetryAt     time.Time      `json:"retry_at,omitzero"`     // when Maintain deletes them, again
	Removals    recentRemovals `json:"removals,omitempty"`    // never changed in place
}

// installLock lets one install at a time write grants.
type installLock struct {
	ID           string    `json:"id"` // of the installation to be
	AuthorizedAt time.Time `json:"authorized_at"`
	Until        time.Time `json:"until"`
	// Cancelled: the app was removed meanwhile, so the install must fail. The lock stays
	// until the install has rolled back, or until it expires: it may still be writing.
	Cancelled bool `json:"cancelled,omitempty"`
}

func (l *installLock) active(now time.Time) bool { return l != nil && now.Before(l.Until) }

// setupRecord is what Setup made at PagerDuty.
type setupRecord struct {
	SubscriptionID string            `json:"subscription_id,omitempty"`
	WebhookSecret  string            `json:"webhook_secret,omitempty"` // signs the subscription's events
	PingedAt       time.Time         `json:"pinged_at,omitzero"`
	ReachableAt    time.Time         `json:"reachable_at,omitzero"`
	ActionToken    string            `json:"action_token,omitempty"` // the bearer token that the actions send
	Actions        map[string]string `json:"actions,omitempty"`      // service id -> extension id
	Problems       []string          `json:"problems,omitempty"`
	FailedServices []string          `json:"failed_services,omitempty"` // service ids
}

func (r *record) clone() *record {
	c := *r
	c.RevokeIDs = slices.Clone(r.RevokeIDs)
	if r.Lock != nil {
		lock := *r.Lock
		c.Lock = &lock
	}
	c.Setup.Actions = maps.Clone(r.Setup.Actions)
	return &c
}

func (r *record) info() *Info {
	return &Info{
		ID: r.ID, InstalledAt: r.InstalledAt, Zoom: r.Zoom, PagerDuty: r.PagerDuty,
		Setup: SetupStatus{
			SubscriptionID: r.Setup.SubscriptionID,
			PingedAt:       r.Setup.PingedAt,
			ReachableAt:    r.Setup.ReachableAt,
			Services:       slices.Sorted(maps.Keys(r.Setup.Actions)),
			FailedServices: slices.Clone(r.Setup.FailedServices),
			Problems:       slices.Clone(r.Setup.Problems),
		},
	}
}

// missingScopes are those that PagerDuty did not grant.
func (r *record) missingScopes() []string {
	if r.PagerDuty == nil {
		return nil
	}
	return r.PagerDuty.MissingScopes
}

// holdsLock reports whether the install in progress is the one with this id.
func (r *record) holdsLock(id string) bool { return r.Lock != nil && r.Lock.ID == id }

// isInstalled reports whether the app is installed, and by the install with this id.
func (r *record) isInstalled(id string) bool { return r.State == stateInstalled && r.ID == id }

// uninstall is the point of no return: no secret stays in the record.
func (r *record) uninstall(now time.Time) {
	r.State, r.RetryAt = stateUninstalling, now.Add(uninstallRetry)
	r.RevokeIDs = append(r.RevokeIDs, r.ID)
	if r.Lock != nil {
		r.Lock.Cancelled = true //mutant:uninstall-cancel
	}
	r.Setup.WebhookSecret, r.Setup.ActionToken = "", "" //mutant:uninstall-secrets
}

// releaseLock takes the lock from an install that failed. Its grants must be deleted, and
// again when no write of it can be under way any more.
func (r *record) releaseLock(now time.Time) {
	until := r.Lock.Until.Add(lateWriteMargin)
	if r.RevokeUntil.Before(until) {
		r.RevokeUntil = until
	}
	r.RevokeIDs, r.RetryAt, r.Lock = append(r.RevokeIDs, r.Lock.ID), now, nil
}

// revoked removes ids from those whose grants must be deleted, which was done at that
// time. An uninstall ends with the last of them.
func (r *record) revoked(ids []string, at time.Time) {
	if at.Before(r.RevokeUntil) { //mutant:revoke-until
		r.RetryAt = r.RevokeUntil
		return
	}
	r.RevokeIDs = slices.DeleteFunc(r.RevokeIDs, func(id string) bool { return slices.Contains(ids, id) })
	if len(r.RevokeIDs) > 0 {
		r.RetryAt = at
		return
	}
	r.RevokeIDs, r.RevokeUntil, r.RetryAt = nil, time.Time{}, time.Time{}
	if r.State == stateUninstalling {
		*r = record{State: stateUninstalled, ID: r.ID, Lock: r.Lock, Removals: r.Removals}
	}
}

// checkSameAccount refuses another account's consent while the app is installed.
func (r *record) checkSameAccount(vendor Vendor, account *Account) error {
	if r.State != stateInstalled {
		return nil
	}
	installed := r.Zoom
	if vendor == VendorPagerDuty {
		installed = r.PagerDuty
	}
	if installed != nil && !installed.same(account) {
		return fmt.Errorf("%w (%s)", ErrOtherAccount, vendor)
	}
	return nil
}

// checkNotRemoved refuses an authorization of Zoom that was revoked before it was
// installed.
func (r *record) checkNotRemoved(atZoom *Authorization) error {
	if atZoom != nil &&
		r.Removals.removedSince(atZoom.fields.Account.ID, atZoom.fields.At) { //mutant:removal-since
		return fmt.Errorf("%w: the app was removed at Zoom after the consent there", ErrNotInstalled)
	}
	return nil
}

// dueAt is when Maintain has to finish what was left half-way; zero: never.
func (r *record) dueAt() time.Time {
	switch {
	case len(r.RevokeIDs) > 0:
		return r.RetryAt
	case r.Lock != nil:
		return r.Lock.Until
	}
	return time.Time{}
}

// expiresAt is when the store may forget the record; zero: never.
func (r *record) expiresAt(now time.Time) time.Time {
	switch {
	case r.Lock != nil, len(r.RevokeIDs) > 0:
		return time.Time{}
	case r.State == stateUninstalled:
		return now.Add(tombstoneTTL)
	case r.State == "":
		return now.Add(removalTTL) // it holds nothing but removals
	}
	return time.Time{}
}
