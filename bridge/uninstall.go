package bridge

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	removeBudget = 1200 * time.Millisecond // for what was set up at PagerDuty: the tokens must go in time
	leaveAgain   = 5 * time.Second         // how soon an uninstall that stopped half-way is taken up
)

// Deauthorization is what Zoom tells of the removal of an app.
type Deauthorization struct {
	ClientID  string // of the app; one of another app, or of none, is nobody's removal
	AccountID string
	At        time.Time
}

// Uninstalled is what an uninstall left behind.
type Uninstalled struct {
	// Left names what stays at PagerDuty, and why. Somebody has to remove it there by hand.
	Left []string
}

// Uninstall takes the app's removal at Zoom for the end of the installation, if it is this app and this account, and not
// younger than the removal: Zoom tells of it for an hour, after a new install too. It returns nil and no error when there
// is nothing to do. A removal is remembered for an hour, so that an install which is under way with an older consent fails.
//
// First the record says so, and nothing is opened any more; then what was set up at PagerDuty goes as far as PagerDuty
// takes part, then every token of both vendors. If it fails after the first step, Run goes on; before, ask again.
func (i *Installation) Uninstall(ctx context.Context, d Deauthorization) (*Uninstalled, error) {
	const op = "uninstall"
	meant := false
	r, err := i.update(ctx, false, func(r *installation) error {
		now := time.Now()
		meant = false
		if d.ClientID == "" || d.ClientID != i.clientID {
			return errUnchanged
		}
		meant = r.State == installed && r.Zoom != nil && r.Zoom.ID == d.AccountID && !d.end().Before(r.At)
		if meant && r.Claim.stands(now) && d.end().Before(r.Claim.At) {
			return fmt.Errorf("%w: it is being installed again", ErrInProgress)
		}
		// For an install that is under way. A clock ahead of ours must not refuse the consents that are yet to come.
		noted := r.note(d.AccountID, earlier(d.end(), now), now)
		if meant {
			r.leave(now)
		}
		if !noted && !meant {
			return errUnchanged
		}
		return nil
	})
	if err != nil {
		return nil, wrap(op, "", err)
	}
	if !meant {
		return nil, nil
	}
	u, err := i.leave(ctx, r)
	return u, wrap(op, "", err)
}

// end is the latest moment that the time may stand for: deliveries tell it in milliseconds, some in whole seconds.
func (d Deauthorization) end() time.Time {
	if d.At.Nanosecond() == 0 {
		return d.At.Add(time.Second - time.Nanosecond)
	}
	return d.At.Truncate(time.Millisecond).Add(time.Millisecond - time.Nanosecond)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// leave is the point of no return: no secret stays in the record.
func (r *installation) leave(now time.Time) {
	r.State, r.RetryAt = leaving, now.Add(leaveAgain)
	r.Gone = append(r.Gone, r.ID)
	if r.Claim != nil {
		// An install that is still writing finds its claim gone and takes back what it wrote, unless it dies before.
		r.Gone, r.GoneBy, r.Claim = append(r.Gone, r.Claim.ID), r.Claim.Until, nil
	}
	r.SetUp.Secret, r.SetUp.ActionToken = "", ""
}

// leave does what an uninstall has to do after the point of no return.
func (i *Installation) leave(ctx context.Context, r installation) (*Uninstalled, error) {
	u := &Uninstalled{Left: i.remove(ctx, r.SetUp)}
	for _, id := range r.Gone {
		for _, a := range i.apps {
			if err := a.grant.Uninstall(ctx, id); err != nil {
				return u, err
			}
		}
	}
	_, err := i.update(ctx, false, func(now *installation) error {
		if now.State != leaving || now.ID != r.ID {
			return errUnchanged
		}
		if time.Now().Before(now.GoneBy) {
			now.RetryAt = now.GoneBy
			return nil
		}
		*now = installation{State: uninstalled, ID: r.ID, Claim: now.Claim, Removals: now.Removals}
		return nil
	})
	return u, err
}

// remove takes away what was set up at PagerDuty, each beside the others, and names what stays.
func (i *Installation) remove(ctx context.Context, made setUp) (left []string) {
	if i.pagerDuty == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, removeBudget)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	try := func(what, id string, remove func(context.Context, string) error) {
		all.Go(func() {
			if err := remove(ctx, id); err != nil {
				mu.Lock()
				defer mu.Unlock()
				left = append(left, what+" "+id+": "+userMessage(pagerDutyError(err)))
			}
		})
	}
	if made.Subscription != "" {
		try("webhook subscription", made.Subscription, i.pagerDuty.DeleteWebhookSubscription)
	}
	for _, id := range made.Actions {
		try("custom incident action", id, i.pagerDuty.DeleteExtension)
	}
	all.Wait()
	slices.Sort(left)
	return left
}
