package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

// What callers act on. Each *Error matches one or more of these with errors.Is.
var (
	ErrInvalid          = errors.New("bridge: invalid request")
	ErrForbidden        = errors.New("bridge: requester may not open a bridge")
	ErrIgnored          = errors.New("bridge: trigger does not open a bridge")
	ErrStale            = errors.New("bridge: trigger is too old to act on")
	ErrIncidentNotFound = errors.New("bridge: incident not found")
	ErrNotFound         = errors.New("bridge: incident has no bridge")
	ErrResolved         = errors.New("bridge: incident is resolved")
	ErrNotInstalled     = errors.New("bridge: app is not installed")
	ErrReauthorize      = errors.New("bridge: app must be authorized again")
	ErrRateLimited      = errors.New("bridge: vendor's rate limit reached")
	ErrProvider         = errors.New("bridge: no meeting could be created")
	ErrIncidents        = errors.New("bridge: PagerDuty request failed")
	ErrUnavailable      = ledger.ErrUnavailable // the trigger is not kept: try again
	ErrUnreadable       = ledger.ErrUnreadable  // and ErrUnavailable: the incident's record is damaged, or its key is missing
	ErrNewerRecord      = ledger.ErrNewerRecord // and ErrUnavailable: a newer program wrote the incident's record
	ErrInProgress       = errors.New("bridge: another request is already opening this bridge")
)

// What Incidents and Provider implementations say.
var (
	ErrNextHost       = errors.New("bridge: host cannot hold the meeting")
	ErrInDoubt        = errors.New("bridge: outcome unknown")
	ErrGone           = errors.New("bridge: meeting not found")
	ErrPermanent      = errors.New("bridge: rejected permanently")
	ErrDialInRejected = errors.New("bridge: dial-in number rejected")
)

// Error is what every failing method of a Service returns.
type Error struct {
	Op         string // "open", "replace", "close", …
	Step       string // which failed: "claim", "read incident", "create", "publish", …
	IncidentID string
	// MeetingID is the meeting that exists now and is decided for the incident, if any.
	MeetingID string
	// Kept reports that the ledger holds the trigger and tries again; the caller need
	// not.
	Kept bool
	// RetryAfter is when a new try makes sense; zero: unknown or never.
	RetryAfter time.Duration
	Err        error
}

// Error names what failed, where, what exists now and what happens next. It never holds a
// secret.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.IncidentID != "" {
		b.WriteString(" " + e.IncidentID)
	}
	if e.Step != "" {
		b.WriteString(": " + e.Step)
	}
	b.WriteString(": " + oneLine(e.Err))
	if e.MeetingID != "" {
		b.WriteString(" (meeting " + e.MeetingID + " exists)")
	}
	if e.Kept {
		b.WriteString(" (kept: the ledger tries again)")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// vendorError is a vendor's error under a sentinel of this package: it reads as the
// vendor's, and has a sentence for people.
type vendorError struct {
	kind    error
	err     error
	message string
}

func (e *vendorError) Error() string   { return e.err.Error() }
func (e *vendorError) Unwrap() []error { return []error{e.kind, e.err} }

// userMessage tells a person in one sentence what went wrong.
func userMessage(err error) string {
	var sentences []string
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) { //nolint:errorlint // the whole tree is walked
		case *vendorError:
			if !slices.Contains(sentences, e.message) {
				sentences = append(sentences, e.message)
			}
		case interface{ Unwrap() []error }:
			for _, cause := range e.Unwrap() {
				walk(cause)
			}
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		}
	}
	walk(err)
	if len(sentences) == 0 {
		return "unexpected error, see the service log"
	}
	return strings.Join(sentences, "; ")
}

// oneLine writes joined errors side by side, each once.
func oneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "; ")
}

// stepError is an error and the step of the protocol that it came from.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// inStep names the step that failed, unless a step within it has done so.
func inStep(step string, err error) error {
	if err == nil || stepOf(err) != "" {
		return err
	}
	return &stepError{step: step, err: err}
}

func stepOf(err error) string {
	if e, ok := errors.AsType[*stepError](err); ok {
		return e.step
	}
	return ""
}

// wrap returns err as an *Error, unless it already is one.
func wrap(op, id string, err error) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	e := &Error{Op: op, Step: stepOf(err), IncidentID: id, Err: err}
	mayPass := errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInProgress) || errors.Is(err, ErrIncidents)
	if mayPass && !errors.Is(err, ErrPermanent) {
		e.RetryAfter = 2 * time.Second
	}
	return e
}

// recoverTo turns a panic, which may come from any Incidents or Provider, into an error.
func recoverTo(err *error) {
	if fault := recover(); fault != nil {
		*err = fmt.Errorf("%w: something panicked with a %T", ErrUnavailable, fault)
	}
}

// start runs f concurrently and returns a function that waits for its result.
func start[T any](ctx context.Context, f func(context.Context) (T, error)) func(context.Context) (T, error) {
	var (
		done   = make(chan struct{})
		result T
		fault  error
	)
	go func() {
		defer close(done)
		defer recoverTo(&fault)
		result, fault = f(ctx)
	}()
	return func(ctx context.Context) (T, error) {
		select {
		case <-done:
			return result, fault
		case <-ctx.Done():
			var zero T
			return zero, ctx.Err()
		}
	}
}
