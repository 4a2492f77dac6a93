package bridge

import (
	"context"
	"errors"
	"time"
)

// postpone leaves the opening to the ledger, which tries again after 1 s, 2 s, 5 s, then every 10 s for ten minutes. What no
// trying again can mend fails at once.
func (o *opening) postpone(ctx context.Context, cause error) error {
	cause = errors.Join(cause)
	// The caller's patience may be what ended; the record is still to be given back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBudget)
	defer cancel()
	err := o.save(ctx, func(r *record) {
		free(r)
		r.postponed(o.now(), final(cause))
	})
	if errors.Is(err, errMoved) {
		return errMoved
	}
	o.noteFailure(ctx, cause)
	return errors.Join(cause, err)
}

func (r *record) postponed(now time.Time, forGood bool) {
	if r.FailingAt.IsZero() {
		r.FailingAt = now
	}
	r.RetryAt = now.Add(retryAfter(r.Attempts))
	r.Attempts++
	if r.Call == nil && (forGood || now.Sub(r.FailingAt) > retryFor) {
		r.State, r.ClosedAt, r.RetryAt = Failed, now, time.Time{}
	}
}

// retryAfter is the wait after so many failures in a row.
func retryAfter(attempts int) time.Duration {
	switch attempts {
	case 0:
		return time.Second
	case 1:
		return 2 * time.Second
	case 2:
		return 5 * time.Second
	default:
		return 10 * time.Second
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
