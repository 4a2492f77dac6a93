package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

// flightBudget bounds one opening from claim to publish, so that work after a 202 ends too.
const flightBudget = 25 * time.Second

// flights lets one goroutine of this process work on an incident while others wait for what it finds.
type flights struct {
	limit  int
	logger *slog.Logger

	mu      sync.Mutex
	flying  map[string]*flight
	landing chan struct{} // closed when the last one lands; nil while none flies
}

// flight is work on one incident, detached from the caller that began it: a caller that leaves early changes nothing.
type flight struct {
	done   chan struct{}
	bridge *Bridge
	err    error

	mu       sync.Mutex
	stands   *Bridge // what stands, once the claim is durable; nil: nothing a caller could rely on
	promised bool    // the caller that began it was told so
}

// stand says what stands in the ledger now.
func (f *flight) stand(b *Bridge) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stands = nil
	if b.State == StateCreating || b.State == StateCreated || b.State == StateAttached {
		f.stands = b
	}
}

// promise returns what stands, for a caller whose time is up. The one that began the flight may rely on the claim, which
// from then on the ledger must not forget; any other only on a call that is decided.
func (f *flight) promise(led bool) *Bridge {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stands == nil || !led && f.stands.JoinURL == "" && f.stands.DialIn == "" {
		return nil
	}
	f.promised = f.promised || led
	return f.stands
}

// retract takes back what stood; false: a caller relies on it.
func (f *flight) retract() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.promised {
		return false
	}
	f.stands = nil
	return true
}

// join returns the flight for key, and begins one with work if there is none; led says which.
func (f *flights) join(ctx context.Context, key string, work func(context.Context, *flight)) (_ *flight, led bool, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl := f.flying[key]; fl != nil {
		return fl, false, nil
	}
	if len(f.flying) >= f.limit {
		return nil, false, fmt.Errorf("%w: %d openings are at work already", ErrUnavailable, f.limit)
	}
	fl := &flight{done: make(chan struct{})}
	f.flying[key] = fl
	if f.landing == nil {
		f.landing = make(chan struct{})
	}
	go f.fly(ctx, key, fl, work)
	return fl, true, nil
}

// full says that half the places are taken: what the ledger does by itself leaves the rest to callers.
func (f *flights) full() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return 2*len(f.flying) >= f.limit
}

func (f *flights) fly(ctx context.Context, key string, fl *flight, work func(context.Context, *flight)) {
	ctx, cancel := detach.Context(ctx, flightTime(ctx))
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			f.logger.ErrorContext(ctx, "an opening panicked", "incident_id", key, "stack", string(debug.Stack()))
			fl.bridge, fl.err = nil, fmt.Errorf("%w: the opening panicked with a %T", ErrUnavailable, fault)
		}
		f.mu.Lock()
		delete(f.flying, key)
		if len(f.flying) == 0 {
			close(f.landing)
			f.landing = nil
		}
		f.mu.Unlock()
		close(fl.done)
	}()
	work(ctx, fl)
}

// wait returns when nothing flies, or ctx is done.
func (f *flights) wait(ctx context.Context) error {
	f.mu.Lock()
	landing := f.landing
	f.mu.Unlock()
	if landing == nil {
		return nil
	}
	select {
	case <-landing:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
