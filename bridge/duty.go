package bridge

import (
	"slices"
	"time"
)

// duty is what is to be done about a record.
type duty string

const (
	nothing  duty = ""
	resumeIt duty = "resume" // an opening stopped half-way
	finishIt duty = "finish" // the grace is over, or an ending stopped half-way
	ageIt    duty = "age"    // the maximum age is reached
	verifyIt duty = "verify" // the incident may show something else
	auditIt  duty = "audit"  // a lost create may have left a call behind
	freeIt   duty = "free"   // somebody died who only looked at it
)

// errand is a duty and its time; zero: not asked for.
type errand struct {
	what duty
	at   time.Time
}

// errands lists what is to be done about the record while nobody is at work on it, first things first: Open 11.
func (r *record) errands() []errand {
	var errands []errand
	switch r.State {
	case StateCreating:
		return []errand{{resumeIt, r.RetryAt}} // an audit waits until something is decided
	case StateCreated:
		errands = []errand{{resumeIt, r.RetryAt}}
	case StateAttached:
		errands = []errand{{ageIt, r.EndBy}, {verifyIt, r.VerifyAt}}
	case StateClosing:
		errands = []errand{{finishIt, r.CloseAt}, {verifyIt, r.VerifyAt}}
	case StateEnding:
		errands = []errand{{finishIt, r.RetryAt}}
	case StateExternal:
		errands = []errand{{verifyIt, r.VerifyAt}}
	case StateClosed, StateFailed:
	case StateAbandoned:
		return nil
	}
	if len(r.AuditAt) > 0 {
		errands = append(errands, errand{auditIt, slices.MinFunc(r.AuditAt, time.Time.Compare)})
	}
	return slices.DeleteFunc(errands, func(e errand) bool { return e.at.IsZero() })
}

// dueAt is when somebody should look at the record next. What is open is always due.
func (r *record) dueAt() time.Time {
	errands := r.errands()
	switch {
	case r.Lease.Owner != "":
		return r.Lease.Until
	case len(errands) > 0:
		return slices.MinFunc(errands, func(a, b errand) int { return a.at.Compare(b.at) }).at
	case r.State.Open():
		return r.OpenedAt
	default:
		return time.Time{}
	}
}

// duty is what is to be done now.
func (r *record) duty(now time.Time) duty {
	errands := r.errands()
	switch {
	case r.leased(now):
		return nothing
	case r.Lease.Owner != "", len(errands) == 0:
		return r.stopped()
	}
	for _, e := range errands {
		if !e.at.After(now) {
			return e.what
		}
	}
	return nothing
}

// stopped is what is to be done about a record that nobody is at work on any more, or ever asked for.
func (r *record) stopped() duty {
	switch r.State {
	case StateCreating, StateCreated:
		return resumeIt
	case StateClosing:
		if r.Lease.Owner == "" {
			return finishIt
		}
	case StateEnding:
		return finishIt
	case StateAttached, StateClosed, StateFailed, StateExternal, StateAbandoned:
	}
	if r.Lease.Owner != "" {
		return freeIt
	}
	return nothing
}
