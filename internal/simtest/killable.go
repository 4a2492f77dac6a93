package simtest

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// ErrKilled is what a process that was killed sees of every call.
var ErrKilled = errors.New("the process was killed")

// Killable is a process that a test can kill while it runs. It reaches the outside
// through the stores and transports that this makes for it.
type Killable struct{ dead atomic.Bool }

// Kill kills the process: nothing it sends arrives any more, and no answer reaches it.
func (k *Killable) Kill() { k.dead.Store(true) }

// Store is a store as the process sees it.
func (k *Killable) Store(next tokenstore.Store) tokenstore.Store { return killableStore{k, next} }

// Transport is the way to a vendor as the process sees it.
func (k *Killable) Transport(next http.RoundTripper) http.RoundTripper {
	return killableTransport{k, next}
}

func (k *Killable) alive() error {
	if k.dead.Load() {
		return ErrKilled
	}
	return nil
}

type killableTransport struct {
	process *Killable
	next    http.RoundTripper
}

func (t killableTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.process.alive(); err != nil {
		return nil, err
	}
	response, err := t.next.RoundTrip(r)
	if err := t.process.alive(); err != nil {
		return nil, err
	}
	return response, err
}

type killableStore struct {
	process *Killable
	next    tokenstore.Store
}

func (s killableStore) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := s.process.alive(); err != nil {
		return tokenstore.Record{}, err
	}
	return s.next.Get(ctx, key)
}

func (s killableStore) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := s.process.alive(); err != nil {
		return "", err
	}
	return s.next.Put(ctx, key, r)
}

func (s killableStore) Delete(ctx context.Context, key, version string) error {
	if err := s.process.alive(); err != nil {
		return err
	}
	return s.next.Delete(ctx, key, version)
}

func (s killableStore) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) ([]string, string, error) {
	if err := s.process.alive(); err != nil {
		return nil, "", err
	}
	return s.next.Due(ctx, prefix, before, after, limit)
}
