package bridge

import "context"

// Authorize reports whether somebody may open the incident's bridge by hand, which is also who may see its link: nil, or an
// *Error that matches ErrForbidden. What else it returns says that this is not known. It opens nothing, and writes
// nothing; what was read of a person counts for a minute, as in Open.
func (s *Service) Authorize(ctx context.Context, incidentID string, who Requester) error {
	id, err := s.resolveID(ctx, incidentID)
	if err != nil {
		return fail("ask", id, err)
	}
	_, err = s.authorize(ctx, who, TriggerManual, s.looking(id))
	return fail("ask", id, err)
}
