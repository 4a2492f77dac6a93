package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// decide makes a call, or finds one that was made, and writes it into the generation. It returns a bridge, or an
// error, if there is nothing to publish.
func (o *opening) decide(ctx context.Context) (*Bridge, error) {
	o.step = "read incident"
	incident, err := o.sight(ctx)
	if errors.Is(err, ErrIncidentNotFound) {
		return nil, o.release(ctx, closeMissing, err)
	}
	if err != nil {
		return nil, o.unserved(ctx, err)
	}
	o.step = "read requester"
	person, err := o.person(ctx)
	if err == nil && !o.openOn.admitsIncident(o.req.Trigger, incident) {
		err = fmt.Errorf("%w: its priority, urgency or service is not listed", ErrIgnored)
	}
	if err != nil {
		return nil, o.refuse(ctx, err)
	}
	if incident.Status == Resolved {
		return nil, o.release(ctx, CloseResolved, ErrResolved)
	}
	if o.humans(incident) && !o.overwrite {
		return o.keep(ctx, *incident.Bridge)
	}
	return o.serve(ctx, incident, person.Email)
}

// refuse ends an opening that this requester may not have. A generation that somebody else began goes on without them.
func (o *opening) refuse(ctx context.Context, err error) error {
	if !personal(err) {
		return o.unserved(ctx, err)
	}
	if !o.fresh {
		return o.yield(ctx, err)
	}
	if errors.Is(err, ErrIgnored) {
		return o.release(ctx, closeIgnored, err)
	}
	return o.release(ctx, closeForbidden, err)
}

// unserved ends an opening for which PagerDuty could not be read: nothing is left behind, unless a caller has been
// told already that the ledger holds it, or somebody else began it.
func (o *opening) unserved(ctx context.Context, err error) error {
	if o.fresh && o.flight.retract() {
		return o.release(ctx, closeFault, err)
	}
	return o.postpone(ctx, err)
}

// keep leaves a human's bridge where it is and ends ours.
func (o *opening) keep(ctx context.Context, link Link) (*Bridge, error) {
	o.step = "keep external"
	err := o.save(ctx, func(r *record) {
		free(r)
		r.kept(link, time.Now())
	})
	if err != nil {
		return nil, err
	}
	return o.bridge(), nil
}

// kept makes the record external. A call of ours is left to the audit, which never ends one that has started.
func (r *record) kept(link Link, now time.Time) {
	if r.Call != nil {
		r.AuditAt = append(r.AuditAt, now)
	}
	r.retire()
	r.Call = &decided{Provider: external, JoinURL: link.URL}
	if link.Number != "" {
		r.Call.DialIns = []string{link.Number}
	}
	r.State, r.ClosedAt = External, now
	r.VerifyAt, r.RetryAt, r.CloseAt = time.Time{}, time.Time{}, time.Time{}
}

// serve turns to one provider after the other until one makes a call.
func (o *opening) serve(ctx context.Context, incident *Incident, email string) (*Bridge, error) {
	o.step = "create"
	ledger, err := o.ledger.identity(ctx)
	if err != nil {
		return nil, o.postpone(ctx, err)
	}
	o.mark = marker{ledger: ledger, incident: o.id, generation: o.Generation, nonce: o.Nonce}
	spec := CallSpec{
		Topic: topic(o.topic, incident), Agenda: agenda(o.mark, incident), Start: time.Now(),
		Recording: o.recording, DialIn: o.dialIn,
	}
	var faults []error
	for i, p := range o.providers {
		call, err := o.makeAt(ctx, p, p.Hosts(email), spec, i == len(o.providers)-1)
		if err == nil {
			return o.settle(ctx, p, call, faults)
		}
		if errors.Is(err, errMoved) {
			return nil, err
		}
		faults = append(faults, err)
		if ctx.Err() != nil || errors.Is(err, ErrUnavailable) {
			break
		}
		o.logger.WarnContext(ctx, "a provider could not serve", "incident_id", o.id, "provider", p.Name(), "error", err)
	}
	return nil, o.postpone(ctx, errors.Join(faults...))
}

// makeAt makes a call at one provider, under the first host that can. The last provider gets a second round: a caller
// would rather wait a second than come back.
func (o *opening) makeAt(ctx context.Context, p Provider, hosts []string, spec CallSpec, last bool) (*Call, error) {
	call, err := o.makeUnder(ctx, p, hosts, spec)
	if err == nil || !last || final(err) || errors.Is(err, ErrRateLimited) {
		return call, err
	}
	if sleep(ctx, time.Second) != nil || o.leaseLeft() < 0 {
		return nil, err
	}
	return o.makeUnder(ctx, p, hosts, spec)
}

func (o *opening) makeUnder(ctx context.Context, p Provider, hosts []string, spec CallSpec) (*Call, error) {
	// What an earlier holder may have made is looked for at every host before anything new is made: Open 5.
	for _, b := range o.Tried {
		if b.Provider != p.Name() || !o.mayHold(b) || slices.Contains(hosts, b.Host) {
			continue
		}
		if call, err := o.find(ctx, p, b.Host); call != nil {
			return call, err
		}
	}
	var faults []error
	for _, host := range hosts {
		call, err := o.makeFor(ctx, p, host, spec)
		if err == nil || final(err) {
			return call, err
		}
		faults = append(faults, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(faults...)
}

// final says that trying another host, or again, is of no use.
func final(err error) bool {
	for _, sentinel := range []error{errMoved, ErrUnavailable, ErrRefused, ErrNotInstalled, ErrReauthorize} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// makeFor makes a call under one host, after a look whether it was made before: Open 5 and 6.
func (o *opening) makeFor(ctx context.Context, p Provider, host string, spec CallSpec) (*Call, error) {
	here := berth{Provider: p.Name(), Host: host, Generation: o.Generation}
	if o.mayHold(here) {
		call, err := o.find(ctx, p, host)
		if call != nil || err != nil {
			return call, err
		}
	}
	if err := o.intend(ctx, here); err != nil {
		return nil, err
	}
	o.sentTo = append(o.sentTo, here)
	createCtx, cancel := context.WithTimeout(ctx, min(createBudget, o.leaseLeft()))
	defer cancel()
	call, err := p.Create(createCtx, host, spec)
	if err == nil {
		return call, nil
	}
	if !errors.Is(err, ErrInDoubt) {
		return nil, err
	}
	if err := o.save(ctx, func(r *record) { r.audit(time.Now()) }); err != nil {
		return nil, err
	}
	if call, _ := o.find(ctx, p, host); call != nil {
		return call, nil
	}
	return nil, err
}

// mayHold says whether a create of this generation may have been sent there before.
func (o *opening) mayHold(b berth) bool {
	if b.Generation != o.Generation {
		return false
	}
	if o.fresh {
		return slices.Contains(o.sentTo, b)
	}
	return slices.Contains(o.Tried, b)
}

// intend writes where the create goes, unless the claim did, and makes sure that the lease outlives it: Open 6.
func (o *opening) intend(ctx context.Context, here berth) error {
	if slices.Contains(o.Tried, here) && o.leaseLeft() >= createBudget {
		return nil
	}
	return o.save(ctx, func(r *record) {
		if !slices.Contains(r.Tried, here) {
			r.Tried = append(r.Tried, here)
		}
	})
}

// find looks under a host for the call that carries this generation's marker, and reads it: a list may name what is
// gone. A list that fails is no answer.
func (o *opening) find(ctx context.Context, p Provider, host string) (*Call, error) {
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	for listed, err := range p.Calls(ctx, host) {
		if err != nil {
			return nil, fmt.Errorf("look for a call made before: %w", err)
		}
		if m, ok := parseMarker(listed.Agenda); !ok || m != o.mark {
			continue
		}
		call, err := p.Call(ctx, listed.ID)
		if errors.Is(err, ErrGone) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read a call made before: %w", err)
		}
		o.observe(ctx, Event{Kind: Adopted, IncidentID: o.id, Provider: p.Name(), Generation: o.Generation})
		return call, nil
	}
	return nil, nil
}

// settle decides: the write that puts a call into the generation. Only its winner's link may ever be published: Open 7.
func (o *opening) settle(ctx context.Context, p Provider, call *Call, faults []error) (*Bridge, error) {
	o.step = "decide"
	mine := &decided{Provider: p.Name(), MeetingID: call.ID, Host: call.Host, JoinURL: call.JoinURL, DialIns: call.DialIns}
	for {
		now := time.Now()
		next := o.clone()
		next.settled(mine, now)
		for _, w := range call.Warnings {
			next.warn(w)
		}
		if len(faults) > 0 {
			next.warn(fellBack(p, faults))
		}
		if next.Lease.Owner == o.owner {
			next.Lease.Until = now.Add(leaseFor)
		}
		if next.State == Closing {
			free(&next)
		}
		nonce := o.Nonce
		e, err := o.ledger.write(ctx, next, o.version)
		if err == nil {
			o.entry, o.extended, o.decided = e, now, true
			break
		}
		if !errors.Is(err, errMoved) {
			return nil, err
		}
		o.entry = e
		if e.Nonce == nonce && e.Call != nil && e.Call.MeetingID == mine.MeetingID && e.Call.JoinURL == mine.JoinURL {
			break
		}
		if e.Nonce != nonce || e.Call != nil || e.State != Creating {
			return nil, o.discard(ctx, p, call)
		}
	}
	o.stands()
	if len(faults) > 0 {
		o.observe(ctx, Event{
			Kind: FellBack, IncidentID: o.id, Provider: p.Name(), Generation: o.Generation, Err: errors.Join(faults...),
		})
	}
	if o.State == Closing {
		return o.bridge(), nil
	}
	return nil, nil
}

// settled is the decision: it never changes within a generation.
func (r *record) settled(call *decided, now time.Time) {
	r.Call, r.State, r.Attempts, r.FailingAt = call, Created, 0, time.Time{}
	if r.CloseAsk != "" {
		// Nobody was ever let in: there is no grace to give.
		r.closing(r.CloseAsk, now, 0)
	}
}

// discard removes a call that lost: something else is decided for the incident, or the generation is over.
func (o *opening) discard(ctx context.Context, p Provider, call *Call) error {
	err := p.Delete(ctx, call.ID)
	if err == nil {
		return errMoved
	}
	o.logger.WarnContext(ctx, "a surplus call is left to the audit", "incident_id", o.id, "meeting_id", call.ID, "error", err)
	_, err = o.ledger.update(ctx, o.id, func(r *record) error {
		r.AuditAt = append(r.AuditAt, time.Now().Add(auditSoon))
		return nil
	})
	return errors.Join(errMoved, err)
}

// fellBack tells people why this is not the usual call.
func fellBack(p Provider, faults []error) string {
	return clip(p.Name()+" serves, because: "+oneLine(errors.Join(faults...)), 500)
}

// postpone leaves the opening to the ledger, which tries again after 1 s, 2 s, 5 s, then every 10 s for ten minutes. What no
// trying again can mend fails at once.
func (o *opening) postpone(ctx context.Context, cause error) error {
	cause = errors.Join(cause)
	// The caller's patience may be what ended; the record is still to be given back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBudget)
	defer cancel()
	err := o.save(ctx, func(r *record) {
		free(r)
		r.postponed(time.Now(), final(cause))
	})
	if errors.Is(err, errMoved) {
		return errMoved
	}
	o.noteFailure(ctx, cause)
	return errors.Join(cause, err)
}

func (r *record) postponed(now time.Time, forGood bool) {
	if r.FailingAt.IsZero() {
		r.FailingAt = now
	}
	r.RetryAt = now.Add(retryAfter(r.Attempts))
	r.Attempts++
	if r.Call == nil && (forGood || now.Sub(r.FailingAt) > retryFor) {
		r.State, r.ClosedAt, r.RetryAt = Failed, now, time.Time{}
	}
}

// retryAfter is the wait after so many failures in a row.
func retryAfter(attempts int) time.Duration {
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

// agenda leads with the marker: a list shows the first 250 characters only.
func agenda(m marker, i *Incident) string {
	return m.String() + "\nConference bridge of PagerDuty incident " + i.ID + "."
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
