package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

const (
	givingBack    = 200 * time.Millisecond // for an opening that is cut short, to give its record back
	createAtLeast = 2 * time.Second        // less is too little to begin a create in, before the end
)

// errNoTime leaves the call to whoever comes next. Nothing is wrong with the provider, so there is no reason to fall back.
var errNoTime = fmt.Errorf("%w: too little time is left to make a call", ErrUnavailable)

// WithHardDeadline returns a context for a process that is frozen or killed at end, as on AWS Lambda. What a Service begins under it
// outlives ctx as ever, but not end: an opening is cut short in time to be given back to the ledger, which goes on with it
// when Reconcile or Run is called, anywhere. In the last two seconds no call is asked for.
//
// A refresh of a grant by consent is not cut short, since that may cost the grant: none is sent in the last two seconds, and
// Wait waits for one that was sent before.
func WithHardDeadline(ctx context.Context, end time.Time) context.Context {
	return detach.Until(ctx, end)
}

// flightTime is how long an opening may work, from claim to publish.
func flightTime(ctx context.Context) time.Duration {
	end, ok := detach.End(ctx)
	if !ok {
		return flightBudget
	}
	return min(flightBudget, time.Until(end)-givingBack)
}

// endsTooSoon says that no call can be made before the end.
func (o *opening) endsTooSoon(ctx context.Context) bool {
	_, ends := detach.End(ctx)
	return ends && !takesNoTime(o.providers[0]) && !timeToCreate(ctx)
}

// timeToCreate says whether there is time to begin a create: all that it may take, or else, before an end, what it mostly
// takes.
func timeToCreate(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	if !ok {
		return true
	}
	need := createBudget
	if _, ends := detach.End(ctx); ends {
		need = createAtLeast
	}
	return time.Until(deadline) >= need
}
