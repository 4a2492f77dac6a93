package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

const (
	removalTTL   = time.Hour // longer than any consent waits to be installed
	maxRemovals  = 8         // in the record: Zoom reports those of every account that has the app
	revokeBudget = 2 * time.Second
)

// recentRemovals are the latest removals of the app at Zoom, by account id.
type recentRemovals map[string]time.Time

// removedSince reports whether the app was removed in the account after the consent.
func (m recentRemovals) removedSince(account string, consentAt time.Time) bool {
	at, removed := m[account]
	return removed && !at.Before(consentAt)
}

// recordRemoval adds a removal, and drops the oldest. It reports whether that changed
// anything.
func (r *record) recordRemoval(account string, at, now time.Time) bool {
	known, found := r.Removals[account]
	if account == "" || found && !known.Before(at) || now.Sub(at) >= removalTTL {
		return false
	}
	newestFirst := slices.SortedFunc(maps.Keys(r.Removals), func(a, b string) int {
		return cmp.Or(r.Removals[b].Compare(r.Removals[a]), strings.Compare(a, b))
	})
	kept := recentRemovals{account: at.UTC()}
	for _, other := range newestFirst {
		if other != account && len(kept) < maxRemovals && now.Sub(r.Removals[other]) < removalTTL {
			kept[other] = r.Removals[other]
		}
	}
	r.Removals = kept
	return true
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

// Revoke gives up authorizations that are not going to be installed: they are revoked at
// the vendor, which only Zoom can do. They are not if an installation may depend on them:
// Zoom may revoke all that a user, or an account, consented to with any one of its
// tokens. Revoke takes at most a few seconds.
func (i *Installation) Revoke(ctx context.Context, authorizations ...*Authorization) error {
	var faults []error
	for _, a := range authorizations {
		if app := i.app(a.fields.Vendor); app != nil {
			faults = append(faults, i.revoke(ctx, app, a.fields.Account.ID, a.token()))
		}
	}
	return wrap("revoke authorization", errors.Join(faults...))
}

// revoke revokes a token at its vendor, unless the installation, or an install in
// progress, may depend on it. Whatever else was consented to in that account is revoked
// with it, so it is first recorded as a removal, which refuses another install of that
// account.
func (i *Installation) revoke(ctx context.Context, app *vendorApp, account string, token *oauth2.Token) error {
	if app.revoke == nil || account == "" {
		return nil
	}
	ctx, cancel := detachctx.Context(ctx, revokeBudget)
	defer cancel()
	inUse := false
	_, err := i.records.update(ctx, func(r *record) (bool, error) {
		now := i.now()
		inUse = r.Lock.active(now) ||
			r.State == stateInstalled && (r.Zoom == nil || r.Zoom.ID == "" || r.Zoom.ID == account)
		if inUse {
			return false, nil
		}
		return r.recordRemoval(account, now, now), nil
	})
	if err != nil ||
		inUse { //mutant:revoke-in-use
		return err
	}
	return app.revoke(ctx, token)
}
