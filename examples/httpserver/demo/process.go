package demo

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// errKilled is the error of every store and vendor call of a killed process.
var errKilled = errors.New("demo: process killed")

// process simulates a process that is killed at the worst moment: the meeting is created,
// and PagerDuty does not have the link yet. From then on nothing it does reaches a vendor
// or the store, as after kill -9.
type process struct {
	ctx  context.Context
	kill context.CancelFunc
}

func newProcess(ctx context.Context) *process {
	ctx, kill := context.WithCancel(ctx)
	return &process{ctx: ctx, kill: kill}
}

// killed is closed when the process is killed.
func (p *process) killed() <-chan struct{} { return p.ctx.Done() }

func (p *process) alive() error {
	if p.ctx.Err() != nil {
		return errKilled
	}
	return nil
}

// transport returns the process's transport. A nil process is this one, which is not
// killed.
func (p *process) transport(network http.RoundTripper) http.RoundTripper {
	if p == nil {
		return network
	}
	return killableTransport{process: p, network: network}
}

// store returns the process's view of the store that all processes share.
func (p *process) store(shared tokenstore.Store) tokenstore.Store {
	return killableStore{process: p, shared: shared}
}

type killableTransport struct {
	process *process
	network http.RoundTripper
}

// RoundTrip implements http.RoundTripper. It kills the process at its first PUT, which
// would write the link to PagerDuty.
func (t killableTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		t.process.kill()
	}
	if err := t.process.alive(); err != nil {
		return nil, err
	}
	return t.network.RoundTrip(r)
}

type killableStore struct {
	process *process
	shared  tokenstore.Store
}

func (s killableStore) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := s.process.alive(); err != nil {
		return tokenstore.Record{}, err
	}
	return s.shared.Get(ctx, key)
}

func (s killableStore) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := s.process.alive(); err != nil {
		return "", err
	}
	return s.shared.Put(ctx, key, r)
}

func (s killableStore) Delete(ctx context.Context, key, version string) error {
	if err := s.process.alive(); err != nil {
		return err
	}
	return s.shared.Delete(ctx, key, version)
}

func (s killableStore) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) ([]string, string, error) {
	if err := s.process.alive(); err != nil {
		return nil, "", err
	}
	return s.shared.Due(ctx, prefix, before, after, limit)
}
