package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

// Time limits of one attempt.
const (
	attemptBudget = 25 * time.Second // from claim to publish, so that work after a 202 ends too
	leaseTime     = 15 * time.Second // a crashed attempt is resumed within 30 s
	readBudget    = 8 * time.Second
	clockMargin   = 2 * time.Second        // what clocks and scheduling may cost a lease //mutant:clock-margin
	pollInterval  = 100 * time.Millisecond // while another holder is at work
)

// attempt is one holder's work on one incident: it brings the bridge from what the ledger
// says to attached. docs/protocol.md explains each step under the name it has here.
type attempt struct {
	svc     *Service
	id      string
	req     Request
	callers *sharedAttempt // told what is recorded so far; nil for a closing
	record  *ledger.Record // as this holder last read or wrote it
	owner   string         // nonce of this holder's lease
	renewed time.Time      // when it last wrote its lease, with the monotonic clock

	onlyGeneration string // nonce of the only generation to work on; empty: any
	installChecked bool   // the app was found installed just now
	queued         bool   // the ledger holds what failed, by this holder's own write
	known          knowledge
}

// knowledge is what a holder found out since its claim. It is void once another holder
// has written.
type knowledge struct {
	incident       incidentReader
	requester      func(context.Context) (*Person, error)
	newGeneration  bool                // this holder began the generation
	createdAt      []ledger.CreateSite // where it sent a create
	createInDoubt  bool                // one of them has an unknown outcome
	adopted        bool                // the meeting is one whose create was lost
	decidedByUs    bool
	neverPublished bool // the link was never written, and the incident was read one create ago
}

// run works until there is an answer. When another holder took the record over, it begins
// again from what that one wrote.
func (a *attempt) run(ctx context.Context) (*Bridge, error) {
	for conflicts := 0; ; conflicts++ {
		if conflicts >= 3 { // whatever others do so often, this process does not spin
			if err := sleep(ctx, pollInterval); err != nil {
				return nil, a.wrapError(inStep("claim", fmt.Errorf("%w: %w", ErrInProgress, err)))
			}
		}
		b, err := a.open(ctx)
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, ledger.ErrConflict) {
			return b, a.wrapError(err)
		}
		a.owner, a.known = ledger.NewNonce(), knowledge{}
		a.req.Incident, a.req.live = nil, false
		record, err := a.svc.ledger.Read(ctx, a.id)
		if err != nil {
			return nil, a.wrapError(inStep("claim", err))
		}
		a.record = record
	}
}

// open is the protocol from top to bottom.
func (a *attempt) open(ctx context.Context) (*Bridge, error) {
	if b, done, err := a.claim(ctx); done || err != nil {
		return b, inStep("claim", err)
	}
	if a.record.State == ledger.StateClosing {
		return a.cancelClosing(ctx)
	}
	if a.record.Decision == nil {
		incident, requester, err := a.check(ctx)
		if err != nil {
			return nil, err
		}
		if isExternalBridge(a.record, incident) && !a.svc.cfg.overwrite {
			return a.keepExternal(ctx, *incident.Bridge)
		}
		created, err := a.createMeeting(ctx, incident, requester.Email)
		if err != nil {
			return nil, inStep("create", err)
		}
		if err := a.decide(ctx, created); err != nil {
			return nil, inStep("decide", err)
		}
		if a.record.State == ledger.StateClosing {
			return bridgeOf(a.record), nil // a close was requested while the meeting was created
		}
	}
	if err := a.svc.requireInstalled(ctx); errors.Is(err, ErrNotInstalled) {
		releaseErr := a.update(ctx, (*ledger.Record).ReleaseLease)
		return nil, inStep("publish", errors.Join(err, releaseErr))
	}
	return a.publish(ctx)
}

// claim takes the record by compare-and-swap, as a new generation or over an expired
// lease, and starts the reads beside it. done: b is the answer, and nothing is left to
// do.
func (a *attempt) claim(ctx context.Context) (b *Bridge, done bool, err error) {
	for {
		if !a.installChecked {
			if err := a.svc.requireInstalled(ctx); err != nil {
				return nil, false, err
			}
		}
		a.installChecked = false
		if a.onlyGeneration != "" {
			undecided := a.record.State == ledger.StateCreating || a.record.State == ledger.StateCreated
			if a.record.Nonce != a.onlyGeneration || !undecided {
				return bridgeOf(a.record), true, nil // another process finished it
			}
			a.req = requestOf(a.record)
		}
		if a.record.State == ledger.StateExternal {
			if b, done, err := a.checkExternal(ctx); done || err != nil {
				return b, done, err
			}
		}
		if b, done, err := a.svc.fromRecord(ctx, a.record, a.req); done || err != nil {
			return b, done, err
		}
		now := a.svc.cfg.now()
		if a.record.Leased(now) || a.record.State == ledger.StateEnding {
			if err := a.waitForHolder(ctx, now); err != nil {
				return nil, false, err
			}
			continue
		}
		// A claim that changes what somebody else began needs the role first. A new
		// generation checks it beside its claim; the ledger checks it when it reads.
		changesOthers := a.record.Exists() && a.record.State != ledger.StateClosed && a.record.State != ledger.StateExternal
		if changesOthers && a.onlyGeneration == "" {
			_, err := a.svc.authorize(ctx, a.req.Requester, a.req.Trigger.Kind, a.svc.incidentReader(a.id))
			if err != nil {
				return nil, false, err
			}
		}
		a.startReads(ctx)
		orphan := a.record.Lease.Owner
		written, err := a.svc.ledger.Write(ctx, a.claimedRecord(now))
		if err == nil {
			a.written(written, now)
			if orphan != "" {
				a.svc.cfg.logger.InfoContext(ctx, "took over an unfinished opening", "incident_id", a.id,
					"generation", written.Generation, "state", written.State)
			}
			return nil, false, nil
		}
		if !errors.Is(err, ledger.ErrConflict) {
			return nil, false, err
		}
		a.record = written
		a.discardReads()
	}
}

// checkExternal returns a human's bridge if the incident still shows it: somebody may
// have removed it since it was recorded.
func (a *attempt) checkExternal(ctx context.Context) (b *Bridge, done bool, err error) {
	_, err = a.svc.authorize(ctx, a.req.Requester, a.req.Trigger.Kind, a.svc.incidentReader(a.id))
	if err != nil {
		return nil, false, err
	}
	incident, err := a.svc.readIncident(ctx, a.id)
	if err != nil {
		return nil, false, err
	}
	if isExternalBridge(a.record, incident) && !a.svc.cfg.overwrite {
		b := bridgeOf(a.record)
		b.JoinURL, b.DialIn = incident.Bridge.URL, incident.Bridge.DialIn
		return b, true, nil
	}
	if a.record.KeyGeneration(a.req.IdempotencyKey) != 0 || a.req.at().Before(a.record.LastClosedAt) {
		return nil, false, fmt.Errorf("%w: it was answered before the bridge on the incident was removed", ErrStale)
	}
	a.req.Incident, a.req.live = incident, true
	return nil, false, nil
}

// waitForHolder lets another holder work, then reads the record again. It writes nothing.
func (a *attempt) waitForHolder(ctx context.Context, now time.Time) error {
	a.discardReads()
	if a.record.State == ledger.StateEnding && !a.record.Leased(now) {
		return fmt.Errorf("%w: the last bridge is being ended", ErrInProgress)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pollInterval {
		return fmt.Errorf("%w: %s since %s", ErrInProgress, a.record.State, a.record.OpenedAt.UTC().Format(time.RFC3339))
	}
	if err := sleep(ctx, pollInterval); err != nil {
		return fmt.Errorf("%w: %w", ErrInProgress, err)
	}
	record, err := a.svc.ledger.Read(ctx, a.id)
	if err != nil {
		return err
	}
	a.record = record
	return nil
}

// claimedRecord is the record with this holder's lease and, where none is under way, with
// a new generation.
func (a *attempt) claimedRecord(now time.Time) *ledger.Record {
	next := a.record.Clone()
	next.Lease = ledger.Lease{Owner: a.owner, Until: now.Add(leaseTime)}
	next.RetryAt = time.Time{}
	a.known.newGeneration = false
	switch {
	case mustReplace(next, a.req):
		a.known.newGeneration = true
		next.Replace(requested(a.req), now)
	case next.State == ledger.StateCreating, next.State == ledger.StateCreated:
		if a.record.Lease.Owner != "" {
			next.ScheduleAuditAndVerify(now)
		}
		if a.onlyGeneration == "" {
			next.Requested = requested(a.req) // they are allowed; who began it may not be
			if a.req.at().After(next.LastClosedAt) {
				next.CloseRequested = "" // the bridge was asked for again since
			}
		}
	case next.State == ledger.StateClosing:
		return next // to be cancelled if the incident is open; the key is added then
	default:
		a.known.newGeneration = true
		next.Begin(requested(a.req), now)
	}
	hostKnown := a.req.Requester.ID == "" || a.req.Requester.Email != ""
	if a.known.newGeneration && hostKnown { // recording the first create's site now saves a write
		p := a.svc.providers[0]
		next.CreateSites = append(next.CreateSites, ledger.CreateSite{
			Provider: p.Name(), Host: p.Hosts(a.req.Requester.Email)[0], Generation: next.Generation,
		})
	}
	next.AddKey(a.req.IdempotencyKey, next.Generation, now) //mutant:key-with-claim
	return next
}

// startReads starts reading the incident and the requester, and prepares the provider,
// concurrently with the claim.
func (a *attempt) startReads(ctx context.Context) {
	if a.known.incident != nil {
		return
	}
	if p, ok := a.svc.providers[0].(Preparer); ok && a.record.Decision == nil {
		go func() {
			var ignored error // Create finds out for itself
			defer recoverTo(&ignored)
			p.Prepare(ctx)
		}()
	}
	var incident incidentReader
	firstGeneration := a.record.Generation == 0 //mutant:carried-first-generation
	if carried := a.req.Incident; carried != nil && (a.req.live || firstGeneration) {
		incident = func(context.Context) (*Incident, error) { return carried, nil }
	} else {
		incident = start(ctx, a.svc.incidentReader(a.id))
	}
	requester, kind := a.req.Requester, a.req.Trigger.Kind
	a.known.incident = incident
	a.known.requester = start(ctx, func(ctx context.Context) (*Person, error) {
		return a.svc.authorize(ctx, requester, kind, incident)
	})
}

// discardReads drops what was read earlier: it may be stale for the record as it is now.
func (a *attempt) discardReads() {
	a.req.Incident, a.req.live, a.known.incident = nil, false, nil
}

// check waits for the reads and decides whether a meeting may be created. An error has
// been recorded in the ledger already.
func (a *attempt) check(ctx context.Context) (*Incident, *Person, error) {
	incident, err := a.known.incident(ctx)
	if errors.Is(err, ErrIncidentNotFound) {
		return nil, nil, a.abort(ctx, ledger.CloseNotFound, inStep("read incident", err))
	}
	if err != nil {
		return nil, nil, a.failRead(ctx, inStep("read incident", err))
	}
	requester, err := a.known.requester(ctx)
	if err == nil && a.req.Trigger.Event != "" && !a.svc.cfg.openOn.admitsIncident(incident) {
		err = fmt.Errorf("%w: its priority, urgency or service is not listed", ErrIgnored)
	}
	if err != nil {
		return nil, nil, a.rejectRequester(ctx, inStep("read requester", err))
	}
	if incident.Status == StatusResolved {
		return nil, nil, a.abort(ctx, ledger.CloseResolved, inStep("check incident", ErrResolved))
	}
	if a.record.CloseRequested == ledger.CloseRequested {
		closed := fmt.Errorf("%w: it was closed before it was made", ErrStale)
		return nil, nil, a.abort(ctx, ledger.CloseRequested, inStep("check incident", closed))
	}
	if a.record.CloseRequested == ledger.CloseResolved {
		// The incident is open again. A close that was requested since stays.
		seen := a.record.LastClosedAt
		err := a.update(ctx, func(r *ledger.Record) {
			if r.CloseRequested == ledger.CloseResolved && r.LastClosedAt.Equal(seen) {
				r.CloseRequested = ""
			}
		})
		if err != nil {
			return nil, nil, inStep("check incident", err)
		}
	}
	return incident, requester, nil
}

// rejectRequester ends an attempt that this requester may not have. A generation that
// another trigger began continues without it.
func (a *attempt) rejectRequester(ctx context.Context, err error) error {
	switch {
	case !isRequesterError(err):
		return a.failRead(ctx, err)
	case !a.known.newGeneration && a.onlyGeneration == "":
		return a.handBack(ctx, err)
	case errors.Is(err, ErrIgnored):
		return a.abort(ctx, ledger.CloseIgnored, err)
	default:
		return a.abort(ctx, ledger.CloseForbidden, err)
	}
}

// failRead handles an incident or requester that cannot be read. A generation that nobody
// was promised is removed; otherwise the ledger retries.
func (a *attempt) failRead(ctx context.Context, err error) error {
	if a.known.newGeneration && !a.withdrawProvisional() {
		return a.abort(ctx, ledger.CloseFault, err)
	}
	return a.scheduleRetry(ctx, err, false)
}

// keepExternal leaves a human's bridge on the incident.
func (a *attempt) keepExternal(ctx context.Context, link Link) (*Bridge, error) {
	err := a.update(ctx, func(r *ledger.Record) {
		r.ReleaseLease()
		r.KeepExternal(ledger.Link(link), a.svc.cfg.now())
	})
	if err != nil {
		return nil, inStep("keep external bridge", err)
	}
	return bridgeOf(a.record), nil
}

// decide writes the meeting into the generation. Only the winner's link may ever be
// published.
func (a *attempt) decide(ctx context.Context, c created) error {
	ours := &ledger.Decision{
		Provider: c.provider.Name(), MeetingID: c.meeting.ID, Host: c.meeting.Host,
		JoinURL: c.meeting.JoinURL, DialIns: c.meeting.DialIns,
	}
	for {
		if a.alreadyDecided() { //mutant:decide-once
			if a.record.Decision != nil && a.record.Decision.Same(ours) { //mutant:adopted-by-another
				return a.yieldToWinner(ctx) // another process adopted it, and publishes it
			}
			return errors.Join(a.deleteLoser(ctx, c), a.yieldToWinner(ctx))
		}
		now := a.svc.cfg.now()
		next := a.record.Clone()
		next.Decide(ours, now, 0) // nobody was let in yet: a requested close needs no grace
		for _, w := range c.meeting.Warnings {
			next.Warn(w)
		}
		if len(c.faults) > 0 {
			next.Warn(fallbackWarning(c.provider, c.faults))
		}
		if next.Lease.Owner == a.owner {
			next.Lease.Until = now.Add(leaseTime)
		}
		if next.State == ledger.StateClosing {
			next.ReleaseLease()
		}
		nonce := a.record.Nonce
		writeCtx, cancel := ctx, context.CancelFunc(func() {})
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < readBudget {
			writeCtx, cancel = detachctx.Context(ctx, readBudget) // a meeting that exists must be decided
		}
		written, err := a.svc.ledger.Write(writeCtx, next)
		cancel()
		if err == nil {
			a.written(written, now)
			break
		}
		if !errors.Is(err, ledger.ErrConflict) {
			a.known.createInDoubt = true // the meeting exists; whether it is decided is unknown
			return a.scheduleRetry(ctx, err, false)
		}
		a.record = written
		if written.Nonce != nonce { //mutant:conflict-keeps-meeting
			return a.deleteLoser(ctx, c)
		}
		// Still this generation and undecided: decide ours, even if another process has
		// the lease.
	}
	a.known.decidedByUs, a.known.neverPublished = true, !a.known.createInDoubt
	if a.known.adopted || len(c.faults) > 0 {
		a.svc.reportUnusual(ctx, a.record, a.known.adopted, c.faults)
	}
	if a.record.State != ledger.StateClosing && a.record.Lease.Owner != a.owner {
		return ledger.ErrConflict // decided all the same; another holder publishes it
	}
	return nil
}

// alreadyDecided reports that a former holder, or a close, was quicker.
func (a *attempt) alreadyDecided() bool {
	return a.record.Decision != nil || a.record.State != ledger.StateCreating
}

// yieldToWinner ends this holder's work, so that what was decided is published at once.
func (a *attempt) yieldToWinner(ctx context.Context) error {
	if a.record.Lease.Owner != a.owner {
		return ledger.ErrConflict
	}
	err := a.update(ctx, (*ledger.Record).ReleaseLease)
	return errors.Join(ledger.ErrConflict, err)
}

// deleteLoser deletes a meeting that was not decided: another one is, or the generation
// is over.
func (a *attempt) deleteLoser(ctx context.Context, c created) error {
	ctx, cancel := detachctx.Context(ctx, readBudget) // the caller's time may be up
	defer cancel()
	err := c.provider.Delete(ctx, c.meeting.ID)
	if err == nil {
		return ledger.ErrConflict
	}
	a.svc.cfg.logger.WarnContext(ctx, "could not delete a duplicate meeting, the audit will retry",
		"incident_id", a.id, "meeting_id", c.meeting.ID, "error", err)
	_, err = a.svc.ledger.Update(ctx, a.id, func(r *ledger.Record) bool {
		r.AuditOnceMore(a.svc.cfg.now())
		return true
	})
	return errors.Join(ledger.ErrConflict, err)
}

// update writes a change while this holder has the lease, over idempotency keys and
// requested closes that others add: a change checks itself the state that it changes.
// ErrConflict means that another holder took the record.
func (a *attempt) update(ctx context.Context, change func(*ledger.Record)) error {
	for {
		now := a.svc.cfg.now()
		next := a.record.Clone()
		if next.Lease.Owner == a.owner {
			next.Lease.Until = now.Add(leaseTime)
		}
		change(next)
		written, err := a.svc.ledger.Write(ctx, next)
		if err == nil {
			a.written(written, now)
			return nil
		}
		if !errors.Is(err, ledger.ErrConflict) {
			return err
		}
		nonce := a.record.Nonce
		a.record = written
		if written.Lease.Owner != a.owner || written.Nonce != nonce {
			return ledger.ErrConflict
		}
	}
}

// written takes over the record as this holder wrote it. Callers whose time is up may
// return it.
func (a *attempt) written(r *ledger.Record, now time.Time) {
	a.record, a.renewed = r, now
	if a.callers != nil {
		a.callers.update(bridgeOf(r))
	}
}

// renewLease makes sure that the lease outlives what is done next.
func (a *attempt) renewLease(ctx context.Context, budget time.Duration) error {
	if a.leaseLeft() >= budget {
		return nil
	}
	return a.update(ctx, func(*ledger.Record) {})
}

// leaseLeft is how much of the lease this holder may count on, by the slower of both
// clocks.
func (a *attempt) leaseLeft() time.Duration {
	now := a.svc.cfg.now()
	wall := a.record.Lease.Until.Round(0).Sub(now.Round(0))
	monotonic := leaseTime - now.Sub(a.renewed)
	return min(wall, monotonic) - clockMargin
}

// handBack leaves a record as it was, for the ledger to continue with.
func (a *attempt) handBack(ctx context.Context, cause error) error {
	err := a.update(ctx, func(r *ledger.Record) {
		r.ReleaseLease()
		r.RetryAt = a.svc.cfg.now()
	})
	return errors.Join(cause, err)
}

// abort ends a generation that made nothing.
func (a *attempt) abort(ctx context.Context, reason ledger.CloseReason, cause error) error {
	if a.record.Previous != nil {
		return a.restorePrevious(ctx, cause)
	}
	a.withdrawProvisional() // later callers are not told that anything is under way
	decided := false
	err := a.update(ctx, func(r *ledger.Record) {
		now := a.svc.cfg.now()
		r.ReleaseLease()
		if decided = r.State != ledger.StateCreating || r.Decision != nil; decided {
			r.RetryAt = now // a former holder was quicker: its decision is published
			return
		}
		if a.known.newGeneration {
			r.CreateSites = slices.DeleteFunc(r.CreateSites, func(c ledger.CreateSite) bool {
				return c.Generation == r.Generation && !slices.Contains(a.known.createdAt, c)
			})
		}
		r.Abort(reason, now)
		if reason == ledger.CloseFault {
			r.DropKey(a.req.IdempotencyKey) // the trigger was not served: its redelivery must be
		}
	})
	if err == nil && decided {
		return ledger.ErrConflict
	}
	return errors.Join(cause, err)
}

// restorePrevious ends a Replace that came to nothing: the bridge that was to be replaced
// becomes the decision of the generation that was to replace it, and the ledger publishes
// it again.
func (a *attempt) restorePrevious(ctx context.Context, cause error) error {
	ctx, cancel := detachctx.Context(ctx, readBudget) // the caller's time may be up
	defer cancel()
	decided := false
	err := a.update(ctx, func(r *ledger.Record) {
		now := a.svc.cfg.now()
		r.ReleaseLease()
		if decided = r.Previous == nil || r.Decision != nil || r.State != ledger.StateCreating; decided {
			r.RetryAt = now // a former holder was quicker: its decision is published
			return
		}
		if a.known.createInDoubt {
			r.ScheduleAudit(now)
		}
		r.DecidePrevious(now, a.svc.cfg.grace)
	})
	if err == nil && decided {
		return ledger.ErrConflict
	}
	return errors.Join(cause, err)
}

// scheduleRetry leaves the opening to the ledger, which tries again; permanent: no retry
// can succeed.
func (a *attempt) scheduleRetry(ctx context.Context, cause error, permanent bool) error {
	if a.record.Previous != nil { //mutant:restore-previous
		return a.restorePrevious(ctx, cause)
	}
	ctx, cancel := detachctx.Context(ctx, readBudget) // the caller's time may be up
	defer cancel()
	note := false
	err := a.update(ctx, func(r *ledger.Record) {
		now := a.svc.cfg.now()
		r.ReleaseLease()
		if a.known.createInDoubt {
			r.ScheduleAudit(now)
		}
		r.ScheduleRetry(truncate(userMessage(cause), 500), permanent, now)
		gaveUp := r.State == ledger.StateFailed
		notedLately := now.Sub(r.FailureNotedAt) <= noteInterval
		// A caller that is answered with a permanent failure needs no note.
		unseen := a.req.NoteOnRefusal || a.onlyGeneration != ""
		note = gaveUp && !permanent || gaveUp && unseen && !notedLately ||
			!gaveUp && a.req.NoteOnRefusal && !notedLately && errors.Is(cause, ErrProvider)
		if note {
			r.FailureNotedAt = now
		}
	})
	if errors.Is(err, ledger.ErrConflict) {
		return ledger.ErrConflict
	}
	a.queued = err == nil && a.record.State == ledger.StateCreating
	if err == nil && note {
		a.svc.noteFailure(ctx, a.record)
	}
	return errors.Join(cause, err)
}

// withdrawProvisional withdraws what callers could rely on, and reports whether one has
// been told that the ledger holds this opening. If not, no caller will be, so the
// generation may be removed.
func (a *attempt) withdrawProvisional() bool { return a.callers != nil && !a.callers.withdraw() }

// wrapError returns err as an *Error: at which step, what exists now and what happens
// next.
func (a *attempt) wrapError(err error) error {
	e := &Error{
		Op: "open", Step: stepOf(err), IncidentID: a.id, Err: err,
		Kept: a.queued && !isRequesterError(err),
	}
	if a.req.minGeneration > 0 {
		e.Op = "replace"
	}
	if a.record.Decision != nil && !errors.Is(err, ErrForbidden) {
		e.MeetingID = a.record.Decision.MeetingID
	}
	if e.Kept {
		e.RetryAfter = a.record.RetryAt.Sub(a.svc.cfg.now())
	}
	return e
}
