package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
	"github.com/incidentbridge/incidentbridge/internal/detach"
)

// installBudget bounds the writing of a consent. A claim that is older belongs to a process that died.
const installBudget = 30 * time.Second

// Install makes the consents, one for each of Vendors, the installation that stands: whatever was installed before is
// replaced, and a refresh that is still under way for it is dropped. What was set up at PagerDuty stays: see SetUp.
//
// ErrOtherAccount when another account's app was installed meanwhile, ErrInProgress when somebody else is installing at
// this very moment, ErrNotInstalled when the app was removed meanwhile; then nothing is kept of the consents.
func (i *Installation) Install(ctx context.Context, consents ...*Consent) (*Installed, error) {
	const op = "install"
	given, err := i.complete(consents)
	if err != nil {
		return nil, wrap(op, "", err)
	}
	ctx, cancel := context.WithTimeout(ctx, installBudget)
	defer cancel()
	mine := &claim{ID: ledger.NewNonce() + ledger.NewNonce(), At: given[i.apps[0].vendor].given.At}
	if err := i.claim(ctx, mine, given); err != nil {
		return nil, wrap(op, "", err)
	}
	for _, a := range i.apps {
		if err := a.grant.Save(ctx, mine.ID, given[a.vendor].token()); err != nil {
			return nil, wrap(op, "", i.forget(ctx, mine, fmt.Errorf("%w: %w", ErrUnavailable, err)))
		}
	}
	r, err := i.update(ctx, false, func(r *installation) error {
		if r.ID == mine.ID && r.State == installed {
			return errUnchanged
		}
		if r.Claim == nil || r.Claim.ID != mine.ID {
			return fmt.Errorf("%w: it was removed, or installed by somebody else, meanwhile", ErrNotInstalled)
		}
		if err := r.stillConsented(given[VendorZoom]); err != nil {
			return err
		}
		if r.State != installed {
			r.SetUp = setUp{} // what stood there was removed, or is being removed
		}
		r.State, r.ID, r.At, r.Claim = installed, mine.ID, mine.At, nil
		r.Gone, r.GoneBy, r.RetryAt = nil, time.Time{}, time.Time{} // their grants are overwritten
		r.Zoom, r.PagerDuty = accountOf(given[VendorZoom]), accountOf(given[VendorPagerDuty])
		return nil
	})
	if err != nil {
		return nil, wrap(op, "", i.forget(ctx, mine, err))
	}
	return r.installed(), nil
}

// complete checks that there is one consent of every vendor.
func (i *Installation) complete(consents []*Consent) (map[Vendor]*Consent, error) {
	given := map[Vendor]*Consent{}
	for _, c := range consents {
		if c == nil || c.given.Account == nil {
			return nil, fmt.Errorf("%w: an empty consent", ErrInvalid)
		}
		given[c.given.Vendor] = c
	}
	for _, a := range i.apps {
		if given[a.vendor] == nil {
			return nil, fmt.Errorf("%w: the consent at %s is missing", ErrInvalid, a.vendor)
		}
	}
	if len(consents) != len(i.apps) {
		return nil, fmt.Errorf("%w: %d consents for %d apps", ErrInvalid, len(consents), len(i.apps))
	}
	return given, nil
}

// claim keeps others from installing while this install writes its grants.
func (i *Installation) claim(ctx context.Context, mine *claim, given map[Vendor]*Consent) error {
	_, err := i.update(ctx, true, func(r *installation) error {
		now := time.Now()
		for vendor, c := range given {
			if err := r.mayReplace(vendor, c.given.Account); err != nil {
				return err
			}
		}
		if err := r.stillConsented(given[VendorZoom]); err != nil {
			return err
		}
		if r.Claim.stands(now) {
			return fmt.Errorf("%w: somebody else is installing, try again in half a minute", ErrInProgress)
		}
		if r.Claim != nil {
			r.Gone = append(r.Gone, r.Claim.ID)
		}
		mine.Until = now.Add(installBudget + clockMargin).UTC()
		r.Claim = mine
		return nil
	})
	return err
}

// forget takes back what a failed install wrote. What it cannot take back now is done when the claim is over.
func (i *Installation) forget(ctx context.Context, mine *claim, cause error) error {
	ctx, cancel := detach.Context(ctx, readBudget)
	defer cancel()
	faults := []error{cause}
	for _, a := range i.apps {
		faults = append(faults, a.grant.Uninstall(ctx, mine.ID))
	}
	if err := errors.Join(faults[1:]...); err != nil {
		return errors.Join(faults...)
	}
	_, err := i.update(ctx, false, func(r *installation) error {
		if r.Claim == nil || r.Claim.ID != mine.ID {
			return errUnchanged
		}
		r.Claim = nil
		return nil
	})
	return errors.Join(cause, err)
}

func accountOf(c *Consent) *Account {
	if c == nil {
		return nil
	}
	return c.given.Account
}
