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
		if err := o.vouch(ctx); err != nil {
			return nil, err
		}
		if o.finishing != "" && (o.Nonce != o.finishing || o.State != StateCreating && o.State != StateCreated) {
			return o.bridge(), nil // somebody else finished it
		}
		if o.finishing != "" {
			o.req = o.Asked.again(o.id)
		}
		if o.State == StateExternal {
			if b, err := o.external(ctx); b != nil || err != nil {
				return b, err
			}
		}
		if b, err := o.answer(ctx, o.entry, o.req); b != nil || err != nil {
			return b, err
		}
		now := o.now()
		if o.leased(now) || o.State == StateEnding {
			if err := o.await(ctx, now); err != nil {
				return nil, err
			}
			continue
		}
		if err := o.mayTakeOver(ctx); err != nil {
			return nil, err
		}
		o.glimpse(ctx)
		e, err := o.ledger.write(ctx, o.claimed(now), o.version)
		if err != nil && !errors.Is(err, errMoved) {
			return nil, err
		}
		o.entry = e
		if err == nil {
			o.extended = now
			o.stand()
			return nil, nil
		}
		o.blink()
	}
}

// vouch looks whether the app is installed, unless that was seen just now: a record that another process abandoned is
// claimed no more.
func (o *opening) vouch(ctx context.Context) error {
	if o.vouched {
		o.vouched = false
		return nil
	}
	return o.installed(ctx)
}

// external returns a human's bridge that still stands: a record that says so is only as good as a look.
func (o *opening) external(ctx context.Context) (*Bridge, error) {
	if _, err := o.authorize(ctx, o.req.Requester, o.req.Trigger.Kind, o.looking(o.id)); err != nil {
		return nil, err
	}
	incident, err := o.readIncident(ctx, o.id)
	if err != nil {
		return nil, err
	}
	if o.humans(incident) && !o.overwrite {
		b := o.bridge()
		b.JoinURL, b.DialIn = incident.Bridge.URL, incident.Bridge.DialIn
		return b, nil
	}
	if o.keyGeneration(o.req.IdempotencyKey) != 0 || o.req.at().Before(o.OverAt) {
		return nil, fmt.Errorf("%w: it was answered before the bridge on the incident was taken away", ErrStale)
	}
	o.req.Incident, o.req.live = incident, true
	return nil, nil
}

// await lets another holder work, writing nothing: Open 1.
func (o *opening) await(ctx context.Context, now time.Time) error {
	o.blink()
	if o.State == StateEnding && !o.leased(now) {
		return fmt.Errorf("%w: the last bridge is being ended", ErrInProgress)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= waiterPolls {
		return fmt.Errorf("%w: %s since %s", ErrInProgress, o.State, o.OpenedAt.UTC().Format(time.RFC3339))
	}
	if err := sleep(ctx, waiterPolls); err != nil {
		return fmt.Errorf("%w: %w", ErrInProgress, err)
	}
	e, err := o.ledger.read(ctx, o.id)
	if err != nil {
		return err
	}
	o.entry = e
	return nil
}

// mayTakeOver asks for the role before a claim that would change what somebody else began. A new generation asks beside
// its claim; the ledger itself asks when it reads, unless the call is decided.
func (o *opening) mayTakeOver(ctx context.Context) error {
	if o.finishing != "" || o.version == "" || o.State == StateClosed || o.State == StateExternal {
		return nil
	}
	_, err := o.authorize(ctx, o.req.Requester, o.req.Trigger.Kind, o.looking(o.id))
	return err
}

// claimed is the record with this holder's claim in it.
func (o *opening) claimed(now time.Time) record {
	r := o.clone()
	r.Lease = lease{Owner: o.owner, Until: now.Add(leaseFor)}
	r.RetryAt = time.Time{}
	o.fresh = false
	switch {
	case r.isToBeReplaced(o.req):
		o.fresh = true
		r.replace(o.id, askedBy(o.req), now)
	case r.State == StateCreating, r.State == StateCreated:
		if o.Lease.Owner != "" {
			// What the last holder sent may still land anywhere.
			r.doubt(now)
		}
		if o.finishing == "" {
			r.Asked = askedBy(o.req) // they may: who began it perhaps may not
		}
		if o.finishing == "" && o.req.at().After(r.OverAt) {
			r.CloseAsk = "" // asked for again since
		}
	case r.State == StateClosing:
		return r // to be reopened, if the look allows it; the key comes with that
	default:
		o.fresh = true
		r.begin(o.id, askedBy(o.req), now)
	}
	if host, ok := o.knownHost(); ok && o.fresh {
		r.Tried = append(r.Tried, berth{Provider: o.providers[0].Name(), Host: host, Generation: r.Generation})
	}
	r.addKey(o.req.IdempotencyKey, r.Generation, now)
	return r
}

// begin starts a new generation. What the former ones left stays known.
func (r *record) begin(id string, who asked, now time.Time) {
	r.retire()
	r.auditTried(now)
	r.IncidentID, r.State, r.Nonce = id, StateCreating, newNonce()
	r.Generation++
	r.Warnings, r.CloseAsk, r.Reason, r.Attempts, r.Verified, r.Noted = nil, "", "", 0, 0, false
	r.FailingAt, r.VerifyAt, r.CloseAt, r.EndBy = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	r.OpenedAt, r.AttachedAt, r.ClosedAt = now, time.Time{}, time.Time{}
	r.Asked = who
}

// again is the request of whoever asked last and may have it.
func (a asked) again(id string) Request {
	return Request{
		IncidentID: id,
		Requester:  Requester{ID: a.RequesterID, Email: a.RequesterEmail},
		Trigger:    Trigger{Kind: a.Trigger, Event: a.Event, WorkflowID: a.WorkflowID, WorkflowName: a.WorkflowName},
	}
}

func askedBy(req Request) asked {
	return asked{
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

// auditTried leaves an audit due if a create could have been sent anywhere.
func (r *record) auditTried(now time.Time) {
	if len(r.Tried) > 0 {
		r.audit(now)
	}
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
		go func() {
			var ignored error // Create finds out for itself
			defer caught(&ignored)
			p.Prepare(ctx)
		}()
	}
	var sight look
	if incident := o.req.Incident; incident != nil && (o.req.live || o.Generation == 0) {
		// What a trigger carries is good for the first generation only: Open 3.
		sight = func(context.Context) (*Incident, error) { return incident, nil }
	} else {
		sight = async(ctx, func(ctx context.Context) (*Incident, error) { return o.readIncident(ctx, o.id) })
	}
	requester, kind := o.req.Requester, o.req.Trigger.Kind
	o.sight = sight
	o.person = async(ctx, func(ctx context.Context) (*Person, error) { return o.authorize(ctx, requester, kind, sight) })
}
