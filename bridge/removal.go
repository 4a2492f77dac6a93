package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

const (
	removalLife  = time.Hour // longer than any consent waits to be installed
	mostRemovals = 8         // kept at once: Zoom tells of every account that has the app
	revokeBudget = 2 * time.Second
)

// removals are the latest removals of the app at Zoom, by account. A consent that is older than its account's is dead.
type removals map[string]time.Time

// isDead says whether the app was removed in the account after the consent.
func (m removals) isDead(account string, consentAt time.Time) bool {
	at, removed := m[account]
	return removed && !at.Before(consentAt)
}

// note remembers a removal; false: that brings nothing new.
func (r *installation) note(account string, at, now time.Time) bool {
	if known, found := r.Removals[account]; account == "" || found && !known.Before(at) || now.Sub(at) >= removalLife {
		return false
	}
	kept := removals{account: at.UTC()}
	for len(kept) < mostRemovals {
		newest := ""
		for other, when := range r.Removals {
			_, taken := kept[other]
			if !taken && now.Sub(when) < removalLife && (newest == "" || when.After(r.Removals[newest])) {
				newest = other
			}
		}
		if newest == "" {
			break
		}
		kept[newest] = r.Removals[newest]
	}
	r.Removals = kept
	return true
}

// stillConsented refuses a consent at Zoom that ended before it was installed.
func (r *installation) stillConsented(atZoom *Consent) error {
	if atZoom != nil && r.Removals.isDead(atZoom.given.Account.ID, atZoom.given.At) {
		return fmt.Errorf("%w: the app was removed at Zoom after the consent there", ErrNotInstalled)
	}
	return nil
}

// Discard gives up consents that are not going to be installed: what they gave is ended at the vendor as far as that is
// possible, which is at Zoom alone. It is not where it may be what an installation stands on: Zoom may end all that a user,
// or an account, agreed to with any one of its tokens. It takes no longer than a moment.
func (i *Installation) Discard(ctx context.Context, consents ...*Consent) error {
	var faults []error
	for _, c := range consents {
		if a := i.app(c.given.Vendor); a != nil {
			faults = append(faults, i.revoke(ctx, a, c.given.Account.ID, c.token()))
		}
	}
	return wrap("discard a consent", "", errors.Join(faults...))
}

// revoke ends a consent at its vendor, unless it may be what stands, or is being installed. Whatever else was agreed to in
// that account ends with it, so another install that is under way there is told of it as of a removal: before it is one.
func (i *Installation) revoke(ctx context.Context, a *app, account string, token *oauth2.Token) error {
	if a.revoke == nil || account == "" {
		return nil
	}
	ctx, cancel := detach.Context(ctx, revokeBudget)
	defer cancel()
	spared := false
	_, err := i.update(ctx, false, func(r *installation) error {
		now := time.Now()
		spared = r.Claim.stands(now) || r.State == installed && (r.Zoom == nil || r.Zoom.ID == "" || r.Zoom.ID == account)
		if spared || !r.note(account, now, now) {
			return errUnchanged
		}
		return nil
	})
	if err != nil || spared {
		return err
	}
	return a.revoke(ctx, token)
}
