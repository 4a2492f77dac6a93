package bridge

import "time"

// WithClock gives a Service the clock of another process.
func WithClock(now func() time.Time) Option {
	return func(c *config) error {
		c.now = now
		return nil
	}
}
