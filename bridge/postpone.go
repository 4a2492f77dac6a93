package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

// postpone leaves the opening to the ledger, which tries again after 1 s, 2 s, 5 s, then every 10 s for ten minutes;
// forGood: no trying again mends it.
func (o *opening) postpone(ctx context.Context, cause error, forGood bool) error {
	if o.Standing != nil {
		return o.restore(ctx, cause)
	}
	// The caller's patience may be what ended; the record is still to be given back.
	ctx, cancel := detach.Context(ctx, readBudget)
	defer cancel()
	news := false
	err := o.save(ctx, func(r *record) {
		now := o.now()
		free(r)
		if o.doubted {
			r.audit(now)
		}
		r.postpone(now, forGood)
		if news = o.req.NoteOnRefusal && errors.Is(cause, ErrProvider) && now.Sub(r.FailNoted) > noteAgain; news {
			r.FailNoted = now
		}
	})
	if errors.Is(err, errMoved) {
		return errMoved
	}
	o.kept = err == nil && o.State == StateCreating
	if err == nil && news {
		o.addNote(ctx, o.id, "No conference bridge yet: "+clip(plainly(cause), 500)+".")
	}
	return errors.Join(cause, err)
}

// noteAgain keeps a failure that is redelivered from filling the incident with notes.
const noteAgain = time.Hour

func (r *record) postpone(now time.Time, forGood bool) {
	if r.FailingAt.IsZero() {
		r.FailingAt = now
	}
	r.RetryAt = now.Add(retryAfter(r.Attempts))
	r.Attempts++
	if r.Call != nil {
		return
	}
	if r.CloseAsk != "" {
		r.State, r.Reason, r.CloseAsk, r.ClosedAt, r.RetryAt = StateClosed, r.CloseAsk, "", now, time.Time{}
		r.auditTried(now)
	} else if forGood || now.Sub(r.FailingAt) > retryFor {
		r.State, r.Reason, r.ClosedAt, r.RetryAt = StateFailed, closeFault, now, time.Time{}
		r.auditTried(now)
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
