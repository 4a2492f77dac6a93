package bridge

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

// publish writes the decided link to the incident: Open 8 and 9.
func (o *opening) publish(ctx context.Context) (*Bridge, error) {
	o.step = "publish"
	if !o.unseen {
		if b, err := o.lookFirst(ctx); b != nil || err != nil {
			return b, err
		}
	}
	link, dialIns := Link{URL: o.Call.JoinURL}, o.Call.DialIns
	for {
		link.DialIn = ""
		if len(dialIns) > 0 {
			link.DialIn = dialIns[0]
		}
		if err := o.extend(ctx, publishBudget); err != nil {
			return nil, err
		}
		status, err := o.put(ctx, link)
		if err == nil {
			return o.attach(ctx, status, dialIns)
		}
		if err := o.removed(ctx, err); err != nil {
			return nil, errors.Join(err, o.save(ctx, free))
		}
		switch {
		case errors.Is(err, ErrDialInRejected) && len(dialIns) > 0:
			dialIns = dialIns[1:] // the link is never lost to a number
		case errors.Is(err, ErrResolved):
			return o.attach(ctx, StatusResolved, dialIns)
		case errors.Is(err, ErrPermanent), errors.Is(err, ErrIncidentNotFound):
			return nil, o.refused(ctx, err)
		default:
			return o.unpublished(ctx, err)
		}
	}
}

func (o *opening) put(ctx context.Context, link Link) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, publishBudget)
	defer cancel()
	return o.incidents.SetBridge(ctx, o.id, link)
}

// lookFirst looks at the incident before a link is written that may have been written before, or whose look is old. It
// returns a bridge when there is nothing to write.
func (o *opening) lookFirst(ctx context.Context) (*Bridge, error) {
	if o.doubted {
		o.sight = o.looking(o.id)
	}
	incident, err := o.sight(ctx)
	if errors.Is(err, ErrIncidentNotFound) {
		return nil, o.refused(ctx, err)
	}
	if err != nil {
		return o.unpublished(ctx, err)
	}
	switch {
	case incident.Status == StatusResolved:
		return o.attach(ctx, StatusResolved, o.Call.DialIns)
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
	created := o.made
	news := false
	attached := func(r *record) {
		news = len(r.Warnings) > 0 && !r.Noted
		r.attach(o.now(), status, dialIns, o.config)
	}
	err := o.save(ctx, func(r *record) {
		free(r)
		attached(r)
	})
	if errors.Is(err, errMoved) {
		// Another holder took it over. What PagerDuty accepted is true for it too, if it works on the same generation.
		o.entry, err = o.ledger.update(ctx, o.id, func(r *record) error {
			switch {
			case r.Nonce != nonce:
				r.VerifyAt = o.now()
				return nil
			case r.State == StateCreated:
				free(r)
				attached(r)
				return nil
			default:
				return errUnchanged
			}
		})
	}
	if err != nil {
		// PagerDuty has the link; only the ledger does not know yet, and finds out when it looks.
		o.logger.WarnContext(ctx, "attached, but not recorded", "incident_id", o.id, "error", err)
	}
	if status == StatusResolved {
		return nil, ErrResolved
	}
	b := o.bridge()
	b.Created = created
	if news && err == nil {
		o.noteWarnings(ctx, b)
	}
	return b, nil
}

// attach moves a created bridge on. A close that was asked for meanwhile stands; an incident that is resolved closes it.
func (r *record) attach(now time.Time, status Status, dialIns []string, c config) {
	call := *r.Call
	if len(dialIns) < len(call.DialIns) {
		r.warn("PagerDuty refused the dial-in number; a plainer one, or none, is on the incident")
	}
	call.DialIns = slices.Clone(dialIns)
	r.Call, r.Noted = &call, true
	r.giveUpStanding(now)
	r.Attempts, r.RetryAt, r.FailingAt = 0, time.Time{}, time.Time{}
	r.AttachedAt, r.EndBy = now, r.OpenedAt.Add(c.maxAge)
	switch {
	case r.State == StateClosing && r.Reason != closeRefused:
	case r.CloseAsk != "":
		r.closing(r.CloseAsk, now, c.grace)
	case status == StatusResolved:
		r.closing(CloseResolved, now, c.grace)
	default:
		r.State, r.Reason, r.CloseAt = StateAttached, "", time.Time{}
	}
}

// unpublished leaves the write to the ledger; the caller gets the link at once.
func (o *opening) unpublished(ctx context.Context, cause error) (*Bridge, error) {
	created := o.made
	ctx, cancel := detach.Context(ctx, readBudget)
	defer cancel()
	err := o.save(ctx, func(r *record) {
		now := o.now()
		free(r)
		r.postpone(now, false)
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
		switch {
		case r.State == StateCreated && r.Standing != nil:
			r.standAgain(o.now())
		case r.State == StateCreated:
			r.closing(closeRefused, o.now(), verifyAfter)
		}
	})
	if errors.Is(err, errMoved) {
		return err
	}
	return errors.Join(cause, err)
}
