package bridge

import (
	"context"
	"iter"
	"time"
)

// Provider makes meetings. Zoom fits a *zoom.Client to it; StaticRoom needs no vendor.
//
// A Provider may also be a [Preparer] or [Instant].
//
// Errors are told apart by this package's sentinels: ErrNextHost (this host cannot,
// another may), ErrInDoubt (a meeting may have been made), ErrGone (there is no such
// meeting), ErrPermanent (the account, not the host, is rejected), ErrNotInstalled,
// ErrReauthorize. Anything else is a fault that may pass. Implementations are safe for
// concurrent use.
type Provider interface {
	// Name is what a bridge and the ledger call it.
	Name() string
	// Hosts lists the hosts to make a meeting under, best first, never empty; email is
	// the requester's, if known.
	Hosts(email string) []string
	// Create makes a meeting under host. It is sent once.
	Create(ctx context.Context, host string, spec MeetingSpec) (*Meeting, error)
	// Meetings yields the meetings of a host that may have been made for incidents, with
	// their agenda.
	Meetings(ctx context.Context, host string) iter.Seq2[*Meeting, error]
	// Meeting reads one, as Create with this spec would have answered.
	Meeting(ctx context.Context, id string, spec MeetingSpec) (*Meeting, error)
	// End makes everybody leave; one that is over or gone is no error.
	End(ctx context.Context, id string) error
	// Delete removes it; one that is gone is no error.
	Delete(ctx context.Context, id string) error
}

// Preparer is a Provider that is told, beside the reads of an opening, that a Create may
// follow: time to get a token.
type Preparer interface{ Prepare(ctx context.Context) }

// Instant is a Provider whose Create may answer at once, without a vendor: it is asked
// even when there is no time for another.
type Instant interface{ Instant() bool }

// MeetingSpec says what meeting to make.
type MeetingSpec struct {
	Topic     string
	Agenda    string // begins with the marker that Meetings finds it by
	Start     time.Time
	Recording Recording
	DialIn    DialInPreference
}

// Meeting is a meeting at a provider.
type Meeting struct {
	ID      string
	Host    string
	JoinURL string
	// DialIns are ways to write the same dial-in, best first, each plainer than the one
	// before.
	DialIns []string
	Agenda  string
	// CreatedAt is when it was made, by the provider's clock.
	CreatedAt time.Time
	// Started reports that somebody is in it.
	Started bool
	// Warnings tell what would keep people out.
	Warnings []string
}

// Recording is whether a meeting is recorded from its start.
type Recording string

// The choices of recording. The zero value leaves it to the account.
const (
	RecordingNone  Recording = "none"
	RecordingLocal Recording = "local"
	RecordingCloud Recording = "cloud"
)

// DialInPreference is which dial-in number to offer.
type DialInPreference struct {
	// Countries are ISO 3166 codes, best first; a number of any other country comes after
	// them.
	Countries []string
	// Off offers the link alone.
	Off bool
}
