package demo

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// errDead is what everything in a process gets that is no more. Nobody outside hears of it.
var errDead = errors.New("demo: this process is dead")

// process stands for a process of its own that dies at the worst moment: the meeting is made, and PagerDuty is about
// to be told. From then on nothing it does reaches a vendor or the store, as after a kill -9.
type process struct {
	life context.Context
	kill context.CancelFunc
}

func newProcess(ctx context.Context) *process {
	life, kill := context.WithCancel(ctx)
	return &process{life: life, kill: kill}
}

// died is closed at its end.
func (p *process) died() <-chan struct{} { return p.life.Done() }

func (p *process) alive() error {
	if p.life.Err() != nil {
		return errDead
	}
	return nil
}

// transport is what its requests travel through; a nil process is this one, which lives.
func (p *process) transport(network http.RoundTripper) http.RoundTripper {
	if p == nil {
		return network
	}
	return mortalTransport{process: p, network: network}
}

// store is how it reaches the store that all processes share.
func (p *process) store(shared tokenstore.Store) tokenstore.Store {
	return mortalStore{process: p, shared: shared}
}

type mortalTransport struct {
	process *process
	network http.RoundTripper
}

// RoundTrip ends the process at its first PUT, which is the one that would tell PagerDuty.
func (t mortalTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		t.process.kill()
	}
	if err := t.process.alive(); err != nil {
		return nil, err
	}
	return t.network.RoundTrip(r)
}

type mortalStore struct {
	process *process
	shared  tokenstore.Store
}

func (s mortalStore) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := s.process.alive(); err != nil {
		return tokenstore.Record{}, err
	}
	return s.shared.Get(ctx, key)
}

func (s mortalStore) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := s.process.alive(); err != nil {
		return "", err
	}
	return s.shared.Put(ctx, key, r)
}

func (s mortalStore) Delete(ctx context.Context, key, version string) error {
	if err := s.process.alive(); err != nil {
		return err
	}
	return s.shared.Delete(ctx, key, version)
}

func (s mortalStore) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) ([]string, string, error) {
	if err := s.process.alive(); err != nil {
		return nil, "", err
	}
	return s.shared.Due(ctx, prefix, before, after, limit)
}
