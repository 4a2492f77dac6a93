package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
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
	standing *Bridge // what stands, once the claim is durable
	promised bool    // a caller was told so
}

// stand says what stands in the ledger now.
func (f *flight) stand(b *Bridge) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.standing = b
}

// promise returns what stands, and from then on the ledger may not forget it.
func (f *flight) promise() *Bridge {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.promised = f.standing != nil
	return f.standing
}

// retract says that nothing stands any more; false: a caller was promised that it does.
func (f *flight) retract() bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.promised {
		return false
	}
	f.standing = nil
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

func (f *flights) fly(ctx context.Context, key string, fl *flight, work func(context.Context, *flight)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightBudget)
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
