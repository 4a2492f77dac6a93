// Package memo remembers what a function loaded, and has callers that ask at the same
// time share one load.
package memo

import (
	"context"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

// Load gets the value of a key and says until when the result may be used again, an error
// as well as a value. The zero time: by nobody but those who wait for it now.
type Load[K comparable, V any] func(ctx context.Context, key K) (value V, until time.Time, err error)

// Cache remembers results by key. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	load   Load[K, V]
	budget time.Duration
	now    func() time.Time

	mu      sync.Mutex
	results map[K]*result[V]
}

// New returns an empty Cache. A load outlives the caller that started it, by at most the
// budget; load is never called twice at a time for one key. now is the clock that results
// expire by.
func New[K comparable, V any](budget time.Duration, now func() time.Time, load Load[K, V]) *Cache[K, V] {
	return &Cache[K, V]{load: load, budget: budget, now: now, results: map[K]*result[V]{}}
}

// result is what a load brings, shared by all who wait for it.
type result[V any] struct {
	done  chan struct{} // closed when the other fields are set
	value V
	until time.Time
	err   error
}

// Get returns the result that is remembered for key, or loads it.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (V, error) {
	c.mu.Lock()
	r := c.results[key]
	if r == nil || c.expired(r) {
		c.prune()
		r = &result[V]{done: make(chan struct{})}
		c.results[key] = r
		go c.run(ctx, key, r)
	}
	c.mu.Unlock()
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
	}
	// When both are ready, a result is worth more than the news that time is up.
	select {
	case <-r.done:
		return r.value, r.err
	default:
		var zero V
		return zero, ctx.Err()
	}
}

// Forget drops the remembered value of key if drop reports true for it.
func (c *Cache[K, V]) Forget(key K, drop func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.results[key]; r != nil && r.loaded() && drop(r.value) {
		delete(c.results, key)
	}
}

func (c *Cache[K, V]) run(ctx context.Context, key K, r *result[V]) {
	ctx, cancel := detachctx.Context(ctx, c.budget)
	defer cancel()
	r.value, r.until, r.err = c.load(ctx, key)
	close(r.done)
}

func (c *Cache[K, V]) expired(r *result[V]) bool { return r.loaded() && !c.now().Before(r.until) }

func (r *result[V]) loaded() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// prune drops what has expired. It is called with the lock held.
func (c *Cache[K, V]) prune() {
	for key, r := range c.results {
		if c.expired(r) {
			delete(c.results, key)
		}
	}
}
