package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// ledger reads and writes records, one per incident, by compare-and-swap.
type ledger struct {
	store        tokenstore.Store
	installation string
	retention    time.Duration
	id           atomic.Pointer[string]
}

func (l *ledger) prefix() string               { return "bridge/" + l.installation }
func (l *ledger) key(incidentID string) string { return l.prefix() + "/" + incidentID }

// entry is a record as it was read: version is "" when there is none.
type entry struct {
	record
	version string
}

func (l *ledger) read(ctx context.Context, incidentID string) (entry, error) {
	stored, err := l.store.Get(ctx, l.key(incidentID))
	if errors.Is(err, tokenstore.ErrNotFound) {
		return entry{}, nil
	}
	if err != nil {
		return entry{}, fmt.Errorf("%w: the store cannot be read: %w", ErrUnavailable, err)
	}
	r, err := decodeRecord(stored.Value)
	if err != nil {
		return entry{}, err
	}
	return entry{record: r, version: stored.Version}, nil
}

// errMoved reports that somebody else wrote first; the entry that came with it is what they wrote.
var errMoved = errors.New("bridge: record moved on")

// write replaces the record that was read at version. On errMoved the entry is what stands there now. A lost reply is
// told from a lost race by the record's stamp: protocol, Open 7.
func (l *ledger) write(ctx context.Context, r record, version string) (entry, error) {
	r.Format, r.Stamp = recordFormat, newNonce()
	value, err := r.encode()
	if err != nil {
		return entry{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	next, err := l.store.Put(ctx, l.key(r.IncidentID), tokenstore.Record{
		Value: value, Version: version, DueAt: r.dueAt(), ExpiresAt: r.expiresAt(l.retention),
	})
	if err == nil {
		return entry{record: r, version: next}, nil
	}
	stands, readErr := l.read(ctx, r.IncidentID)
	if readErr != nil {
		return entry{}, fmt.Errorf("%w: the store cannot be written: %w", ErrUnavailable, err)
	}
	if stands.Stamp == r.Stamp && stands.version != "" {
		return stands, nil
	}
	if errors.Is(err, tokenstore.ErrConflict) {
		return stands, errMoved
	}
	return entry{}, fmt.Errorf("%w: the store cannot be written: %w", ErrUnavailable, err)
}

// errUnchanged is what a change says that has nothing to change: nothing is written, and it is no error.
var errUnchanged = errors.New("bridge: nothing to change")

// update changes the record, whoever holds it, until the change is in or change refuses it. There is none: nothing.
func (l *ledger) update(ctx context.Context, incidentID string, change func(*record) error) (entry, error) {
	e, err := l.read(ctx, incidentID)
	for err == nil && e.version != "" {
		next := e.clone()
		if err := change(&next); errors.Is(err, errUnchanged) {
			return e, nil
		} else if err != nil {
			return e, err
		}
		e, err = l.write(ctx, next, e.version)
		if err == nil {
			return e, nil
		}
		if errors.Is(err, errMoved) {
			err = ctx.Err()
		}
	}
	return e, err
}

// identity is the ledger's own random id, made once per store, so that two deployments never take each other's
// meetings for their own.
func (l *ledger) identity(ctx context.Context) (string, error) {
	if id := l.id.Load(); id != nil {
		return *id, nil
	}
	key := "ledger/" + l.installation
	fresh := newNonce()
	_, putErr := l.store.Put(ctx, key, tokenstore.Record{Value: []byte(fresh)})
	if putErr == nil {
		l.id.Store(&fresh)
		return fresh, nil
	}
	stored, err := l.store.Get(ctx, key)
	if err != nil {
		return "", fmt.Errorf("%w: the ledger's id cannot be read: %w", ErrUnavailable, errors.Join(putErr, err))
	}
	id := string(stored.Value)
	l.id.Store(&id)
	return id, nil
}
