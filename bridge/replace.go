package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

// Replace makes a new bridge for an incident that has one, on purpose, and returns it as Open does. Where none of ours
// stands it is Open: a human's bridge is kept, one that is being made will do. Of several calls at once, and for one
// delivered again under its IdempotencyKey, there is one new bridge.
//
// The bridge that stands is given up once its successor is on the incident: its meeting is removed, or when people are in
// it, left until they are gone and named in a note. Where no successor comes about, it stands as before and the error
// says why.
func (s *Service) Replace(ctx context.Context, req Request) (*Bridge, error) {
	req.replace = true
	return s.open(ctx, "replace", req)
}

// standing is a bridge while it is being replaced.
type standing struct {
	Call     *decided  `json:"call"`
	OpenedAt time.Time `json:"opened_at"`
}

// aim says for a Replace, once, which generation will do: the one after the bridge that stood when it came.
func (r Request) aim(stands *record) Request {
	meant := r.replace && stands.stands() && !r.at().Before(stands.OpenedAt)
	if meant {
		r.atLeast = stands.Generation + 1
	}
	r.replace = false
	return r
}

// stands says whether there is a bridge of ours that could be replaced.
func (r *record) stands() bool {
	return r.Call != nil && (r.State == StateCreated || r.State == StateAttached || r.State == StateClosing)
}

// isToBeReplaced says whether a Replace is still to do what it came for. Another delivery of it may have finished this
// generation meanwhile, and then it starts none.
func (r *record) isToBeReplaced(req Request) bool {
	return r.stands() && r.Generation < req.atLeast && r.keyGeneration(req.IdempotencyKey) == 0
}

// replace begins a generation while the bridge of the last one stands.
func (r *record) replace(id string, who asked, now time.Time) {
	stands := &standing{Call: r.Call, OpenedAt: r.OpenedAt}
	r.begin(id, who, now)
	r.Standing = stands
	r.VerifyAt = now.Add(verifyAfter) // a write of the last generation may still land
}

// giveUpStanding lets the audit take the bridge that was replaced.
func (r *record) giveUpStanding(now time.Time) {
	if r.Standing == nil {
		return
	}
	r.Standing = nil
	r.AuditAt = append(r.AuditAt, now)
}

// restore ends a replacing that came to nothing: the bridge that stands becomes the decision of the generation that was to
// replace it, and the ledger sees to it that the incident shows it.
func (o *opening) restore(ctx context.Context, cause error) error {
	// The caller's patience may be what ended.
	ctx, cancel := detach.Context(ctx, readBudget)
	defer cancel()
	quicker := false
	err := o.save(ctx, func(r *record) {
		now := o.now()
		free(r)
		if quicker = r.Standing == nil || r.Call != nil || r.State != StateCreating; quicker {
			r.RetryAt = now // a former holder was: what it decided goes on
			return
		}
		if o.doubted {
			r.audit(now)
		}
		r.settleStanding(now, o.grace)
	})
	if err == nil && quicker {
		return errMoved
	}
	return errors.Join(cause, err)
}

// standAgain takes back a successor that PagerDuty will not have: a decision is never changed, so there is a generation
// more, whose decision is the bridge that stands.
func (r *record) standAgain(now time.Time) {
	stands := r.Standing
	r.begin(r.IncidentID, r.Asked, now)
	r.Standing = stands
	r.settleStanding(now, 0)
	r.VerifyAt = now.Add(verifyAfter) // a write that was refused last may have landed before
}

// settleStanding decides the bridge that stands.
func (r *record) settleStanding(now time.Time, grace time.Duration) {
	stands := r.Standing
	if r.CloseAsk == CloseResolved {
		r.CloseAsk = "" // the look before it is published tells
	}
	r.Standing, r.OpenedAt, r.RetryAt = nil, stands.OpenedAt, now
	r.settle(stands.Call, now, grace)
	r.warn("the bridge could not be replaced: the former one stands")
}
