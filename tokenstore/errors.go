package tokenstore

import (
	"errors"
	"strings"
)

// The errors of a [TokenSource], for errors.Is.
var (
	// ErrNotInstalled means that the key has no grant, or one that was uninstalled.
	// Install the app.
	ErrNotInstalled = errors.New("tokenstore: not installed")

	// ErrReauthorize means that the vendor has rejected the grant for good. Only a new
	// consent, stored with Save, helps.
	ErrReauthorize = errors.New("tokenstore: the vendor rejected the grant, authorize the app again")

	// ErrInDoubt means that the vendor did not answer a refresh. Nothing is lost yet: the
	// source tries again on a later call, after the lease of this attempt has run out.
	ErrInDoubt = errors.New("tokenstore: the vendor did not answer the refresh")

	// ErrNotSaved means that the vendor issued a new token which the store has not taken
	// yet. The source keeps trying to save it in the background and returns it once it is
	// stored. Call again, and keep the process alive (see Wait).
	ErrNotSaved = errors.New("tokenstore: the refreshed token is not saved yet")

	// ErrUnreadable means that there is a record which this program cannot read: its
	// value is damaged, cannot be decrypted by a Sealed store, or was written by a newer
	// program. The record is left unchanged.
	ErrUnreadable = errors.New("tokenstore: the record cannot be read")
)

// Error is what every method of a [TokenSource] returns when it fails. Its text never
// holds a token. The text of the error it wraps may, so log the Error.
type Error struct {
	Key  string // of the grant
	Step string // what failed, such as "refresh" or "read grant"
	Err  error  // a sentinel of this package, the error of the store or the refresh function, or several

	text string
}

// failed describes a failure of the grant under key. It removes the secrets from the
// text.
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
	return "grant " + e.Key + ": " + e.Step + ": " + e.text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
