package bridge

import (
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

// State is where a bridge is in its life.
//
//	creating ─▶ created ─▶ attached ─▶ closing ─▶ ending ─▶ closed
//	    │                      ▲          │
//	    ├─▶ failed             └──────────┘ reopened, or opened again
//	    └─▶ external           (abandoned: its installation is gone)
type State string

// The states of a bridge.
const (
	StateCreating  State = "creating"  // an attempt is under way; no meeting is decided yet
	StateCreated   State = "created"   // a meeting is decided; PagerDuty has not accepted it yet
	StateAttached  State = "attached"  // PagerDuty accepted the link
	StateClosing   State = "closing"   // to be ended once the grace period is over; may be cancelled
	StateEnding    State = "ending"    // the point of no return: the meeting is being ended
	StateClosed    State = "closed"    // over
	StateFailed    State = "failed"    // no meeting could be created; it is not tried again
	StateExternal  State = "external"  // a human's bridge was found and kept
	StateAbandoned State = "abandoned" // uninstalled while open; nothing can be done about it any more
)

// Open reports whether people may still be in a bridge of this state.
func (s State) Open() bool { return ledger.State(s).Open() }

// Bridge is an incident's conference bridge as the ledger knows it.
//
// JoinURL and DialIn may carry a passcode: show them only to those who may open a bridge,
// and never log them.
type Bridge struct {
	IncidentID string    // as PagerDuty answers it, never a number
	State      State     //
	Created    bool      // true only in the answer to the call that made it
	Provider   string    // "zoom", "static", "external"
	MeetingID  string    // the provider's id; empty when it has none
	JoinURL    string    //
	DialIn     string    // dialled as it is, waits and codes included; empty when there is none
	Host       string    // whose meeting it is
	Generation int       // 1 for an incident's first bridge
	Warnings   []string  // what an operator should know; never a secret
	OpenedAt   time.Time // when it was claimed
	ClosedAt   time.Time // zero while it is open
}

// bridgeOf is what callers see of a record.
func bridgeOf(r *ledger.Record) *Bridge {
	b := &Bridge{
		IncidentID: r.IncidentID, State: State(r.State), Generation: r.Generation,
		Warnings: slices.Clone(r.Warnings), OpenedAt: r.OpenedAt, ClosedAt: r.ClosedAt,
	}
	if r.CloseRequested != "" && r.State == ledger.StateCreating {
		b.State = StateClosing
	}
	if r.Decision == nil {
		return b
	}
	b.Provider, b.MeetingID = r.Decision.Provider, r.Decision.MeetingID
	b.JoinURL, b.Host, b.DialIn = r.Decision.JoinURL, r.Decision.Host, r.Decision.Link().DialIn
	return b
}
