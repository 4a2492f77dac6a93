package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// serve turns to one provider after the other until one makes a call.
func (o *opening) serve(ctx context.Context, incident *Incident, email string) (*Bridge, error) {
	o.step = "create"
	if o.endsTooSoon(ctx) {
		return nil, o.postpone(ctx, errNoTime, false)
	}
	ledger, err := o.ledger.identity(ctx)
	if err != nil {
		return nil, o.postpone(ctx, err, false)
	}
	o.mark = marker{ledger: ledger, incident: o.id, generation: o.Generation, nonce: o.Nonce}
	spec := MeetingSpec{
		Topic: topic(o.topic, incident), Agenda: agenda(o.mark, incident), Start: o.now(),
		Recording: o.recording, DialIn: o.dialIn,
	}
	var faults []error
	forGood := true
	for i, p := range o.providers {
		call, err := o.makeAt(ctx, p, p.Hosts(email), spec, i == len(o.providers)-1)
		if err == nil {
			return o.settle(ctx, p, call, faults)
		}
		if errors.Is(err, errMoved) {
			return nil, err
		}
		if err := o.removed(ctx, err); err != nil {
			return nil, o.release(ctx, closeFault, err)
		}
		err = o.consentFault(err)
		faults = append(faults, err)
		forGood = forGood && refused(err)
		if ctx.Err() != nil || errors.Is(err, ErrUnavailable) {
			break
		}
		o.logger.WarnContext(ctx, "a provider could not serve", "incident_id", o.id, "provider", p.Name(), "error", err)
	}
	return nil, o.postpone(ctx, errors.Join(faults...), forGood)
}

// refused says that no trying again mends it: somebody has to look at the app.
func refused(err error) bool {
	return errors.Is(err, ErrPermanent) || errors.Is(err, ErrNotInstalled) || errors.Is(err, ErrReauthorize)
}

// makeAt makes a call at one provider, under the first host that can. The last provider gets a second round: a caller
// would rather wait a second than come back.
func (o *opening) makeAt(ctx context.Context, p Provider, hosts []string, spec MeetingSpec, last bool) (*Meeting, error) {
	call, err := o.makeUnder(ctx, p, hosts, spec)
	if err == nil || !last || pointless(err) || errors.Is(err, ErrRateLimited) {
		return call, err
	}
	if !o.timeFor(ctx, p) || sleep(ctx, time.Second) != nil {
		return nil, err
	}
	return o.makeUnder(ctx, p, hosts, spec)
}

func (o *opening) makeUnder(ctx context.Context, p Provider, hosts []string, spec MeetingSpec) (*Meeting, error) {
	// What an earlier holder may have made is looked for at every host before anything new is made: Open 5.
	for _, b := range o.Tried {
		if b.Provider != p.Name() || !o.mayHold(b) || slices.Contains(hosts, b.Host) {
			continue
		}
		call, err := o.find(ctx, p, b.Host, spec)
		if call != nil {
			return call, nil
		}
		o.doubted = o.doubted || err != nil
	}
	var faults []error
	for _, host := range hosts {
		began := time.Now()
		call, err := o.makeFor(ctx, p, host, spec)
		if err == nil || pointless(err) {
			return call, err
		}
		faults = append(faults, err)
		if ctx.Err() != nil || errors.Is(err, ErrInDoubt) && time.Since(began) > slowFault {
			break
		}
	}
	return nil, errors.Join(faults...)
}

// pointless says that another host, or a second round, would fare no better.
func pointless(err error) bool {
	return errors.Is(err, errMoved) || errors.Is(err, ErrUnavailable) || refused(err)
}

// makeFor makes a call under one host, after a look whether it was made before: Open 5 and 6.
func (o *opening) makeFor(ctx context.Context, p Provider, host string, spec MeetingSpec) (*Meeting, error) {
	here := berth{Provider: p.Name(), Host: host, Generation: o.Generation}
	if o.mayHold(here) {
		call, err := o.find(ctx, p, host, spec)
		if call != nil || err != nil {
			o.doubted = o.doubted || err != nil
			return call, err
		}
	}
	if err := o.intend(ctx, here); err != nil {
		return nil, err
	}
	if o.decidedElsewhere() {
		return nil, o.giveWay(ctx)
	}
	if !o.timeFor(ctx, p) {
		return nil, fmt.Errorf("%w: too little time is left to make a call", ErrProvider)
	}
	o.sentTo = append(o.sentTo, here)
	createCtx, cancel := context.WithTimeout(ctx, createBudget)
	defer cancel()
	call, err := p.Create(createCtx, host, spec)
	if err == nil {
		return call, nil
	}
	if !errors.Is(err, ErrInDoubt) {
		return nil, err
	}
	o.doubted = true
	if err := o.save(ctx, func(r *record) { r.audit(o.now()) }); err != nil {
		return nil, err
	}
	if o.decidedElsewhere() {
		return nil, o.giveWay(ctx)
	}
	if call, _ := o.find(ctx, p, host, spec); call != nil {
		return call, nil
	}
	return nil, err
}

// timeFor says whether a create could be seen through, by the lease and by the caller's patience. A room that is always
// there takes none.
func (o *opening) timeFor(ctx context.Context, p Provider) bool {
	return takesNoTime(p) || o.leaseLeft() >= createBudget && timeToCreate(ctx)
}

func takesNoTime(p Provider) bool {
	_, always := p.(staticRoom)
	return always
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
	if slices.Contains(o.Tried, here) {
		return o.extend(ctx, createBudget)
	}
	return o.save(ctx, func(r *record) {
		if !slices.Contains(r.Tried, here) {
			r.Tried = append(r.Tried, here)
		}
	})
}

// find looks under a host for the call that carries this generation's marker, and reads it: a list may name what is
// gone. A list that fails is no answer.
func (o *opening) find(ctx context.Context, p Provider, host string, spec MeetingSpec) (*Meeting, error) {
	ctx, cancel := context.WithTimeout(ctx, findBudget)
	defer cancel()
	for listed, err := range p.Meetings(ctx, host) {
		if err != nil {
			return nil, fmt.Errorf("look for a call made before: %w", err)
		}
		if m, ok := parseMarker(listed.Agenda); !ok || m != o.mark {
			continue
		}
		call, err := p.Meeting(ctx, listed.ID, spec)
		if errors.Is(err, ErrGone) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read a call made before: %w", err)
		}
		call.Host = host
		o.observe(ctx, Event{Kind: EventAdopted, IncidentID: o.id, Provider: p.Name(), Generation: o.Generation})
		return call, nil
	}
	return nil, nil
}

// fellBack tells people why this is not the usual call.
func fellBack(p Provider, faults []error) string {
	return clip(plainly(errors.Join(faults...))+", so the fallback "+p.Name()+" serves", 500)
}

// agenda leads with the marker: a list shows the first 250 characters only.
func agenda(m marker, i *Incident) string {
	return m.String() + "\nConference bridge of PagerDuty incident " + i.ID + "."
}
