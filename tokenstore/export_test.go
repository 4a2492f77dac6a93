package tokenstore

import "time"

// WithJitter gives a source pauses that are the same in every run of a seed.
func WithJitter(jitter func(about time.Duration) time.Duration) Option {
	return func(c *sourceConfig) error {
		c.jitter = jitter
		return nil
	}
}
