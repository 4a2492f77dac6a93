package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

// EventKind says what happened.
type EventKind string

// The kinds of Event. Those of a bridge are sent once, by the process whose write changed
// the ledger, after that write was stored; those of a request by the process that answers
// it.
const (
	EventOpened    EventKind = "opened"    // a new bridge is on the incident
	EventAdopted   EventKind = "adopted"   // its meeting is one whose create was lost
	EventFellBack  EventKind = "fell_back" // its meeting is another provider's
	EventExternal  EventKind = "external"  // a human's bridge is kept
	EventGaveUp    EventKind = "gave_up"   // an opening failed for good
	EventClosing   EventKind = "closing"   // a bridge is to end when its grace is over
	EventReopened  EventKind = "reopened"  // that was taken back
	EventClosed    EventKind = "closed"    // a bridge was ended
	EventAbandoned EventKind = "abandoned" // the app was uninstalled while the bridge was open

	EventReused      EventKind = "reused"       // a request found a bridge on the incident
	EventOpenRefused EventKind = "open_refused" // a request may not open one
	EventOpenFailed  EventKind = "open_failed"  // a request failed, at least for now

	EventTokenRefreshed EventKind = "token_refreshed" // this process refreshed an installed app's grant
	EventRefreshFailed  EventKind = "refresh_failed"  // it could not, or not keep the new token yet
)

// Event is one thing that happened to a bridge, a request or a grant, for metrics and
// audit trails. It never holds a link or a secret.
type Event struct {
	Kind       EventKind
	IncidentID string
	Provider   string
	Generation int
	Reason     CloseReason   // of EventClosing and EventClosed
	Vendor     string        // "zoom" or "pagerduty", of EventTokenRefreshed and EventRefreshFailed
	Duration   time.Duration // since the claim, or of a request since it came
	Err        error         // of EventFellBack and what failed; of EventRefreshFailed a sentinel of tokenstore
}

// recordChanged reports a change of a bridge's state. The ledger calls it after the write
// that made it was stored, so that there is one event and one log line for it, whatever
// caused it.
func (s *Service) recordChanged(ctx context.Context, r *ledger.Record, c ledger.Change) {
	reopened := c.From == ledger.StateClosing && (c.To == ledger.StateCreated || c.To == ledger.StateAttached)
	if c.From == c.To && !c.Attached {
		return
	}
	switch c.To {
	case ledger.StateCreating, ledger.StateCreated, ledger.StateAttached, ledger.StateEnding:
		if !reopened && !c.Attached {
			return // on its way
		}
	default:
	}
	e := Event{IncidentID: r.IncidentID, Generation: r.Generation, Duration: s.cfg.now().Sub(r.OpenedAt)}
	meetingID := ""
	if r.Decision != nil {
		e.Provider, meetingID = r.Decision.Provider, r.Decision.MeetingID
	}
	log := s.cfg.logger.With("incident_id", r.IncidentID, "generation", r.Generation,
		"provider", e.Provider, "meeting_id", meetingID)
	switch {
	case c.Attached:
		e.Kind = EventOpened
		log.InfoContext(ctx, "bridge opened", "duration", e.Duration)
	case reopened:
		e.Kind = EventReopened
		log.InfoContext(ctx, "bridge reopened")
	case c.To == ledger.StateExternal:
		e.Kind = EventExternal
		log.InfoContext(ctx, "external bridge kept")
	case c.To == ledger.StateFailed:
		e.Kind, e.Err = EventGaveUp, errors.New(r.LastFailure)
		log.ErrorContext(ctx, "gave up opening bridge", "attempts", r.Attempts, "since", r.FailingSince,
			"error", r.LastFailure)
	case c.To == ledger.StateClosing:
		e.Kind, e.Reason = EventClosing, CloseReason(r.CloseReason)
		log.InfoContext(ctx, "bridge closing", "reason", r.CloseReason, "close_at", r.CloseAt)
	case c.To == ledger.StateClosed && c.From == ledger.StateEnding:
		e.Kind, e.Reason = EventClosed, CloseReason(r.CloseReason)
		log.InfoContext(ctx, "bridge closed", "reason", r.CloseReason, "duration", e.Duration)
	case c.To == ledger.StateClosed:
		log.InfoContext(ctx, "opening ended without a bridge", "reason", r.CloseReason)
		return
	case c.To == ledger.StateAbandoned:
		e.Kind = EventAbandoned
		log.WarnContext(ctx, "bridge abandoned, the app is not installed")
	}
	s.cfg.handleEvent(ctx, e)
}

// reportUnusual reports a decided meeting that was adopted, or that another provider
// made.
func (s *Service) reportUnusual(ctx context.Context, r *ledger.Record, adopted bool, faults []error) {
	e := Event{
		IncidentID: r.IncidentID, Provider: r.Decision.Provider, Generation: r.Generation,
		Duration: s.cfg.now().Sub(r.OpenedAt),
	}
	log := s.cfg.logger.With("incident_id", r.IncidentID, "generation", r.Generation,
		"provider", r.Decision.Provider, "meeting_id", r.Decision.MeetingID)
	if adopted {
		log.InfoContext(ctx, "meeting adopted, its create was lost")
		e.Kind = EventAdopted
		s.cfg.handleEvent(ctx, e)
	}
	if len(faults) > 0 {
		e.Kind, e.Err = EventFellBack, errors.Join(faults...)
		log.WarnContext(ctx, "fell back to another provider", "error", e.Err)
		s.cfg.handleEvent(ctx, e)
	}
}

// reportOpen reports what a request was answered. The bridge's own story is told by
// recordChanged.
func (s *Service) reportOpen(ctx context.Context, id string, b *Bridge, err error, took time.Duration) {
	e := Event{IncidentID: id, Duration: took, Err: err}
	log := s.cfg.logger
	switch {
	case err != nil && isRefusal(err):
		e.Kind = EventOpenRefused
		log.InfoContext(ctx, "open refused", "incident_id", id, "duration", took, "error", err)
	case err != nil:
		e.Kind = EventOpenFailed
		log.WarnContext(ctx, "open failed", "incident_id", id, "duration", took, "error", err)
	case b.State == StateExternal:
		return
	case b.State == StateAttached:
		e.Kind, e.Provider, e.Generation = EventReused, b.Provider, b.Generation
		log.InfoContext(ctx, "bridge already open", "incident_id", id, "duration", took, "generation", b.Generation)
	default:
		log.InfoContext(ctx, "bridge opening continues", "incident_id", id, "duration", took,
			"generation", b.Generation, "state", b.State)
		return
	}
	s.cfg.handleEvent(ctx, e)
}

// isRefusal reports whether an opening ended as it should, though without a bridge.
func isRefusal(err error) bool {
	return isRequesterError(err) || isIncidentError(err) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrNotInstalled)
}
