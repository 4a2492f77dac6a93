package bridge

import (
	"context"
	"errors"
	"strings"
)

// noteWarnings tells people on the incident what is otherwise than usual; a usual opening says nothing.
func (o *opening) noteWarnings(ctx context.Context, b *Bridge) {
	o.addNote(ctx, o.id, "Conference bridge: "+strings.Join(b.Warnings, "; ")+".")
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
	if s.notes == NotesNone {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readBudget)
	defer cancel()
	if err := s.incidents.AddNote(ctx, id, text); err != nil {
		s.logger.WarnContext(ctx, "a note was not written", "incident_id", id, "error", err)
	}
}
