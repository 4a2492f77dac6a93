package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

// inFlight has one goroutine of this process work on an incident while other callers wait
// for what it finds.
type inFlight struct {
	limit  int
	logger *slog.Logger

	mu       sync.Mutex
	attempts map[string]*sharedAttempt
	idle     chan struct{} // closed when the last attempt ends; nil while there is none
}

// do returns the attempt that is under way for key, or starts one with work; started says
// which. It is detached from the caller that started it: one that leaves early changes
// nothing.
func (f *inFlight) do(
	ctx context.Context, key string, work func(context.Context, *sharedAttempt),
) (_ *sharedAttempt, started bool, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.attempts[key]; a != nil {
		return a, false, nil
	}
	if len(f.attempts) >= f.limit {
		return nil, false, fmt.Errorf("%w: %d openings are under way already", ErrUnavailable, f.limit)
	}
	a := &sharedAttempt{done: make(chan struct{})}
	f.attempts[key] = a
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	go f.run(ctx, key, a, work)
	return a, true, nil
}

func (f *inFlight) run(
	ctx context.Context, key string, a *sharedAttempt, work func(context.Context, *sharedAttempt),
) {
	budget := attemptBudget
	if end, ok := detachctx.End(ctx); ok {
		budget = min(budget, time.Until(end)-handBackMargin) //mutant:hard-deadline
	}
	ctx, cancel := detachctx.Context(ctx, budget)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			f.logger.ErrorContext(ctx, "an opening panicked", "incident_id", key, "stack", string(debug.Stack()))
			a.bridge, a.err = nil, fmt.Errorf("%w: the opening panicked with a %T", ErrUnavailable, fault)
		}
		f.mu.Lock()
		delete(f.attempts, key)
		if len(f.attempts) == 0 {
			close(f.idle)
			f.idle = nil
		}
		f.mu.Unlock()
		close(a.done)
	}()
	work(ctx, a)
}

// handBackMargin is for an attempt that is cut short, to release its lease.
const handBackMargin = 200 * time.Millisecond

// halfFull reports whether half the places are taken: the ledger leaves the rest to
// callers.
func (f *inFlight) halfFull() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return 2*len(f.attempts) >= f.limit
}

// wait returns when no attempt is under way, or ctx is done.
func (f *inFlight) wait(ctx context.Context) error {
	f.mu.Lock()
	idle := f.idle
	f.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sharedAttempt is what the callers that wait for one attempt see of it.
type sharedAttempt struct {
	done   chan struct{} // closed when bridge and err are set
	bridge *Bridge
	err    error

	mu           sync.Mutex
	provisional  *Bridge // as recorded so far, once the claim is durable; nil: nothing to rely on
	acknowledged bool    // the caller that started it was told so
}

// update says what is recorded now.
func (a *sharedAttempt) update(b *Bridge) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.provisional = nil
	switch b.State { //nolint:exhaustive // in no other state is anything under way
	case StateCreating, StateCreated, StateAttached:
		a.provisional = b
	}
}

// acknowledge returns the bridge as recorded so far, for a caller whose time is up, or
// nil. The caller that started the attempt may rely on the claim, which from then on the
// ledger must not drop; any other only on a decision.
func (a *sharedAttempt) acknowledge(started bool) *Bridge {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.provisional == nil || !started && a.provisional.JoinURL == "" && a.provisional.DialIn == "" {
		return nil
	}
	a.acknowledged = a.acknowledged || started
	b := *a.provisional
	b.Warnings = slices.Clone(b.Warnings)
	return &b
}

// withdraw takes back what was recorded so far and reports whether no caller relies on
// it.
func (a *sharedAttempt) withdraw() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.acknowledged {
		return false
	}
	a.provisional = nil
	return true
}
