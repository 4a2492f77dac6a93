package bridge

import (
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

// Request asks for an incident's bridge.
type Request struct {
	// IncidentID is a PagerDuty incident id, an incident number or an incident's web
	// address. Required.
	IncidentID string
	// Requester is who asks. Zero: the operator, or automation.
	Requester Requester
	// Trigger is what made them ask. Zero: manual when a requester is named, else api.
	Trigger Trigger
	// IdempotencyKey names one delivery of one trigger. A key belongs to the generation
	// that first saw it: it may finish that one and never starts another. Optional, at
	// most 256 bytes.
	IdempotencyKey string
	// OccurredAt is when the trigger happened by the vendor's clock. Zero: unknown.
	OccurredAt time.Time
	// Incident is what the trigger carried of the incident. It is used in the place of a
	// first read while OccurredAt is under a minute ago. Optional.
	Incident *Incident
	// NoteOnRefusal writes a refusal or a failure to the incident as a note, for a
	// requester who sees no answer, as with a button on the incident.
	NoteOnRefusal bool

	live    bool      // Incident was read just now
	arrived time.Time // when it was asked for

	replace       bool // an existing bridge will not do
	minGeneration int  // the first generation that will, once that is known; zero: any
}

// Requester is the person who asks, by PagerDuty user id or e-mail; either is enough.
type Requester struct {
	ID    string
	Email string
}

func (r Requester) named() bool { return r.ID != "" || r.Email != "" }

// TriggerKind is what kind of thing asked for a bridge.
type TriggerKind string

// The kinds of trigger.
const (
	TriggerManual    TriggerKind = "manual"    // somebody clicked or typed
	TriggerWorkflow  TriggerKind = "workflow"  // an incident workflow ran
	TriggerAPI       TriggerKind = "api"       // a trusted caller
	TriggerAutomatic TriggerKind = "automatic" // an event of the incident itself
)

// Trigger is what asked for a bridge.
type Trigger struct {
	Kind TriggerKind
	// Event is the V3 event type when a webhook asked; WithOpenOn decides whether it
	// opens anything.
	Event string
	// WorkflowID and WorkflowName say which workflow ran.
	WorkflowID, WorkflowName string
}

const maxKeyLength = 256

// at is when the trigger happened, by the vendor's clock if it told.
func (r Request) at() time.Time {
	if !r.OccurredAt.IsZero() {
		return r.OccurredAt
	}
	return r.arrived
}

// validate checks the request and names the trigger when the caller did not.
func (r *Request) validate() error {
	switch {
	case r.Trigger.Kind == "" && r.Requester.named():
		r.Trigger.Kind = TriggerManual
	case r.Trigger.Kind == "":
		r.Trigger.Kind = TriggerAPI
	}
	if r.IncidentID == "" {
		return fmt.Errorf("%w: no incident id", ErrInvalid)
	}
	switch r.Trigger.Kind {
	case TriggerManual, TriggerWorkflow, TriggerAPI, TriggerAutomatic:
	default:
		return fmt.Errorf("%w: unknown trigger %q", ErrInvalid, truncate(string(r.Trigger.Kind), 40))
	}
	if len(r.IdempotencyKey) > maxKeyLength {
		return fmt.Errorf("%w: idempotency key longer than %d bytes", ErrInvalid, maxKeyLength)
	}
	return nil
}

// requested is what the ledger keeps of a request, for the process that takes it over.
func requested(r Request) ledger.Requested {
	return ledger.Requested{
		RequesterID: r.Requester.ID, RequesterEmail: r.Requester.Email, Trigger: string(r.Trigger.Kind),
		Event: r.Trigger.Event, WorkflowID: r.Trigger.WorkflowID, WorkflowName: r.Trigger.WorkflowName,
	}
}

// requestOf is the request that a generation was begun, or last taken over, for.
func requestOf(r *ledger.Record) Request {
	q := r.Requested
	return Request{
		IncidentID: r.IncidentID,
		Requester:  Requester{ID: q.RequesterID, Email: q.RequesterEmail},
		Trigger: Trigger{
			Kind: TriggerKind(q.Trigger), Event: q.Event,
			WorkflowID: q.WorkflowID, WorkflowName: q.WorkflowName,
		},
	}
}
