package install

import "time"

// WithClock gives an Installation the clock of another process.
func WithClock(now func() time.Time) Option {
	return func(c *config) error {
		c.now = now
		return nil
	}
}
