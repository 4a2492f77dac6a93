package tokenstore

import (
	"context"
	"fmt"
	"time"
)

// Refresh is what came of a refresh that this process made, for metrics and audit trails. It never holds a token.
type Refresh struct {
	Key      string        // of the grant
	Duration time.Duration // since the source began
	// Err is nil when the new token is stored. Else it is an *Error that callers of Token may get too: ErrReauthorize when
	// the grant died, ErrNotSaved while the new token waits for the store (this refresh is told of again when it is saved),
	// ErrInDoubt, or what the vendor said.
	Err error
}

// WithObserver calls observe for every Refresh of this process, also for those that no caller waits for. The call holds up
// the refresh, so it must be quick, and safe for concurrent use.
func WithObserver(observe func(context.Context, Refresh)) Option {
	return func(c *sourceConfig) error {
		if observe == nil {
			return fmt.Errorf("%w: there is no observer", ErrInvalid)
		}
		c.observe = observe
		return nil
	}
}

// report tells the observer of the refresh under this lease.
func (f *flight) report(ctx context.Context, mine held, err error) {
	f.source.config.observe(ctx, Refresh{Key: f.source.key, Duration: time.Since(mine.taken), Err: err})
}
