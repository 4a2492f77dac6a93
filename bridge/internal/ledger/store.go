package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

var (
	// ErrUnavailable reports that the store cannot be read or written now.
	ErrUnavailable = errors.New("bridge: temporarily unavailable")
	// ErrUnreadable reports a record that cannot be read: it is damaged, or sealed with a key that
	// is not there. It comes with ErrUnavailable.
	ErrUnreadable = errors.New("bridge: record cannot be read")
	// ErrNewerRecord reports a record that a newer program wrote. It comes with ErrUnavailable.
	ErrNewerRecord = errors.New("bridge: record was written by a newer program: run that one")
	// ErrConflict reports that somebody else wrote the record first.
	ErrConflict = errors.New("bridge: record was changed by another writer")
)

// Store reads and writes the records of one namespace. It is safe for concurrent use.
type Store struct {
	store     tokenstore.Store
	namespace string
	retention time.Duration
	changed   func(context.Context, *Record, Change)
	id        atomic.Pointer[string]
}

// NewStore returns a Store over store. A closed record is kept for retention. After every
// write that landed, changed is called with the record as it is now and what the write
// changed.
func NewStore(
	store tokenstore.Store, namespace string, retention time.Duration,
	changed func(context.Context, *Record, Change),
) *Store {
	return &Store{store: store, namespace: namespace, retention: retention, changed: changed}
}

func (s *Store) key(incidentID string) string { return "bridge/" + s.namespace + "/" + incidentID }

// Read returns the incident's record. One that does not exist has no state and no
// version.
func (s *Store) Read(ctx context.Context, incidentID string) (*Record, error) {
	stored, err := s.store.Get(ctx, s.key(incidentID))
	if errors.Is(err, tokenstore.ErrNotFound) {
		return &Record{IncidentID: incidentID}, nil
	}
	if errors.Is(err, tokenstore.ErrUnreadable) {
		return nil, fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrUnreadable, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the store cannot be read: %w", ErrUnavailable, err)
	}
	return decode(stored.Value, stored.Version)
}

// Write replaces the record at the version it was read at, and returns it at its new
// version. On ErrConflict it returns what the store holds instead. A lost reply is told
// from a lost race by the record's stamp.
func (s *Store) Write(ctx context.Context, r *Record) (*Record, error) {
	if r.invalid != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, r.invalid)
	}
	r.Format, r.Stamp = format, NewNonce()
	value, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var expires time.Time // an open record never expires
	if !r.State.Open() && !r.ClosedAt.IsZero() {
		expires = r.ClosedAt.Add(s.retention)
	}
	version, err := s.store.Put(ctx, s.key(r.IncidentID), tokenstore.Record{
		Value: value, Version: r.version, DueAt: r.DueAt(), ExpiresAt: expires,
	})
	if err == nil {
		return s.written(ctx, r, version), nil
	}
	current, readErr := s.Read(ctx, r.IncidentID)
	if readErr != nil {
		return nil, fmt.Errorf("%w: the store cannot be written: %w", ErrUnavailable, err)
	}
	if current.Stamp == r.Stamp && current.Exists() { //mutant:lost-reply
		return s.written(ctx, r, current.version), nil
	}
	if errors.Is(err, tokenstore.ErrConflict) { //mutant:only-a-conflict
		return current, ErrConflict
	}
	return nil, fmt.Errorf("%w: the store cannot be written: %w", ErrUnavailable, err)
}

// written tells what a write that landed has changed.
func (s *Store) written(ctx context.Context, r *Record, version string) *Record {
	was := r.stored
	r.version, r.stored = version, r.position() //mutant:keep-record
	s.changed(ctx, r, Change{
		From: was.state, To: r.State,
		Attached: r.State == StateAttached && (!was.attached || was.generation != r.Generation),
	})
	return r
}

// Update changes the record, with or without a lease on it, until the change is stored or
// change returns false: there is nothing to change. A record that does not exist is left
// alone.
func (s *Store) Update(ctx context.Context, incidentID string, change func(*Record) bool) (*Record, error) {
	r, err := s.Read(ctx, incidentID)
	for err == nil && r.Exists() {
		next := r.Clone()
		if !change(next) {
			return r, nil
		}
		r, err = s.Write(ctx, next)
		if err == nil {
			return r, nil
		}
		if errors.Is(err, ErrConflict) {
			err = ctx.Err()
		}
	}
	return r, err
}

// Identity is the ledger's own random id, made once per store, so that two deployments
// never take each other's meetings for their own.
func (s *Store) Identity(ctx context.Context) (string, error) {
	if id := s.id.Load(); id != nil {
		return *id, nil
	}
	key := "ledger/" + s.namespace
	id := NewNonce()
	_, putErr := s.store.Put(ctx, key, tokenstore.Record{Value: []byte(id)})
	if putErr != nil {
		stored, err := s.store.Get(ctx, key)
		if err != nil {
			return "", fmt.Errorf("%w: the ledger's id cannot be read: %w", ErrUnavailable, errors.Join(putErr, err))
		}
		id = string(stored.Value)
	}
	s.id.Store(&id)
	return id, nil
}

// duePage is how many keys are read at once.
const duePage = 100

// Due calls each for every incident whose record may be due by then.
func (s *Store) Due(ctx context.Context, by time.Time, each func(incidentID string)) error {
	after := ""
	for {
		keys, next, err := s.store.Due(ctx, "bridge/"+s.namespace, by, after, duePage)
		if err != nil {
			return errors.Join(ErrUnavailable, err)
		}
		for _, key := range keys {
			each(strings.TrimPrefix(key, s.key("")))
		}
		if next == "" || ctx.Err() != nil {
			return ctx.Err()
		}
		after = next
	}
}

// StartSweep reports whether a sweep is due that no process of the fleet has started, and
// records that this one does. The first call of all only starts the clock: in a new store
// there is nothing that could be ours.
func (s *Store) StartSweep(ctx context.Context, every time.Duration, now time.Time) (bool, error) {
	key := "sweep/" + s.namespace
	stored, err := s.store.Get(ctx, key)
	first := errors.Is(err, tokenstore.ErrNotFound)
	if err != nil && !first {
		return false, fmt.Errorf("%w: the time of the last sweep cannot be read: %w", ErrUnavailable, err)
	}
	last, _ := time.Parse(time.RFC3339, string(stored.Value)) // an unreadable time counts as long ago
	if !first && now.Sub(last) < every {
		return false, nil
	}
	stored.Value = []byte(now.UTC().Format(time.RFC3339))
	_, err = s.store.Put(ctx, key, stored)
	if errors.Is(err, tokenstore.ErrConflict) {
		return false, nil // another process does it
	}
	if err != nil {
		return false, fmt.Errorf("%w: the time of a sweep cannot be written: %w", ErrUnavailable, err)
	}
	return !first, nil
}
