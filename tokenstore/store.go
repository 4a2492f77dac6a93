package tokenstore

import (
	"context"
	"errors"
	"time"
)

// Limits of every [Store]. Beyond MaxKeyLen and MaxSealedLen it fails with ErrInvalid.
const (
	MaxKeyLen    = 512                 // bytes in a key or a prefix
	MaxValueLen  = 256 << 10           // bytes in a value, for users of a Store
	MaxSealedLen = MaxValueLen + 4<<10 // bytes in a value, for backends: room for what Sealed adds
)

// The errors of a [Store], for errors.Is. Any other error of a write, except for a
// context that was over before the call, leaves the write in doubt: it may have landed,
// or may still land.
var (
	// ErrNotFound means that the key has no record, or that its record has expired.
	ErrNotFound = errors.New("tokenstore: not found")

	// ErrConflict means that the record does not carry the given version now, so this
	// call wrote nothing. It says nothing about an earlier Put of the same caller: read
	// again.
	ErrConflict = errors.New("tokenstore: version conflict")

	// ErrInvalid means that an argument is outside the limits. Nothing was sent or
	// written.
	ErrInvalid = errors.New("tokenstore: invalid argument")
)

// Record is one value under one key, with the version it was written as.
//
// Times are kept as UTC milliseconds, truncated. A time is zero (absent) or lies after
// 1970 and before the year 10000.
type Record struct {
	Value     []byte    // up to MaxValueLen bytes; nil and empty are the same
	Version   string    // opaque; "" means "does not exist yet"
	DueAt     time.Time // zero: nothing to do; otherwise when somebody should look at it
	ExpiresAt time.Time // zero: never; otherwise the instant from which the record is absent
}

// Store keeps records by key and changes each with a compare-and-swap. A backend
// implements it, behind [Checked], and package storetest proves that it keeps this
// contract.
//
// A key is 1 to MaxKeyLen printable ASCII bytes (space to tilde), made of segments
// between slashes. Keys are compared as bytes. A record whose ExpiresAt has come is
// absent in every method, by the backend's own clock where it has one; expiry is for
// garbage, days ahead, never for a lease.
//
// A context that is already over is answered with its error, and nothing is written. A
// value given is copied or sent before the call returns, and a value returned belongs to
// the caller. An acknowledged write survives what the backend promises to survive. All
// methods may be called by any number of goroutines and processes at once.
type Store interface {
	// Get returns the record as the last acknowledged write left it, linearizable for
	// this key, or ErrNotFound.
	Get(ctx context.Context, key string) (Record, error)

	// Put writes r if the stored record carries r.Version now, and returns the new
	// version. With r.Version "" it writes only where there is no record, or an expired
	// one; with any other version it never creates one. Otherwise it returns ErrConflict.
	//
	// The new version is drawn at random before anything is sent and is never used again,
	// not even after a Delete. A backend whose driver may resend a write on its own
	// accepts "version is old or version is new", which makes the second copy harmless.
	// Any error but ErrConflict and ErrInvalid leaves the write in doubt: read again. An
	// ExpiresAt in the past is no error: the record is absent at once.
	Put(ctx context.Context, key string, r Record) (version string, err error)

	// Delete removes the record if it carries this version now. Otherwise it returns
	// ErrConflict, for an absent record too. With version "" it removes any record, or
	// none. That may land late and remove a successor, so this project writes tombstones
	// with ExpiresAt instead.
	Delete(ctx context.Context, key, version string) error

	// Due returns keys under prefix whose DueAt is at or before the given time, oldest
	// first as far as the index knows, and next, which continues the listing when given
	// as after; "" starts it and "" ends it. A page has at most limit keys, and may have
	// fewer while next is not "".
	//
	// The answer is a hint: it may name keys that are gone or no longer due, and may miss
	// a new one for a while, though none for good. Read a key, check its DueAt and claim
	// it with Put before the work.
	//
	// The prefix is one or more whole segments: "bridge/a" covers "bridge/a" and
	// "bridge/a/1", not "bridge/ab". It neither begins nor ends with a slash; its first
	// segment is the index partition. A limit below 1, such a prefix and an after that no
	// Due returned are ErrInvalid.
	Due(ctx context.Context, prefix string, before time.Time, after string, limit int) (keys []string, next string, err error)
}
