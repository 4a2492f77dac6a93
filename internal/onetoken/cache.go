package onetoken

import (
	"context"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

const (
	// margin is how long before its end a token is no longer handed out.
	margin = time.Minute
	// budget bounds a fetch, which outlives the caller that started it.
	budget = 20 * time.Second
)

// Cache hands out one token until a minute before it expires, then fetches the next. Make it with New.
type Cache struct {
	fetch func(context.Context) (*oauth2.Token, error)

	mu     sync.Mutex
	kept   *oauth2.Token
	flight *flight
}

// flight is one fetch, shared by all who wait for it.
type flight struct {
	done  chan struct{} // closed when token or err is set
	token *oauth2.Token
	err   error
}

// New returns an empty Cache. fetch asks for a token that says when it expires; it is never called twice at a time, and
// its context has the values of the caller that needed the token first and 20 seconds of its own.
func New(fetch func(context.Context) (*oauth2.Token, error)) *Cache {
	return &Cache{fetch: fetch}
}

// Token returns the kept token, or fetches one. Concurrent callers share one fetch, which goes on when one of them
// gives up.
func (c *Cache) Token(ctx context.Context) (*oauth2.Token, error) {
	c.mu.Lock()
	if c.kept != nil && time.Until(c.kept.Expiry) > margin {
		defer c.mu.Unlock()
		return c.kept, nil
	}
	shared := c.flight
	if shared == nil {
		shared = &flight{done: make(chan struct{})}
		c.flight = shared
		go c.fly(ctx, shared)
	}
	c.mu.Unlock()
	return shared.wait(ctx)
}

// Invalidate forgets a token that the vendor refused. A newer one that a sibling call brought meanwhile stays.
func (c *Cache) Invalidate(refused *oauth2.Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept != nil && refused != nil && c.kept.AccessToken == refused.AccessToken {
		c.kept = nil
	}
}

func (c *Cache) fly(ctx context.Context, shared *flight) {
	ctx, cancel := detach.Context(ctx, budget)
	defer cancel()
	shared.token, shared.err = c.fetch(ctx)

	c.mu.Lock()
	defer c.mu.Unlock()
	if shared.err == nil {
		c.kept = shared.token
	}
	c.flight = nil
	close(shared.done)
}

// wait is a caller's part.
func (f *flight) wait(ctx context.Context) (*oauth2.Token, error) {
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
	}
	// A select with both ready picks either, and an answer that is there is worth more than the news that time is up.
	select {
	case <-f.done:
		return f.token, f.err
	default:
		return nil, ctx.Err()
	}
}
