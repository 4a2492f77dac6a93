package tokenstore

import (
	"context"
	"fmt"
	"time"
)

const (
	defaultRefreshTimeout = 8 * time.Second
	defaultKeepAlive      = 7 * 24 * time.Hour
)

// sourceConfig is what the options of a [TokenSource] set.
type sourceConfig struct {
	refreshTimeout time.Duration
	keepAlive      time.Duration
	lateBound      time.Duration
	observe        func(context.Context, Refresh)
	jitter         func(about time.Duration) time.Duration // at least half of it
}

// Option changes a default of a [TokenSource].
type Option func(*sourceConfig) error

// WithRefreshTimeout limits one call of the refresh function; the default is 8 seconds.
func WithRefreshTimeout(timeout time.Duration) Option {
	return func(c *sourceConfig) error {
		if timeout <= 0 {
			return fmt.Errorf("%w: refresh timeout is %v, want more than 0", ErrInvalid, timeout)
		}
		c.refreshTimeout = timeout
		return nil
	}
}

// WithKeepAlive sets how long after a refresh KeepAlive refreshes again, so that the
// vendor does not expire an idle grant; the default is 7 days.
func WithKeepAlive(after time.Duration) Option {
	return func(c *sourceConfig) error {
		if after <= 0 {
			return fmt.Errorf("%w: keep-alive is %v, want more than 0", ErrInvalid, after)
		}
		c.keepAlive = after
		return nil
	}
}

// WithReuseDetection is for a vendor that revokes the whole grant when it sees a refresh
// token twice. After a refresh without an answer the token is not sent again before late
// has passed, the longest that an answer may take to arrive.
func WithReuseDetection(late time.Duration) Option {
	return func(c *sourceConfig) error {
		if late <= 0 {
			return fmt.Errorf("%w: late bound is %v, want more than 0", ErrInvalid, late)
		}
		c.lateBound = late
		return nil
	}
}

// Refresh describes the outcome of one refresh by this process, for metrics and audit
// trails. It never holds a token.
type Refresh struct {
	Key      string        // of the grant
	Duration time.Duration // since the lease was taken

	// Err is nil when the new token is stored. Otherwise it is an *Error that callers of
	// Token may get too: ErrReauthorize when the vendor rejected the grant, ErrNotSaved
	// while the new token waits for the store (a second Refresh follows when it is
	// saved), ErrInDoubt, or the vendor's error.
	Err error
}

// WithObserver calls observe after every refresh of this process, also after those that
// no caller waits for. The refresh ends only when observe returns, so it must be quick,
// and safe for concurrent use.
func WithObserver(observe func(context.Context, Refresh)) Option {
	return func(c *sourceConfig) error {
		if observe == nil {
			return fmt.Errorf("%w: the observer is nil", ErrInvalid)
		}
		c.observe = observe
		return nil
	}
}
