package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	leaseFor      = 15 * time.Second // so that a crashed opening is taken up again within 30 s
	createBudget  = 10 * time.Second
	publishBudget = 10 * time.Second
	readBudget    = 8 * time.Second
	clockMargin   = 2 * time.Second // what clocks and scheduling may cost a lease
	waiterPolls   = 100 * time.Millisecond
	auditSoon     = 3 * time.Minute // later than: create deadline + late completion + list lag
	auditLate     = 30 * time.Minute
	verifyAfter   = 2 * time.Minute
	retryFor      = 10 * time.Minute
)

// Open makes the incident's bridge or returns the one that is there. It is idempotent: however often and from however
// many processes it is called, the incident gets one meeting.
//
// A bridge returned as Attached is on the incident. Creating or Created, with a nil error, means that the ledger holds
// it but the caller's context ended, or PagerDuty did not take it yet: Run goes on. Work outlives the caller's context,
// bounded, unless the error says otherwise; an *Error with Kept set means that the ledger tries again by itself.
func (s *Service) Open(ctx context.Context, req Request) (*Bridge, error) {
	began := time.Now()
	req = req.withDefaults()
	id, err := s.resolveTrigger(ctx, &req)
	if err != nil {
		return nil, fail("open", id, err)
	}
	b, err := s.openOnce(ctx, id, req)
	s.tell(ctx, id, b, err, began)
	if req.Unseen && err != nil {
		s.noteRefusal(ctx, id, err)
	}
	return b, fail("open", id, err)
}

// resolveTrigger checks the request without any call, then turns a number into the id.
func (s *Service) resolveTrigger(ctx context.Context, req *Request) (string, error) {
	if err := req.validate(); err != nil {
		return "", err
	}
	id, err := s.incidents.ParseID(req.IncidentID)
	if err != nil {
		return "", err
	}
	if err := s.admit(*req); err != nil {
		return id, err
	}
	if !req.Incident.tells() || req.OccurredAt.IsZero() || time.Since(req.OccurredAt) > carriedFor {
		req.Incident = nil
	}
	if !isNumber(id) {
		return id, nil
	}
	incident, err := s.readIncident(ctx, id)
	if err != nil {
		return id, err
	}
	req.Incident, req.live = incident, true
	return incident.ID, nil
}

// resolveID turns what a caller gave into the incident's id.
func (s *Service) resolveID(ctx context.Context, given string) (string, error) {
	id, err := s.incidents.ParseID(given)
	if err != nil || !isNumber(id) {
		return id, err
	}
	incident, err := s.readIncident(ctx, id)
	if err != nil {
		return id, err
	}
	return incident.ID, nil
}

func (s *Service) readIncident(ctx context.Context, id string) (*Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	return s.incidents.Incident(ctx, id)
}

// openOnce answers from the record where it can, else joins the work on this incident or begins it.
func (s *Service) openOnce(ctx context.Context, id string, req Request) (*Bridge, error) {
	for {
		e, err := s.ledger.read(ctx, id)
		if err != nil {
			return nil, err
		}
		if b, err := s.standing(ctx, e, req); b != nil || err != nil {
			return b, err
		}
		fl, led, err := s.flights.join(ctx, id, func(ctx context.Context, fl *flight) {
			fl.bridge, fl.err = s.opening(e, id, req, fl).run(ctx)
		})
		if err != nil {
			return nil, err
		}
		if !led {
			// Whether the leader may open says nothing about this caller.
			if _, err := s.authorize(ctx, req.Requester, req.Trigger.Kind, s.looking(id)); err != nil {
				return nil, err
			}
		}
		select {
		case <-fl.done:
		case <-ctx.Done():
			if b := fl.promise(); b != nil {
				return b, nil
			}
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
		if led || fl.bridge == nil && !personal(fl.err) {
			return fl.bridge, fl.err
		}
		if fl.bridge == nil {
			continue
		}
		found := *fl.bridge
		found.Created = false
		return &found, nil
	}
}

// personal says that an error is about the one who asked, not about the incident.
func personal(err error) bool {
	return errors.Is(err, ErrForbidden) || errors.Is(err, ErrIgnored) || errors.Is(err, ErrStale)
}

// standing returns a bridge that needs no work: Open 1.
func (s *Service) standing(ctx context.Context, e entry, req Request) (*Bridge, error) {
	if e.version == "" {
		return nil, nil
	}
	answered := e.keyGeneration(req.IdempotencyKey) != 0
	switch e.State {
	case Attached:
	case Closing, Ending, Closed, Abandoned:
		if answered && e.Call == nil {
			return nil, fmt.Errorf("%w: this delivery was answered before: %w", ErrStale, released(e.Reason))
		}
		if !answered && !req.OccurredAt.IsZero() && req.OccurredAt.Before(e.OverAt) {
			return nil, fmt.Errorf("%w: it happened before the bridge was closed: %w", ErrStale, ErrResolved)
		}
		if !answered {
			return nil, nil
		}
	case Creating, Created, Failed, External:
		return nil, nil
	}
	if _, err := s.authorize(ctx, req.Requester, req.Trigger.Kind, s.looking(e.IncidentID)); err != nil {
		return nil, err
	}
	s.remember(ctx, e, req)
	return e.bridge(), nil
}

// remember keeps the key of a trigger that has no time of its own, so that its redelivery after the bridge is closed
// starts nothing. A trigger with a time is told by that.
func (s *Service) remember(ctx context.Context, e entry, req Request) {
	if req.IdempotencyKey == "" || !req.OccurredAt.IsZero() || e.keyGeneration(req.IdempotencyKey) != 0 {
		return
	}
	_, err := s.ledger.update(ctx, e.IncidentID, func(r *record) error {
		if r.Generation == e.Generation {
			r.addKey(req.IdempotencyKey, time.Now())
		}
		return nil
	})
	if err != nil {
		s.logger.WarnContext(ctx, "an idempotency key was not kept", "incident_id", e.IncidentID, "error", err)
	}
}

// released is why a generation ended without a bridge.
func released(reason CloseReason) error {
	switch reason {
	case closeForbidden:
		return ErrForbidden
	case closeMissing:
		return ErrIncidentNotFound
	case closeIgnored:
		return ErrIgnored
	default:
		return ErrResolved
	}
}

// opening is one holder's work on one incident: it reads, claims, creates, decides and publishes.
type opening struct {
	*Service
	id     string
	req    Request
	flight *flight
	owner  string // nonce of this claim
	step   string // where it is, for errors

	entry              // the record as this holder last read or wrote it
	extended time.Time // when this holder last extended its lease, with the monotonic clock
	fresh    bool      // this holder began the generation
	decided  bool      // this holder decided the call, so its link was never written before
	mark     marker    // what its calls carry
	sentTo   []berth   // where this holder sent a create
	sight    look      // the incident, as read beside the claim
	person   func(context.Context) (*Person, error)
}

// opening begins work on the incident, from the record as it was just read.
func (s *Service) opening(e entry, id string, req Request, fl *flight) *opening {
	return &opening{Service: s, id: id, req: req, flight: fl, owner: newNonce(), entry: e}
}

// run works until there is an answer; when another holder took over, it waits for what that one does.
func (o *opening) run(ctx context.Context) (*Bridge, error) {
	for {
		b, err := o.attempt(ctx)
		if !errors.Is(err, errMoved) {
			return b, o.explain(err)
		}
		o.owner, o.sentTo, o.decided = newNonce(), nil, false
		o.req.Incident, o.sight = nil, nil
		if o.entry, err = o.ledger.read(ctx, o.id); err != nil {
			return nil, o.explain(err)
		}
	}
}

func (o *opening) attempt(ctx context.Context) (*Bridge, error) {
	o.step = "claim"
	if b, err := o.claim(ctx); b != nil || err != nil {
		return b, err
	}
	if o.State == Closing {
		return o.reopen(ctx)
	}
	if o.Call == nil {
		if b, err := o.decide(ctx); b != nil || err != nil {
			return b, err
		}
	}
	return o.publish(ctx)
}

// explain says where it failed, what exists now and what happens next.
func (o *opening) explain(err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: "open", Step: o.step, IncidentID: o.id, Err: err}
	if o.Call != nil {
		e.MeetingID = o.Call.MeetingID
	}
	if o.Lease.Owner == "" && o.State == Creating && !o.RetryAt.IsZero() {
		e.Kept, e.RetryAfter = true, time.Until(o.RetryAt)
	}
	return e
}

// claim takes the record, as a new generation or over an expired lease: Open 1 and 2. It returns a bridge if there is
// nothing left to do.
func (o *opening) claim(ctx context.Context) (*Bridge, error) {
	for {
		if o.State == External {
			if b, err := o.kept(ctx); b != nil || err != nil {
				return b, err
			}
		}
		if b, err := o.standing(ctx, o.entry, o.req); b != nil || err != nil {
			return b, err
		}
		now := time.Now()
		if o.leased(now) || o.State == Ending {
			if err := o.await(ctx, now); err != nil {
				return nil, err
			}
			continue
		}
		o.glimpse(ctx)
		e, err := o.ledger.write(ctx, o.claimed(now), o.version)
		if err != nil && !errors.Is(err, errMoved) {
			return nil, err
		}
		o.entry = e
		if err == nil {
			o.extended = now
			o.stands()
			return nil, nil
		}
	}
}

// kept returns a human's bridge that still stands: a record that says External is only as good as a look.
func (o *opening) kept(ctx context.Context) (*Bridge, error) {
	incident, err := o.readIncident(ctx, o.id)
	if err != nil {
		return nil, err
	}
	o.req.Incident, o.req.live = incident, true
	if !o.humans(incident) || o.overwrite {
		return nil, nil
	}
	if _, err := o.authorize(ctx, o.req.Requester, o.req.Trigger.Kind, o.looking(o.id)); err != nil {
		return nil, err
	}
	b := o.bridge()
	b.JoinURL, b.DialIn = incident.Bridge.URL, incident.Bridge.Number
	return b, nil
}

// await lets another holder work, writing nothing: Open 1.
func (o *opening) await(ctx context.Context, now time.Time) error {
	wait := waiterPolls
	if o.State == Ending && !o.leased(now) {
		return fmt.Errorf("%w: the last bridge is being ended", ErrInProgress)
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(now) <= wait {
		return fmt.Errorf("%w: %s since %s", ErrInProgress, o.State, o.OpenedAt.UTC().Format(time.RFC3339))
	}
	if err := sleep(ctx, wait); err != nil {
		return fmt.Errorf("%w: %w", ErrInProgress, err)
	}
	e, err := o.ledger.read(ctx, o.id)
	if err != nil {
		return err
	}
	o.entry = e
	return nil
}

// claimed is the record with this holder's claim in it.
func (o *opening) claimed(now time.Time) record {
	r := o.clone()
	r.Lease = lease{Owner: o.owner, Until: now.Add(leaseFor)}
	r.RetryAt = time.Time{}
	o.fresh = false
	switch r.State {
	case Creating, Created, Failed:
		if o.Lease.Owner != "" {
			// What the last holder sent may still land anywhere.
			r.doubt(now)
		}
		if r.State == Failed {
			r.State, r.ClosedAt, r.FailingAt, r.Attempts = Creating, time.Time{}, time.Time{}, 0
		}
	case Closing:
	default:
		o.fresh = true
		r.begin(o.id, o.req, now)
		if host, ok := o.knownHost(); ok {
			r.Tried = append(r.Tried, berth{Provider: o.providers[0].Name(), Host: host, Generation: r.Generation})
		}
	}
	r.addKey(o.req.IdempotencyKey, now)
	return r
}

// begin starts a new generation. What the former ones left stays known.
func (r *record) begin(id string, req Request, now time.Time) {
	r.retire()
	if len(r.Tried) > 0 {
		r.audit(now)
	}
	r.IncidentID, r.State, r.Nonce = id, Creating, newNonce()
	r.Generation++
	r.Warnings, r.CloseAsk, r.Reason, r.Attempts, r.Verified = nil, "", "", 0, 0
	r.FailingAt, r.VerifyAt, r.CloseAt, r.EndBy = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	r.OpenedAt, r.AttachedAt, r.ClosedAt = now, time.Time{}, time.Time{}
	r.Asked = asked{
		RequesterID: req.Requester.ID, RequesterEmail: req.Requester.Email, Trigger: req.Trigger.Kind,
		Event: req.Trigger.Event, WorkflowID: req.Trigger.WorkflowID, WorkflowName: req.Trigger.WorkflowName,
	}
}

// doubt leaves an audit and a verification due.
func (r *record) doubt(now time.Time) {
	r.audit(now)
	r.VerifyAt = now.Add(verifyAfter)
}

func (r *record) audit(now time.Time) {
	r.AuditAt = []time.Time{now.Add(auditSoon), now.Add(auditLate)}
}

// knownHost is the first host when it does not depend on an answer still out: Open 6.
func (o *opening) knownHost() (string, bool) {
	if o.req.Requester.ID != "" && o.req.Requester.Email == "" {
		return "", false
	}
	return o.providers[0].Hosts(o.req.Requester.Email)[0], true
}

// glimpse begins to read the incident and the requester, beside the claim.
func (o *opening) glimpse(ctx context.Context) {
	if o.sight != nil {
		return
	}
	if incident := o.req.Incident; incident != nil && (o.req.live || o.Generation == 0) {
		// What a trigger carries is good for the first generation only: Open 3.
		o.sight = func(context.Context) (*Incident, error) { return incident, nil }
	} else {
		o.sight = async(ctx, func(ctx context.Context) (*Incident, error) { return o.readIncident(ctx, o.id) })
	}
	requester, kind := o.req.Requester, o.req.Trigger.Kind
	o.person = async(ctx, func(ctx context.Context) (*Person, error) { return o.authorize(ctx, requester, kind, o.sight) })
}

// stands lets a caller whose time is up see what stands.
func (o *opening) stands() { o.flight.stand(o.bridge()) }

// save writes a change while this holder's lease stands, over idempotency keys and close requests that others add.
// errMoved means that another holder took the record: it is at work now.
func (o *opening) save(ctx context.Context, change func(*record)) error {
	for {
		now := time.Now()
		next := o.clone()
		if next.Lease.Owner == o.owner {
			next.Lease.Until = now.Add(leaseFor)
		}
		change(&next)
		e, err := o.ledger.write(ctx, next, o.version)
		if err == nil {
			o.entry, o.extended = e, now
			o.stands()
			return nil
		}
		if !errors.Is(err, errMoved) {
			return err
		}
		nonce := o.Nonce
		o.entry = e
		if e.Lease.Owner != o.owner || e.Nonce != nonce {
			return errMoved
		}
	}
}

// leaseLeft is how much of the lease this holder may count on, by the slower of both clocks: Open 6.
func (o *opening) leaseLeft() time.Duration {
	wall := o.Lease.Until.Round(0).Sub(time.Now().Round(0))
	monotonic := leaseFor - time.Since(o.extended)
	return min(wall, monotonic) - clockMargin
}

// free ends this holder's work on the record.
func free(r *record) { r.Lease = lease{} }

// yield gives a record back as it was, for the ledger to go on with.
func (o *opening) yield(ctx context.Context, cause error) error {
	err := o.save(ctx, func(r *record) {
		free(r)
		r.RetryAt = time.Now()
	})
	return errors.Join(cause, err)
}

// release ends a generation that made nothing. The record stays, with its keys, and is audited if a create could have
// been sent: Open 4.
func (o *opening) release(ctx context.Context, reason CloseReason, cause error) error {
	err := o.save(ctx, func(r *record) {
		free(r)
		r.State, r.Reason, r.ClosedAt = Closed, reason, time.Now()
		if o.fresh {
			r.Tried = slices.DeleteFunc(r.Tried, func(b berth) bool {
				return b.Generation == r.Generation && !slices.Contains(o.sentTo, b)
			})
		}
		if reason == closeFault {
			// The trigger was not served: its redelivery must be.
			r.dropKey(o.req.IdempotencyKey)
		}
	})
	return errors.Join(cause, err)
}

// async begins f at once and returns a function that waits for what it found.
func async[T any](ctx context.Context, f func(context.Context) (T, error)) func(context.Context) (T, error) {
	var (
		done   = make(chan struct{})
		result T
		fault  error
	)
	go func() {
		defer close(done)
		result, fault = f(ctx)
	}()
	return func(ctx context.Context) (T, error) {
		select {
		case <-done:
			return result, fault
		case <-ctx.Done():
			var zero T
			return zero, ctx.Err()
		}
	}
}
