package bridge

import "time"

// EventKind says what happened.
type EventKind string

// The kinds of Event.
const (
	EventOpened     EventKind = "opened"         // a new bridge is on the incident
	EventReused     EventKind = "reused"         // a request found the bridge that was there
	EventAdopted    EventKind = "adopted"        // a meeting of a lost create was found and taken
	EventFellBack   EventKind = "fell_back"      // another provider served
	EventOpenFailed EventKind = "opening_failed" // an opening gave up for now
	EventClosed     EventKind = "closed"         // a bridge was ended

	EventAbandoned EventKind = "abandoned" // the app was removed while the bridge was open: it is left as it is

	EventTokenRefreshed EventKind = "token_refreshed" // this process refreshed a grant by consent
	EventRefreshFailed  EventKind = "refresh_failed"  // it could not, or not keep the new token yet
)

// Event is one thing that happened to a bridge or a grant, for metrics and audit trails. It never holds a link or a secret.
type Event struct {
	Kind       EventKind
	IncidentID string
	Provider   string
	Generation int
	Vendor     Vendor        // of EventTokenRefreshed and EventRefreshFailed
	Duration   time.Duration // from the request, or from the opening for EventClosed
	Err        error         // of EventOpenFailed, EventFellBack and EventRefreshFailed; the last matches a sentinel of package tokenstore
}
