package ledger

import (
	"fmt"
	"slices"
	"time"
)

// State is where a bridge is in its life.
type State string

// The states. StateNone is that of an incident without a record.
const (
	StateNone      State = ""
	StateCreating  State = "creating"
	StateCreated   State = "created"
	StateAttached  State = "attached"
	StateClosing   State = "closing"
	StateEnding    State = "ending"
	StateClosed    State = "closed"
	StateFailed    State = "failed"
	StateExternal  State = "external"
	StateAbandoned State = "abandoned"
)

// Open reports whether people may still be in a bridge of this state.
func (s State) Open() bool {
	switch s {
	case StateCreating, StateCreated, StateAttached, StateClosing, StateEnding:
		return true
	case StateNone, StateClosed, StateFailed, StateExternal, StateAbandoned:
	}
	return false
}

// decided reports whether a record of this state always has a decision.
func (s State) decided() bool {
	return s == StateCreated || s == StateAttached || s == StateClosing || s == StateEnding || s == StateExternal
}

// mayBecome lists the states that may follow s. A new generation begins with
// StateCreating.
func (s State) mayBecome() []State {
	switch s {
	case StateCreating:
		return []State{StateCreated, StateClosed, StateFailed, StateExternal, StateAbandoned}
	case StateCreated: // StateCreating: Replace
		return []State{StateAttached, StateClosing, StateExternal, StateAbandoned, StateCreating}
	case StateAttached: // StateCreating: Replace
		return []State{StateClosing, StateExternal, StateAbandoned, StateCreating}
	case StateClosing: // StateCreated, StateAttached: the closing is cancelled; StateCreating: Replace
		return []State{StateCreated, StateAttached, StateEnding, StateExternal, StateAbandoned, StateCreating}
	case StateEnding: // the point of no return
		return []State{StateClosed, StateAbandoned}
	case StateFailed:
		return []State{StateCreating, StateClosed}
	case StateNone, StateClosed, StateExternal, StateAbandoned:
		return []State{StateCreating}
	}
	return nil
}

// CloseReason says why a bridge is closed.
type CloseReason string

// The reasons. The last four end a generation that has no meeting.
const (
	CloseResolved  CloseReason = "resolved"  // the incident was resolved
	CloseRequested CloseReason = "requested" // somebody asked
	CloseRejected  CloseReason = "rejected"  // PagerDuty will not take the link
	CloseMaxAge    CloseReason = "max_age"   // the bridge is too old
	CloseForbidden CloseReason = "forbidden" // the requester may not open a bridge
	CloseNotFound  CloseReason = "not_found" // there is no such incident
	CloseIgnored   CloseReason = "ignored"   // the trigger is not meant for the incident
	CloseFault     CloseReason = "fault"     // the incident could not be read
)

// Change is what one write changed, for events and logs.
type Change struct {
	From, To State
	// Attached reports that the generation's link is on the incident for the first time.
	Attached bool
}

// to moves the record to its next state and clears the retry, close and expiry that this
// one does not use; a verification is carried over. It is the only place that assigns
// State. What the table does not list is refused: the state stays, and the store does not
// write the record.
func (r *Record) to(next State) {
	if !slices.Contains(r.State.mayBecome(), next) { //mutant:listed-transition
		r.invalid = fmt.Errorf("ledger: %q may not follow %q", next, r.State)
		return
	}
	r.State = next
	if next != StateCreating && next != StateCreated && next != StateEnding {
		r.RetryAt = time.Time{}
	}
	if next != StateClosing {
		r.CloseAt = time.Time{}
	}
	if next != StateAttached {
		r.ExpiresAt = time.Time{}
	}
}

// Begin starts a new generation. What the former ones left stays known.
func (r *Record) Begin(by Requested, now time.Time) {
	r.to(StateCreating)
	r.keepFormerLink(r.Decision)
	r.scheduleAuditIfCreated(now)
	r.Decision, r.Nonce = nil, NewNonce()
	r.Generation++
	r.Warnings, r.WarningsNoted, r.VerifyWrites = nil, false, 0
	r.CloseRequested, r.CloseReason = "", ""
	r.Attempts, r.LastFailure, r.FailingSince = 0, "", time.Time{}
	r.RetryAt, r.VerifyAt = time.Time{}, time.Time{}
	r.OpenedAt, r.AttachedAt, r.ClosedAt = now, time.Time{}, time.Time{}
	r.Requested = by
}

// Replaceable reports whether there is a bridge of ours that could be replaced.
func (r *Record) Replaceable() bool {
	return r.Decision != nil &&
		(r.State == StateCreated || r.State == StateAttached || r.State == StateClosing)
}

// Replace starts a generation while the bridge of the last one stays on the incident.
func (r *Record) Replace(by Requested, now time.Time) {
	previous := &Previous{Decision: r.Decision, OpenedAt: r.OpenedAt}
	r.Begin(by, now)
	r.Previous = previous
	r.VerifyAt = now.Add(VerifyDelay) // a write of the last generation may still land
}

// Decide writes the meeting into the generation: the decision, which never changes. A
// close that was requested meanwhile begins at once, with this grace.
func (r *Record) Decide(d *Decision, now time.Time, grace time.Duration) {
	r.to(StateCreated)
	r.Decision = d
	r.clearFailures()
	if r.CloseRequested != "" {
		r.StartClosing(r.CloseRequested, now, grace)
	}
}

// DecidePrevious makes the bridge that was to be replaced the decision of the generation
// that was to replace it.
func (r *Record) DecidePrevious(now time.Time, grace time.Duration) {
	previous := r.Previous
	if r.CloseRequested == CloseResolved {
		r.CloseRequested = "" // the status is read again before it is published
	}
	r.Previous, r.OpenedAt = nil, previous.OpenedAt
	r.Decide(previous.Decision, now, grace)
	if r.State == StateCreated {
		r.RetryAt = now
	}
	r.Warn("the bridge could not be replaced: the previous one stays")
}

// RevertToPrevious takes back a successor that PagerDuty rejects. A decision is never
// changed, so there is one more generation, whose decision is the bridge that was to be
// replaced.
func (r *Record) RevertToPrevious(now time.Time) {
	previous := r.Previous
	r.Begin(r.Requested, now)
	r.Previous = previous
	r.DecidePrevious(now, 0)
	r.VerifyAt = now.Add(VerifyDelay) // a write that was rejected may have landed before
}

// dropPrevious leaves the bridge that was replaced to the audit.
func (r *Record) dropPrevious(now time.Time) {
	if r.Previous == nil {
		return
	}
	r.Previous = nil
	r.AuditAt = append(r.AuditAt, now)
}

// Attach records that PagerDuty has the link, with the dial-in that it took. A close that
// was requested meanwhile keeps its effect, and an incident that is resolved closes the
// bridge.
func (r *Record) Attach(now time.Time, resolved bool, dialIns []string, grace, maxAge time.Duration) {
	decision := *r.Decision
	if len(dialIns) < len(decision.DialIns) {
		r.Warn("PagerDuty did not accept the dial-in number; a plainer one, or none, is on the incident")
	}
	decision.DialIns = slices.Clone(dialIns)
	r.Decision, r.WarningsNoted = &decision, true
	r.dropPrevious(now)
	r.clearFailures()
	r.AttachedAt = now
	switch {
	case r.State == StateClosing && r.CloseReason != CloseRejected: // the closing continues
	case r.CloseRequested != "":
		r.StartClosing(r.CloseRequested, now, grace)
	case resolved:
		r.StartClosing(CloseResolved, now, grace)
	default:
		r.to(StateAttached)
		r.CloseReason = ""
		r.ExpiresAt = r.OpenedAt.Add(maxAge)
	}
}

// RequestClose starts the closing, or leaves it to the holder that is creating the
// meeting.
func (r *Record) RequestClose(reason CloseReason, now time.Time, grace time.Duration) {
	switch r.State {
	case StateCreating:
		if r.CloseRequested == CloseRequested && reason != CloseRequested {
			return // a request outranks a resolve
		}
		r.CloseRequested, r.LastClosedAt = reason, now
	case StateClosing:
		r.CloseReason, r.LastClosedAt = reason, now
	case StateFailed:
		r.to(StateClosed)
		r.CloseReason, r.ClosedAt, r.LastClosedAt = reason, now, now
	default:
		r.StartClosing(reason, now, grace)
	}
}

// StartClosing starts the grace period.
func (r *Record) StartClosing(reason CloseReason, now time.Time, grace time.Duration) {
	if r.State != StateClosing {
		r.to(StateClosing)
	}
	r.CloseReason, r.CloseRequested = reason, ""
	r.LastClosedAt, r.CloseAt, r.RetryAt = now, now.Add(grace), time.Time{}
}

// CancelClosing takes a closing back, to where the link is to be published again.
func (r *Record) CancelClosing() {
	r.to(StateCreated)
	r.CloseReason = ""
}

// CancelClosingAttached takes a closing back whose link the incident still shows.
func (r *Record) CancelClosingAttached(maxAge time.Duration) {
	r.to(StateAttached)
	r.CloseReason, r.ExpiresAt = "", r.OpenedAt.Add(maxAge)
}

// StartEnding is the point of no return: from now on the meeting is ended.
func (r *Record) StartEnding() { r.to(StateEnding) }

// End records that the meeting is over.
func (r *Record) End(now time.Time) {
	r.to(StateClosed)
	r.ClosedAt = now
	r.dropPrevious(now)
	if len(r.AuditAt) > 0 {
		r.AuditAt = append(r.AuditAt, now)
	}
}

// Abort ends a generation that made nothing. The record stays, with its idempotency keys,
// and is audited if a create could have been sent.
func (r *Record) Abort(reason CloseReason, now time.Time) {
	r.to(StateClosed)
	r.CloseReason, r.CloseRequested, r.ClosedAt = reason, "", now
	r.scheduleAuditIfCreated(now)
}

// KeepExternal leaves a human's bridge on the incident. A meeting of ours is left to the
// audit, which never ends one that has started, and to the verification, because a write
// of ours may still land over the human's.
func (r *Record) KeepExternal(link Link, now time.Time) {
	r.to(StateExternal)
	if r.Decision != nil || r.Previous != nil {
		r.ScheduleAudit(now)
		r.AuditAt = append(r.AuditAt, now)
	}
	r.keepFormerLink(r.Decision)
	r.Previous = nil
	r.Decision = &Decision{Provider: External, JoinURL: link.URL}
	if link.DialIn != "" {
		r.Decision.DialIns = []string{link.DialIn}
	}
	r.ClosedAt, r.LastClosedAt, r.CloseRequested = now, now, ""
}

// retryFor is how long a failing opening is retried before it is given up.
const retryFor = 10 * time.Minute

// ScheduleRetry counts a failure and schedules the next try, after 1 s, 2 s, 5 s, then
// every 10 s. An opening without a decision is given up when the failure is permanent or
// after ten minutes; one that was to be closed ends.
func (r *Record) ScheduleRetry(failure string, permanent bool, now time.Time) {
	if r.FailingSince.IsZero() {
		r.FailingSince = now
	}
	r.RetryAt = now.Add(retryInterval(r.Attempts))
	r.Attempts++
	r.LastFailure = failure
	switch {
	case r.Decision != nil:
	case r.CloseRequested != "":
		r.Abort(r.CloseRequested, now)
	case permanent || now.Sub(r.FailingSince) > retryFor:
		r.to(StateFailed)
		r.CloseReason, r.ClosedAt = CloseFault, now
		r.scheduleAuditIfCreated(now)
	}
}

// retryInterval is the wait after so many failures in a row.
func retryInterval(attempts int) time.Duration {
	switch attempts {
	case 0:
		return time.Second
	case 1:
		return 2 * time.Second
	case 2:
		return 5 * time.Second
	default:
		return 10 * time.Second
	}
}

func (r *Record) clearFailures() {
	r.Attempts, r.LastFailure, r.FailingSince, r.RetryAt = 0, "", time.Time{}, time.Time{}
}

// Abandon leaves everything as it is, for nobody can do anything about it any more: the
// app was uninstalled. A holder at work finds that it has lost the record.
func (r *Record) Abandon(now time.Time) {
	r.ReleaseLease()
	if r.State.Open() {
		r.to(StateAbandoned)
		r.ClosedAt, r.LastClosedAt = now, now
	}
	if r.Previous != nil {
		r.keepFormerLink(r.Previous.Decision)
		r.Previous = nil
	}
	r.CloseRequested, r.AuditAt = "", nil
	r.RetryAt, r.VerifyAt, r.CloseAt, r.ExpiresAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
}

// VerifyDelay is how long after a doubt the incident is looked at again.
const VerifyDelay = 2 * time.Minute

// How long after a doubt the hosts are searched for meetings left behind. The first pass
// comes later than a create's deadline, its late completion and the lag of lists
// together.
const (
	firstAudit  = 3 * time.Minute
	secondAudit = 30 * time.Minute
)

// ScheduleAudit schedules the two passes after a doubt.
func (r *Record) ScheduleAudit(now time.Time) {
	r.AuditAt = []time.Time{now.Add(firstAudit), now.Add(secondAudit)}
}

// scheduleAuditIfCreated schedules an audit if a create could have been sent anywhere.
func (r *Record) scheduleAuditIfCreated(now time.Time) {
	if len(r.CreateSites) > 0 {
		r.ScheduleAudit(now)
	}
}

// ScheduleAuditAndVerify schedules both: what the last holder sent may still land
// anywhere.
func (r *Record) ScheduleAuditAndVerify(now time.Time) {
	r.ScheduleAudit(now)
	r.VerifyAt = now.Add(VerifyDelay)
}

// AuditOnceMore schedules one more pass, soon.
func (r *Record) AuditOnceMore(now time.Time) { r.AuditAt = append(r.AuditAt, now.Add(firstAudit)) }
