package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	leaseFor      = 15 * time.Second // so that a crashed opening is taken up again within 30 s
	createBudget  = 6 * time.Second
	findBudget    = 4 * time.Second
	slowFault     = 2 * time.Second // a provider that fails so slowly is not asked again under another host
	publishBudget = 6 * time.Second
	readBudget    = 8 * time.Second
	clockMargin   = 2 * time.Second // what clocks and scheduling may cost a lease
	waiterPolls   = 100 * time.Millisecond
	auditSoon     = 3 * time.Minute // later than: create deadline + late completion + list lag
	auditLate     = 30 * time.Minute
	verifyAfter   = 2 * time.Minute
	retryFor      = 10 * time.Minute
)

// opening is one holder's work on one incident: it reads, claims, creates, decides and publishes.
type opening struct {
	*Service
	id     string
	req    Request
	flight *flight
	owner  string // nonce of this claim
	step   string // where it is, for errors
	kept   bool   // the ledger holds what failed, by this holder's own write

	finishing string // nonce of the only generation to work on, for the ledger itself; empty: whatever comes of it

	entry              // the record as this holder last read or wrote it
	extended time.Time // when this holder last extended its lease, with the monotonic clock
	fresh    bool      // this holder began the generation
	doubted  bool      // one of its creates is in doubt: time has passed since the look
	made     bool      // this holder decided the call
	unseen   bool      // its link was never written, and the look is one create old at most
	mark     marker    // what its calls carry
	sentTo   []berth   // where this holder sent a create
	vouched  bool      // the app was seen to be installed just now
	sight    look      // the incident, as read beside the claim
	person   func(context.Context) (*Person, error)
}

// opening begins work on the incident, from the record as it was just read.
func (s *Service) opening(e entry, id string, req Request, fl *flight) *opening {
	return &opening{Service: s, id: id, req: req, flight: fl, owner: newNonce(), entry: e}
}

// run works until there is an answer; when another holder took over, it waits for what that one does.
func (o *opening) run(ctx context.Context) (*Bridge, error) {
	for {
		b, err := o.attempt(ctx)
		if !errors.Is(err, errMoved) {
			return b, o.explain(err)
		}
		o.owner, o.sentTo, o.doubted, o.made, o.unseen = newNonce(), nil, false, false, false
		o.blink()
		if o.entry, err = o.ledger.read(ctx, o.id); err != nil {
			return nil, o.explain(err)
		}
	}
}

// blink forgets what was seen: it is too old to write upon.
func (o *opening) blink() { o.req.Incident, o.req.live, o.sight = nil, false, nil }

func (o *opening) attempt(ctx context.Context) (*Bridge, error) {
	o.step = "claim"
	if b, err := o.claim(ctx); b != nil || err != nil {
		return b, err
	}
	if o.State == StateClosing {
		return o.reopen(ctx)
	}
	if o.Call == nil {
		if b, err := o.decide(ctx); b != nil || err != nil {
			return b, err
		}
	}
	if err := o.installed(ctx); errors.Is(err, ErrNotInstalled) {
		return nil, errors.Join(err, o.save(ctx, free)) // removed while the call was made
	}
	return o.publish(ctx)
}

// explain says where it failed, what exists now and what happens next.
func (o *opening) explain(err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: "open", Step: o.step, IncidentID: o.id, Err: err, Kept: o.kept && !personal(err)}
	if o.req.atLeast > 0 {
		e.Op = "replace"
	}
	if o.Call != nil && !errors.Is(err, ErrForbidden) {
		e.MeetingID = o.Call.MeetingID
	}
	if e.Kept {
		e.RetryAfter = o.RetryAt.Sub(o.now())
	}
	return e
}

// stand lets a caller whose time is up see what stands.
func (o *opening) stand() {
	if o.flight != nil {
		o.flight.stand(o.bridge())
	}
}

// relied says that a caller was told already that the ledger holds this opening; otherwise nobody will be.
func (o *opening) relied() bool { return o.flight != nil && !o.flight.retract() }

// save writes a change while this holder's lease stands, over idempotency keys and close requests that others add: a
// change says itself from which state it may change what. errMoved means that another holder took the record.
func (o *opening) save(ctx context.Context, change func(*record)) error {
	for {
		now := o.now()
		next := o.clone()
		if next.Lease.Owner == o.owner {
			next.Lease.Until = now.Add(leaseFor)
		}
		change(&next)
		e, err := o.ledger.write(ctx, next, o.version)
		if err == nil {
			o.entry, o.extended = e, now
			o.stand()
			return nil
		}
		if !errors.Is(err, errMoved) {
			return err
		}
		nonce := o.Nonce
		o.entry = e
		if e.Lease.Owner != o.owner || e.Nonce != nonce {
			return errMoved
		}
	}
}

// extend makes sure that the lease outlives what is done next.
func (o *opening) extend(ctx context.Context, budget time.Duration) error {
	if o.leaseLeft() >= budget {
		return nil
	}
	return o.save(ctx, func(*record) {})
}

// leaseLeft is how much of the lease this holder may count on, by the slower of both clocks: Open 6.
func (o *opening) leaseLeft() time.Duration {
	wall := o.Lease.Until.Round(0).Sub(o.now().Round(0))
	monotonic := leaseFor - o.now().Sub(o.extended)
	return min(wall, monotonic) - clockMargin
}

// free ends this holder's work on the record.
func free(r *record) { r.Lease = lease{} }

// yield gives a record back as it was, for the ledger to go on with.
func (o *opening) yield(ctx context.Context, cause error) error {
	err := o.save(ctx, func(r *record) {
		free(r)
		r.RetryAt = o.now()
	})
	return errors.Join(cause, err)
}

// release ends a generation that made nothing. The record stays, with its keys, and is audited if a create could have
// been sent: Open 4.
func (o *opening) release(ctx context.Context, reason CloseReason, cause error) error {
	if o.Standing != nil {
		return o.restore(ctx, cause)
	}
	o.relied() // whoever asks from now on is not told that anything stands
	decided := false
	err := o.save(ctx, func(r *record) {
		now := o.now()
		free(r)
		if decided = r.State != StateCreating || r.Call != nil; decided {
			r.RetryAt = now // a former holder was quicker: what it decided goes on
			return
		}
		r.State, r.Reason, r.ClosedAt, r.CloseAsk, r.RetryAt = StateClosed, reason, now, "", time.Time{}
		if o.fresh {
			r.Tried = slices.DeleteFunc(r.Tried, func(b berth) bool {
				return b.Generation == r.Generation && !slices.Contains(o.sentTo, b)
			})
		}
		r.auditTried(now)
		if reason == closeFault {
			// The trigger was not served: its redelivery must be.
			r.dropKey(o.req.IdempotencyKey)
		}
	})
	if err == nil && decided {
		return errMoved
	}
	return errors.Join(cause, err)
}

// async begins f at once and returns a function that waits for what it found.
func async[T any](ctx context.Context, f func(context.Context) (T, error)) func(context.Context) (T, error) {
	var (
		done   = make(chan struct{})
		result T
		fault  error
	)
	go func() {
		defer close(done)
		defer caught(&fault)
		result, fault = f(ctx)
	}()
	return func(ctx context.Context) (T, error) {
		select {
		case <-done:
			return result, fault
		case <-ctx.Done():
			var zero T
			return zero, ctx.Err()
		}
	}
}

// caught turns a panic, which may come from anybody's Incidents or Provider, into an error.
func caught(err *error) {
	if fault := recover(); fault != nil {
		*err = fmt.Errorf("%w: something panicked with a %T", ErrUnavailable, fault)
	}
}
