package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

const (
	handBackMargin = 200 * time.Millisecond // for an attempt that is cut short, to release its lease
	minCreateTime  = 2 * time.Second        // less is too little to begin a create before the end
)

// errHardDeadline leaves the meeting to the next attempt. The provider did not fail, so there is
// no reason to fall back.
var errHardDeadline = fmt.Errorf("%w: too little time is left to create a meeting", ErrUnavailable)

// WithHardDeadline returns a context for a process that is frozen or killed at end, as on AWS
// Lambda. What a Service begins under it outlives ctx as ever, but not end: an opening is cut
// short in time to be handed back to the ledger, which continues when Reconcile or Run is called,
// anywhere. In the last two seconds no meeting is asked for.
//
// A refresh of an installed app's grant is not cut short, since that may cost the grant: none is
// sent in the last two seconds, and Wait waits for one that was sent before.
func WithHardDeadline(ctx context.Context, end time.Time) context.Context {
	return detach.Until(ctx, end)
}

// attemptTime is how long an attempt may take, from claim to publish.
func attemptTime(ctx context.Context) time.Duration {
	end, ok := detach.End(ctx)
	if !ok {
		return attemptBudget
	}
	return min(attemptBudget, time.Until(end)-handBackMargin) //mutant:hard-deadline
}

// tooLateToCreate reports that no meeting can be created before the end.
func tooLateToCreate(ctx context.Context, p Provider) bool {
	_, ok := detach.End(ctx)
	return ok && !isInstant(p) && !canFinishCreate(ctx)
}

// canFinishCreate reports whether there is time to begin a create: all that it may take, or
// else, before a hard deadline, what it mostly takes.
func canFinishCreate(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	if !ok {
		return true
	}
	need := createBudget
	if _, ok := detach.End(ctx); ok {
		need = minCreateTime
	}
	return time.Until(deadline) >= need
}
