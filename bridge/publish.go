package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// publish writes the decided link to the incident: Open 8 and 9.
func (o *opening) publish(ctx context.Context) (*Bridge, error) {
	o.step = "publish"
	if !o.decided {
		b, err := o.glance(ctx)
		if b != nil || err != nil {
			return b, err
		}
	}
	link := Link{URL: o.Call.JoinURL}
	dialIns := o.Call.DialIns
	for {
		link.Number = ""
		if len(dialIns) > 0 {
			link.Number = dialIns[0]
		}
		status, err := o.write(ctx, link)
		switch {
		case err == nil:
			return o.attach(ctx, status, dialIns)
		case errors.Is(err, ErrNumberRefused) && len(dialIns) > 0:
			dialIns = dialIns[1:] // the link is never lost to a number
		case errors.Is(err, ErrResolved):
			return o.attach(ctx, Resolved, dialIns)
		case errors.Is(err, ErrRefused), errors.Is(err, ErrIncidentNotFound):
			return nil, o.refused(ctx, err)
		default:
			return o.unpublished(ctx, err)
		}
	}
}

func (o *opening) write(ctx context.Context, link Link) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, publishBudget)
	defer cancel()
	return o.incidents.SetBridge(ctx, o.id, link)
}

// glance looks at the incident before a link is written that may have been written before. It returns a bridge when
// there is nothing to write.
func (o *opening) glance(ctx context.Context) (*Bridge, error) {
	incident, err := o.sight(ctx)
	if errors.Is(err, ErrIncidentNotFound) {
		return nil, o.refused(ctx, err)
	}
	if err != nil {
		return o.unpublished(ctx, err)
	}
	if _, err := o.person(ctx); err != nil {
		return nil, o.yield(ctx, err)
	}
	switch {
	case incident.Status == Resolved:
		return o.attach(ctx, Resolved, o.Call.DialIns)
	case o.humans(incident) && !o.overwrite:
		return o.keep(ctx, *incident.Bridge)
	case incident.Bridge != nil && o.shows(*incident.Bridge):
		return o.attach(ctx, incident.Status, o.Call.DialIns)
	default:
		return nil, nil
	}
}

// attach records that PagerDuty has the link, or that the incident is resolved and the bridge is to close.
func (o *opening) attach(ctx context.Context, status Status, dialIns []string) (*Bridge, error) {
	nonce := o.Nonce
	attached := func(r *record) {
		now := o.now()
		call := *r.Call
		if len(dialIns) < len(call.DialIns) {
			r.warn("PagerDuty refused the dial-in number; a plainer one, or none, is on the incident")
		}
		call.DialIns = slices.Clone(dialIns)
		r.Call = &call
		r.State, r.Attempts, r.RetryAt, r.FailingAt = Attached, 0, time.Time{}, time.Time{}
		r.AttachedAt, r.EndBy = now, r.OpenedAt.Add(o.maxAge)
		if status == Resolved && r.CloseAsk == "" {
			r.CloseAsk = CloseResolved
		}
		if r.CloseAsk != "" {
			r.closing(r.CloseAsk, now, o.grace)
		}
	}
	err := o.save(ctx, func(r *record) {
		free(r)
		attached(r)
	})
	if errors.Is(err, errMoved) {
		// Another holder works on it. If on the same generation, what PagerDuty accepted is true for it too.
		_, err = o.ledger.update(ctx, o.id, func(r *record) error {
			if r.Nonce != nonce {
				r.VerifyAt = o.now()
				return nil
			}
			if r.State == Created {
				attached(r)
			}
			return nil
		})
	}
	if err != nil {
		// PagerDuty has the link; only the ledger does not know yet, and finds out when it looks.
		o.logger.WarnContext(ctx, "attached, but not recorded", "incident_id", o.id, "error", err)
		b := o.bridge()
		b.Created = o.decided
		return b, nil
	}
	if o.State == Closing && status == Resolved {
		return nil, ErrResolved
	}
	b := o.bridge()
	b.Created = o.decided
	o.note(ctx, b)
	return b, nil
}

// unpublished leaves the write to the ledger; the caller gets the link at once.
func (o *opening) unpublished(ctx context.Context, cause error) (*Bridge, error) {
	created := o.decided
	err := o.save(ctx, func(r *record) {
		now := o.now()
		free(r)
		r.postponed(now, false)
		r.VerifyAt = now.Add(verifyAfter)
	})
	if errors.Is(err, errMoved) {
		return nil, err
	}
	o.logger.WarnContext(ctx, "the link is not on the incident yet", "incident_id", o.id, "error", cause)
	b := o.bridge()
	b.Created = created
	b.Warnings = append(b.Warnings, clip("not on the incident yet: "+plainly(cause), 300))
	return b, nil
}

// refused closes a bridge that PagerDuty will not take. Minutes later, if an earlier write landed late after all, it is
// attached instead.
func (o *opening) refused(ctx context.Context, cause error) error {
	err := o.save(ctx, func(r *record) {
		free(r)
		r.closing(closeRefused, o.now(), verifyAfter)
	})
	if errors.Is(err, errMoved) {
		return err
	}
	return errors.Join(cause, err)
}
