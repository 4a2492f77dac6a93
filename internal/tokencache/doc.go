// Package tokencache keeps one access token in memory, for the token sources of the zoom
// and pagerduty clients that ask their vendor for it.
//
//	tokens := tokencache.New(func(ctx context.Context) (*oauth2.Token, error) { ... }) // asks the vendor
//	token, err := tokens.Token(ctx) // the kept one, or a new one
//	tokens.Invalidate(token)        // the vendor refused it: do not hand it out again
//
// # Errors
//
// Token returns the error of the fetch as it is, or ctx.Err() of a caller that gave up
// waiting for it. What they are wrapped in is the client's affair. No error is kept: the
// next caller asks again.
//
// # Concurrency
//
// A Cache is safe for concurrent use. Its only goroutine is that of a running fetch,
// which ends within 20 seconds if the fetch heeds its context. There is nothing to close.
package tokencache
