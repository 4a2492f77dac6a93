package bridge

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// What callers act on. Each *Error matches one or more of these with errors.Is.
var (
	ErrInvalid          = errors.New("bridge: invalid request")
	ErrForbidden        = errors.New("bridge: requester may not open a bridge")
	ErrIgnored          = errors.New("bridge: trigger does not open a bridge")
	ErrStale            = errors.New("bridge: trigger is too old to act on")
	ErrIncidentNotFound = errors.New("bridge: no such incident")
	ErrNotFound         = errors.New("bridge: incident has no bridge")
	ErrResolved         = errors.New("bridge: incident is resolved")
	ErrNotInstalled     = errors.New("bridge: not installed")
	ErrReauthorize      = errors.New("bridge: consent is needed again")
	ErrRateLimited      = errors.New("bridge: vendor's rate limit reached")
	ErrProvider         = errors.New("bridge: no provider could serve")
	ErrIncidents        = errors.New("bridge: incident system could not serve")
	ErrUnavailable      = errors.New("bridge: not safely kept, try again")
	ErrInProgress       = errors.New("bridge: somebody else is still at work on it")
)

// What Incidents and Provider implementations say.
var (
	ErrNextHost       = errors.New("bridge: this host cannot")
	ErrInDoubt        = errors.New("bridge: may or may not have happened")
	ErrGone           = errors.New("bridge: no such call")
	ErrPermanent      = errors.New("bridge: refused for good")
	ErrDialInRejected = errors.New("bridge: dial-in number refused")
)

// Error is what every failing method of a Service returns.
type Error struct {
	Op         string // "open", "replace", "close", …
	Step       string // where: "claim", "read incident", "create", "publish", …
	IncidentID string
	// MeetingID is the meeting that exists now and is decided for the incident, if any.
	MeetingID string
	// Kept says that the ledger holds the trigger and goes on by itself; the caller need not come back.
	Kept bool
	// RetryAfter is when coming back makes sense; zero: unknown or never.
	RetryAfter time.Duration
	Err        error
}

// Error names what failed, where, what exists now and what happens next. It never holds a secret.
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

// vendorError is a vendor's error under a sentinel of this package: it reads as the vendor's, and has a sentence for
// people who are woken up by it.
type vendorError struct {
	kind  error
	err   error
	plain string
}

func (e *vendorError) Error() string   { return e.err.Error() }
func (e *vendorError) Unwrap() []error { return []error{e.kind, e.err} }

// plainly says in one sentence, without repeating itself, what went wrong.
func plainly(err error) string {
	var sentences []string
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) { //nolint:errorlint // the whole tree is walked
		case *vendorError:
			if !slices.Contains(sentences, e.plain) {
				sentences = append(sentences, e.plain)
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
		return "something failed"
	}
	return strings.Join(sentences, "; ")
}

// oneLine writes joined errors side by side, each once.
func oneLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "; ")
}
