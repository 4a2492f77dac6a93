package ledger

import (
	"slices"
	"time"
)

// Task is what is to be done about a record.
type Task string

// The tasks. TaskNone: not now.
const (
	TaskNone   Task = ""
	TaskResume Task = "resume" // an opening stopped half-way
	TaskClose  Task = "close"  // the grace is over, or an ending stopped half-way
	TaskExpire Task = "expire" // the maximum age is reached
	TaskVerify Task = "verify" // the incident may show something else
	TaskAudit  Task = "audit"  // a lost create may have left a meeting behind
	TaskUnlock Task = "unlock" // a process crashed that only looked at it
)

// dueTask is a task and when it is due. A zero time means not scheduled.
type dueTask struct {
	task Task
	at   time.Time
}

// scheduled lists the tasks of a record without a holder, the most urgent first.
func (r *Record) scheduled() []dueTask {
	var tasks []dueTask
	switch r.State {
	case StateCreating, StateCreated:
		tasks = []dueTask{{TaskResume, r.RetryAt}}
	case StateAttached:
		tasks = []dueTask{{TaskExpire, r.ExpiresAt}, {TaskVerify, r.VerifyAt}}
	case StateClosing:
		tasks = []dueTask{{TaskClose, r.CloseAt}, {TaskVerify, r.VerifyAt}}
	case StateEnding:
		tasks = []dueTask{{TaskClose, r.RetryAt}}
	case StateExternal:
		tasks = []dueTask{{TaskVerify, r.VerifyAt}}
	case StateNone, StateClosed, StateFailed, StateAbandoned:
	}
	// An undecided generation is never audited: its meeting may be about to be decided.
	if len(r.AuditAt) > 0 &&
		r.State != StateCreating { //mutant:audit-when-decided-task
		tasks = append(tasks, dueTask{TaskAudit, slices.MinFunc(r.AuditAt, time.Time.Compare)}) //mutant:audit-is-last
	}
	return slices.DeleteFunc(tasks, func(t dueTask) bool { return t.at.IsZero() })
}

// DueAt is when the record needs attention next. An open one always has such a time.
func (r *Record) DueAt() time.Time {
	tasks := r.scheduled() //mutant:created-is-due
	switch {
	case r.Lease.Owner != "":
		return r.Lease.Until
	case len(tasks) > 0:
		return slices.MinFunc(tasks, func(a, b dueTask) int { return a.at.Compare(b.at) }).at
	case r.State.Open():
		return r.OpenedAt
	default:
		return time.Time{}
	}
}

// Task is what is to be done now.
func (r *Record) Task(now time.Time) Task {
	if r.Leased(now) {
		return TaskNone
	}
	tasks := r.scheduled()
	if r.Lease.Owner != "" || len(tasks) == 0 {
		return r.orphanTask()
	}
	for _, t := range tasks {
		if !t.at.After(now) {
			return t.task
		}
	}
	return TaskNone
}

// orphanTask is what is to be done about a record whose holder stopped, or for which
// nothing is scheduled.
func (r *Record) orphanTask() Task {
	orphan := r.Lease.Owner != ""
	switch r.State {
	case StateCreating, StateCreated:
		return TaskResume
	case StateEnding:
		return TaskClose
	case StateClosing:
		if !orphan {
			return TaskClose
		}
	case StateNone, StateAttached, StateClosed, StateFailed, StateExternal, StateAbandoned:
	}
	if orphan {
		return TaskUnlock
	}
	return TaskNone
}
