package nethttp

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"
)

// lateness is how long work may take to notice that its context has ended.
const lateness = 100 * time.Millisecond

// within runs work with a context that ends at until and, when work does not come back even then, answers for it:
// the caller hears in time whatever happens behind.
func (h *Handler) within(ctx context.Context, until time.Time, work func(context.Context) answer) answer {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	done := make(chan answer, 1)
	go func() { done <- h.calmly(ctx, func() answer { return work(ctx) }) }()

	late := time.NewTimer(time.Until(until) + lateness)
	defer late.Stop()
	select {
	case a := <-done:
		return a
	case <-late.C:
		return refuse(codeUnavailable, "it took too long").retryAfter(defaultRetry)
	}
}

// calmly answers for work that panics. What it panicked with may hold anything and is told to nobody, unless the
// runtime itself said it.
func (h *Handler) calmly(ctx context.Context, work func() answer) (a answer) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		reason := fmt.Sprintf("%T", cause)
		if fault, ok := cause.(runtime.Error); ok {
			reason = fault.Error()
		}
		h.logger.LogAttrs(ctx, slog.LevelError, "panic while answering",
			slog.String("reason", reason), slog.String("stack", string(debug.Stack())))
		a = refuse(codeUnavailable, "").retryAfter(defaultRetry)
	}()
	return work()
}
