package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// claim takes the record, as a new generation or over an expired lease: Open 1 and 2. It returns a bridge if there is
// nothing left to do.
func (o *opening) claim(ctx context.Context) (*Bridge, error) {
	for {
		if o.finishing != "" && (o.Nonce != o.finishing || o.State != Creating && o.State != Created) {
			return o.bridge(), nil // somebody else finished it
		}
		if o.State == External {
			if b, err := o.kept(ctx); b != nil || err != nil {
				return b, err
			}
		}
		if b, err := o.standing(ctx, o.entry, o.req); b != nil || err != nil {
			return b, err
		}
		now := o.now()
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
	switch {
	case r.State == Creating, r.State == Created, r.State == Failed:
		if o.Lease.Owner != "" {
			// What the last holder sent may still land anywhere.
			r.doubt(now)
		}
		if r.State == Failed {
			r.State, r.ClosedAt, r.FailingAt, r.Attempts = Creating, time.Time{}, time.Time{}, 0
		}
	case r.State == Closing && !o.req.replace:
		// To be reopened, if the look allows it.
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

// glimpse begins to read the incident and the requester, and to get the provider ready, beside the claim.
func (o *opening) glimpse(ctx context.Context) {
	if o.sight != nil {
		return
	}
	if p, ok := o.providers[0].(preparer); ok && o.Call == nil {
		go p.Prepare(ctx)
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
