package install

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

const revokeBudget = 2 * time.Second

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
		removals, recorded := r.Removals.with(account, now, now)
		r.Removals = removals
		return recorded, nil
	})
	if err != nil ||
		inUse { //mutant:revoke-in-use
		return err
	}
	return app.revoke(ctx, token)
}
