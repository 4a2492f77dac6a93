package bridge

import "time"

// EventKind says what happened.
type EventKind string

// The kinds of Event.
const (
	Opened        EventKind = "opened"         // a new bridge is on the incident
	Reused        EventKind = "reused"         // a request found the bridge that was there
	Adopted       EventKind = "adopted"        // a meeting of a lost create was found and taken
	FellBack      EventKind = "fell_back"      // another provider served
	OpeningFailed EventKind = "opening_failed" // an opening gave up for now
	ClosedEvent   EventKind = "closed"         // a bridge was ended

	AbandonedEvent EventKind = "abandoned" // the app was removed while the bridge was open: it is left as it is

	TokenRefreshed EventKind = "token_refreshed" // this process refreshed a grant by consent
	RefreshFailed  EventKind = "refresh_failed"  // it could not, or not keep the new token yet
)

// Event is one thing that happened to a bridge or a grant, for metrics and audit trails. It never holds a link or a secret.
type Event struct {
	Kind       EventKind
	IncidentID string
	Provider   string
	Generation int
	Vendor     Vendor        // of TokenRefreshed and RefreshFailed
	Duration   time.Duration // from the request, or from the opening for ClosedEvent
	Err        error         // of OpeningFailed, FellBack and RefreshFailed; the last matches a sentinel of package tokenstore
}
