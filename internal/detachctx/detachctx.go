// Package detachctx lets work outlive the caller who began it, and ends it before its
// process is frozen.
package detachctx

import (
	"context"
	"time"
)

type endKey struct{}

// Until returns a context under which no work outlives end, however detached it is.
func Until(ctx context.Context, end time.Time) context.Context {
	return context.WithValue(ctx, endKey{}, end)
}

// End is what Until said; false: nothing.
func End(ctx context.Context) (time.Time, bool) {
	end, ok := ctx.Value(endKey{}).(time.Time)
	return end, ok
}

// Context returns one that does not end with ctx, but after the budget, or at its End if
// that is earlier.
func Context(ctx context.Context, budget time.Duration) (context.Context, context.CancelFunc) {
	deadline := time.Now().Add(budget)
	if end, ok := End(ctx); ok && end.Before(deadline) { //mutant:detached-end
		deadline = end
	}
	return context.WithDeadline(context.WithoutCancel(ctx), deadline)
}
