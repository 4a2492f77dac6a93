package tokenstore

import (
	"errors"
	"strings"
)

// The errors of a [TokenSource], for errors.Is.
var (
	// ErrNotInstalled says that the key has no grant, or had one that was uninstalled. Install the app.
	ErrNotInstalled = errors.New("not installed: run the install flow")

	// ErrReauthorize says that the vendor refuses the grant for good. Only a new consent, stored with Save, helps.
	ErrReauthorize = errors.New("the vendor refuses the grant: authorize the app again")

	// ErrInDoubt says that the vendor did not answer a refresh. Nothing is lost yet: the source tries again on a later call,
	// once the lease of this attempt has run out.
	ErrInDoubt = errors.New("the vendor did not answer the refresh: try again")

	// ErrNotSaved says that the vendor gave a new token which the store has not taken yet. The source goes on saving it in
	// the background and hands it out once it is safe: try again, and keep the process alive (see Wait).
	ErrNotSaved = errors.New("the refreshed token is not saved yet: try again")

	// ErrUnreadable says that there is a record which this program cannot read: its value is damaged, cannot be opened by
	// a Sealed store, or was written by a newer program. It is left untouched.
	ErrUnreadable = errors.New("the record cannot be read")
)

// Error is what every method of a [TokenSource] returns when it fails. Its text never holds a token; that of the cause it
// wraps may, so log the Error.
type Error struct {
	Key  string // of the grant
	Step string // what failed, such as "refresh" or "read grant"
	Err  error  // a sentinel of this package, the store's error, the refresh function's error, or several joined

	text string
}

// failed describes a failure of the grant at key. Secrets that the cause's text holds are taken out.
func failed(key, step string, err error, secrets ...string) *Error {
	const longest = 500
	text := err.Error()
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return &Error{Key: key, Step: step, Err: err, text: text}
}

// Error names the grant, the step and the cause.
func (e *Error) Error() string {
	return "tokenstore: grant " + e.Key + ": " + e.Step + ": " + e.text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
