package bridge

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

// noteInterval keeps a failure that is redelivered from filling the incident with notes.
const noteInterval = time.Hour

// noteWarnings tells people on the incident what is unusual about their bridge.
func (s *Service) noteWarnings(ctx context.Context, id string, warnings []string) {
	s.addNote(ctx, id, "Conference bridge: "+strings.Join(warnings, "; ")+".")
}

// noteFailure tells people why there is no bridge, and whether it is tried again.
func (s *Service) noteFailure(ctx context.Context, r *ledger.Record) {
	text := "No conference bridge yet: " + r.LastFailure + ". It is tried again."
	if r.State == ledger.StateFailed {
		text = "No conference bridge was opened: " + r.LastFailure + ". Open it again when this is mended."
	}
	s.addNote(ctx, r.IncidentID, text)
}

// noteRefusal answers a requester who has no screen to be answered on.
func (s *Service) noteRefusal(ctx context.Context, id string, err error) {
	switch {
	case errors.Is(err, ErrStale), errors.Is(err, ErrIgnored):
	case errors.Is(err, ErrForbidden):
		s.addNote(ctx, id, "No conference bridge was opened: the requester's role does not allow it.")
	case errors.Is(err, ErrResolved):
		s.addNote(ctx, id, "No conference bridge was opened: the incident is resolved.")
	}
}

// addNote is a courtesy: it is not repeated, and failing to write one fails nothing.
func (s *Service) addNote(ctx context.Context, id, text string) {
	if s.cfg.notes == NotesNone {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	if err := s.incidents.AddNote(ctx, id, text); err != nil {
		s.cfg.logger.WarnContext(ctx, "could not write a note", "incident_id", id, "error", err)
	}
}
