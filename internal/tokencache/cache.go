package tokencache

import (
	"context"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/memo"
)

const (
	// margin is how long before its end a token is no longer handed out.
	margin = time.Minute
	// budget bounds a fetch, which outlives the caller that started it.
	budget = 20 * time.Second
)

// Cache hands out one token until a minute before it expires, then fetches the next. Make
// it with New. It is safe for concurrent use.
type Cache struct {
	tokens *memo.Cache[struct{}, *oauth2.Token]
}

// New returns an empty Cache. fetch asks for a token that says when it expires; it is
// never called twice at a time, and its context has the values of the caller that needed
// the token first and 20 seconds of its own.
func New(fetch func(context.Context) (*oauth2.Token, error)) *Cache {
	load := func(ctx context.Context, _ struct{}) (*oauth2.Token, time.Time, error) {
		token, err := fetch(ctx)
		if err != nil {
			return nil, time.Time{}, err
		}
		return token, token.Expiry.Add(-margin), nil
	}
	return &Cache{tokens: memo.New(budget, time.Now, load)}
}

// Token returns the kept token, or fetches one. Concurrent callers share one fetch, which
// continues when one of them gives up.
func (c *Cache) Token(ctx context.Context) (*oauth2.Token, error) {
	return c.tokens.Get(ctx, struct{}{})
}

// Invalidate forgets a token that the vendor rejected. A newer one that a sibling call
// fetched meanwhile stays.
func (c *Cache) Invalidate(rejected *oauth2.Token) {
	c.tokens.Forget(struct{}{}, func(kept *oauth2.Token) bool {
		return kept != nil && rejected != nil && kept.AccessToken == rejected.AccessToken
	})
}
