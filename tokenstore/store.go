package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits of every [Store]. Beyond MaxKeyLen and MaxSealedLen it answers ErrInvalid.
const (
	MaxKeyLen    = 512                 // bytes in a key or a prefix
	MaxValueLen  = 256 << 10           // bytes in a value, for whoever uses a Store
	MaxSealedLen = MaxValueLen + 4<<10 // bytes in a value, for whoever writes one: room for what Sealed adds
)

// The errors of a [Store], for errors.Is. Whatever is none of these, and not ErrInvalid or a context that was over
// before the call, leaves a write in doubt: it may have landed, or may still land.
var (
	// ErrNotFound says that the key has no record, or that its record has expired.
	ErrNotFound = errors.New("tokenstore: not found")

	// ErrConflict says that the record does not carry the given version now, so this call wrote nothing. It does not say
	// whether an earlier Put of the same caller landed: read again.
	ErrConflict = errors.New("tokenstore: version conflict")

	// ErrInvalid says that an argument is outside the limits. Nothing was sent or written.
	ErrInvalid = errors.New("tokenstore: invalid argument")
)

// Record is one value under one key, with the version it was written as.
//
// Times are kept as UTC milliseconds, cut and not rounded. A time is zero (absent) or lies after 1970 and before the
// year 10000.
type Record struct {
	Value     []byte    // up to MaxValueLen bytes; nil and empty are the same
	Version   string    // opaque; "" means "does not exist yet"
	DueAt     time.Time // zero: nothing to do; else when somebody should look at it
	ExpiresAt time.Time // zero: never; else the instant from which the record is absent
}

// Store keeps records by key and changes each with a compare-and-swap. It is all that a backend implements;
// package storetest proves that one keeps this contract.
//
// A key is 1 to MaxKeyLen printable ASCII bytes (space to tilde), made of segments between slashes. Keys are compared as
// bytes. A record whose ExpiresAt has come is absent in every method, by the backend's own clock where it has one;
// expiry is for garbage, days ahead, never for a lease.
//
// A context that is already over is answered with its error, and nothing is written. A value given is copied or sent
// before the call returns, and a value returned belongs to the caller. A write that was acknowledged survives whatever
// the backend promises to survive. All methods may be called by any number of goroutines and processes at once.
type Store interface {
	// Get returns the record as the last acknowledged write left it, linearizable for this key, or ErrNotFound.
	Get(ctx context.Context, key string) (Record, error)

	// Put writes r if the stored record carries r.Version now, and returns the new version. With r.Version "" it writes
	// only where there is no record, or an expired one; with any other version it never creates one. Otherwise it
	// returns ErrConflict.
	//
	// The new version is drawn at random before anything is sent and is never used again, not even after a Delete.
	// A backend whose driver may resend a write on its own accepts "version is old or version is new", which makes the
	// second copy harmless. Any error but ErrConflict and ErrInvalid leaves the write in doubt: read again.
	// An ExpiresAt in the past is no error: the record is absent at once.
	Put(ctx context.Context, key string, r Record) (version string, err error)

	// Delete removes the record if it carries this version now, else it returns ErrConflict, for an absent record too.
	// With version "" it removes whatever is there, nothing included. That may land late and hit a successor, so this
	// project writes tombstones with ExpiresAt instead.
	Delete(ctx context.Context, key, version string) error

	// Due returns keys under prefix whose DueAt is at or before the given time, oldest first as far as the index knows,
	// and next, which continues the listing when given as after; "" starts it and "" ends it. A page has at most limit
	// keys, and may have fewer while next is not "".
	//
	// The answer is a hint: it may name keys that are gone or due no more, and may miss a fresh one for a while, though
	// none for good. Read a key, check its DueAt and claim it with Put before the work.
	//
	// The prefix is one or more whole segments: "bridge/a" covers "bridge/a" and "bridge/a/1", not "bridge/ab". It neither
	// begins nor ends with a slash; its first segment is the index partition. A limit below 1, such a prefix and an after
	// that no Due returned are ErrInvalid.
	Due(ctx context.Context, prefix string, before time.Time, after string, limit int) (keys []string, next string, err error)
}

// CheckKey says whether a [Store] takes the key: nil, or an error that matches [ErrInvalid]. For backends, which call it
// before anything is sent.
func CheckKey(key string) error {
	if len(key) < 1 || len(key) > MaxKeyLen {
		return fmt.Errorf("%w: key has %d bytes, want 1 to %d", ErrInvalid, len(key), MaxKeyLen)
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return fmt.Errorf("%w: key byte %d is not printable ASCII", ErrInvalid, i)
		}
	}
	return nil
}

// CheckDue says whether a [Store] answers Due for the prefix with that limit: nil, or an error that matches [ErrInvalid].
// For backends.
func CheckDue(prefix string, limit int) error {
	if err := CheckKey(prefix); err != nil {
		return fmt.Errorf("prefix: %w", err)
	}
	if strings.HasPrefix(prefix, "/") || strings.HasSuffix(prefix, "/") {
		return fmt.Errorf("%w: prefix begins or ends with a slash, want whole segments", ErrInvalid)
	}
	if limit < 1 {
		return fmt.Errorf("%w: limit is %d, want at least 1", ErrInvalid, limit)
	}
	return nil
}

// Normalize returns r as every [Store] keeps it, its times cut to UTC milliseconds, or an error that matches
// [ErrInvalid]. The value is not copied. For backends.
func (r Record) Normalize() (Record, error) {
	if len(r.Value) > MaxSealedLen {
		return Record{}, fmt.Errorf("%w: value has %d bytes, want at most %d", ErrInvalid, len(r.Value), MaxSealedLen)
	}
	var err error
	if r.DueAt, err = millis(r.DueAt); err != nil {
		return Record{}, fmt.Errorf("DueAt: %w", err)
	}
	if r.ExpiresAt, err = millis(r.ExpiresAt); err != nil {
		return Record{}, fmt.Errorf("ExpiresAt: %w", err)
	}
	return r, nil
}

func millis(t time.Time) (time.Time, error) {
	if t.IsZero() {
		return time.Time{}, nil
	}
	t = t.UTC()
	if t.UnixMilli() <= 0 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%w: time is outside 1970 to 9999", ErrInvalid)
	}
	return t.Truncate(time.Millisecond), nil
}
