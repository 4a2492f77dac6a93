package install

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// recordFormat is the newest format of the record that this program reads and writes.
const recordFormat = 1

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

// errDamaged reports a record that can neither be opened nor decoded, and is not a newer
// program's.
var errDamaged = errors.New("install: the record is damaged or sealed with another key")

// recordStore reads and writes the record of one installation.
type recordStore struct {
	store tokenstore.Store
	key   string
	now   func() time.Time
}

// current returns the record of an app that is installed, or ErrNotInstalled.
func (s *recordStore) current(ctx context.Context) (*record, error) {
	r, _, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if r.State != stateInstalled {
		return nil, ErrNotInstalled
	}
	return r, nil
}

// read returns the record and its version: an empty record and "" when there is none.
// With errDamaged the version is that of the record which a new install may replace.
func (s *recordStore) read(ctx context.Context) (r *record, version string, err error) {
	stored, err := s.store.Get(ctx, s.key)
	switch {
	case errors.Is(err, tokenstore.ErrNotFound):
		return &record{}, "", nil
	case errors.Is(err, tokenstore.ErrUnreadable) && stored.Version != "":
		return nil, stored.Version, fmt.Errorf("%w: %w", ErrUnavailable, errDamaged)
	case err != nil:
		return nil, "", fmt.Errorf("%w: the store cannot be read: %w", ErrUnavailable, err)
	}
	r = &record{}
	// A JSON error may quote the value, so none is wrapped.
	if json.Unmarshal(stored.Value, r) != nil || r.Format < 1 {
		return nil, stored.Version, fmt.Errorf("%w: %w", ErrUnavailable, errDamaged)
	}
	if r.Format > recordFormat {
		return nil, "", fmt.Errorf("%w: the record has format %d and this program knows %d: run the newer program",
			ErrUnavailable, r.Format, recordFormat)
	}
	return r, stored.Version, nil
}

// update changes the record until the change is stored, or change fails, or returns
// false: there is nothing to change. It returns the record as it is then.
func (s *recordStore) update(ctx context.Context, change func(*record) (bool, error)) (*record, error) {
	r, version, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return s.updateFrom(ctx, r, version, change)
}

// updateOrReplace is update, except that it replaces a damaged record by an empty one
// first.
func (s *recordStore) updateOrReplace(ctx context.Context, change func(*record) (bool, error)) (*record, error) {
	r, version, err := s.read(ctx)
	if errors.Is(err, errDamaged) {
		r, err = &record{}, nil
	}
	if err != nil {
		return nil, err
	}
	return s.updateFrom(ctx, r, version, change)
}

func (s *recordStore) updateFrom(
	ctx context.Context, r *record, version string, change func(*record) (bool, error),
) (*record, error) {
	for {
		next := r.clone()
		changed, err := change(next)
		if err != nil || !changed {
			return r, err
		}
		err = s.write(ctx, next, version)
		if err == nil {
			return next, nil
		}
		if !errors.Is(err, tokenstore.ErrConflict) {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if r, version, err = s.read(ctx); err != nil {
			return nil, err
		}
	}
}

// write replaces the record at this version. It returns tokenstore.ErrConflict if another
// writer was first; a lost reply is told from a lost race by the stamp.
func (s *recordStore) write(ctx context.Context, next *record, version string) error {
	next.Format, next.Stamp = recordFormat, rand.Text()
	value, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	_, putErr := s.store.Put(ctx, s.key, tokenstore.Record{
		Value: value, Version: version, DueAt: next.dueAt(), ExpiresAt: next.expiresAt(s.now()),
	})
	if putErr == nil {
		return nil
	}
	if stored, _, err := s.read(ctx); err == nil && stored.Stamp == next.Stamp {
		return nil
	}
	if errors.Is(putErr, tokenstore.ErrConflict) {
		return tokenstore.ErrConflict
	}
	return fmt.Errorf("%w: the store cannot be written: %w", ErrUnavailable, putErr)
}
