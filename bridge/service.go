package bridge

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
	"github.com/incidentbridge/incidentbridge/internal/detachctx"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Service opens and closes conference bridges. It is safe for concurrent use, and any
// number of Services in any number of processes may share a store.
type Service struct {
	cfg        config
	incidents  Incidents
	providers  []Provider // the first is asked first
	ledger     *ledger.Store
	requesters *requesterCache
	inFlight   *inFlight
	workers    *workers
	errors     *errorDedup
	sweeps     *interval
	upkeep     *interval // of the installation
}

// New returns a Service that reads and writes incidents, makes meetings at provider, and
// keeps its ledger in store. It does no I/O and starts nothing: call Run to have due work
// done.
func New(incidents Incidents, provider Provider, store tokenstore.Store, opts ...Option) (*Service, error) {
	if incidents == nil || provider == nil || store == nil {
		return nil, errors.New("bridge: New needs incidents, a provider and a store")
	}
	for _, part := range []any{incidents, provider} {
		if v, ok := part.(interface{ validate() error }); ok {
			if err := v.validate(); err != nil {
				return nil, err
			}
		}
	}
	c := defaults()
	for _, opt := range opts {
		if err := opt(&c); err != nil {
			return nil, err
		}
	}
	s := &Service{
		cfg:        c,
		incidents:  incidents,
		providers:  append([]Provider{provider}, c.fallbacks...),
		requesters: newRequesterCache(incidents, c.now),
		inFlight:   &inFlight{limit: c.maxOpenings, logger: c.logger, attempts: map[string]*sharedAttempt{}},
		workers:    &workers{slots: make(chan struct{}, maxWorkers), ids: map[string]bool{}},
		errors:     &errorDedup{lastLogged: map[string]time.Time{}},
		sweeps:     &interval{period: sweepLook},
		upkeep:     &interval{period: maintainInterval},
	}
	s.ledger = ledger.NewStore(store, c.namespace, c.retention, s.recordChanged)
	if c.installation != nil {
		c.installation.OnRefresh(s.refreshed)
	}
	return s, nil
}

// Get returns the incident's bridge as the ledger has it; ErrNotFound when there is none.
// A number or a web address costs a read of the incident.
func (s *Service) Get(ctx context.Context, incidentID string) (*Bridge, error) {
	id, err := s.resolveID(ctx, incidentID)
	if err != nil {
		return nil, wrap("get", id, err)
	}
	r, err := s.ledger.Read(ctx, id)
	if err != nil {
		return nil, wrap("get", id, err)
	}
	if !r.Exists() || r.State == ledger.StateClosed && r.Decision == nil {
		return nil, wrap("get", id, ErrNotFound)
	}
	return bridgeOf(r), nil
}

// Incident reads the incident as the incident system has it now.
func (s *Service) Incident(ctx context.Context, incidentID string) (*Incident, error) {
	id, err := s.incidents.ParseID(incidentID)
	if err != nil {
		return nil, wrap("read", "", err)
	}
	incident, err := s.readIncident(ctx, id)
	return incident, wrap("read", id, err)
}

// List yields every open bridge, in no particular order. A record that cannot be read
// yields its error, and the listing continues.
func (s *Service) List(ctx context.Context) iter.Seq2[*Bridge, error] {
	return func(yield func(*Bridge, error) bool) {
		// Every open record has a DueAt, so Due lists all of them.
		var ids []string
		by := s.cfg.now().Add(s.cfg.maxAge + s.cfg.retention)
		if err := s.ledger.Due(ctx, by, func(id string) { ids = append(ids, id) }); err != nil {
			yield(nil, wrap("list", "", err))
			return
		}
		for _, id := range ids {
			r, err := s.ledger.Read(ctx, id)
			if err == nil && !r.State.Open() {
				continue
			}
			var b *Bridge
			if err == nil {
				b = bridgeOf(r)
			}
			if !yield(b, wrap("list", id, err)) {
				return
			}
		}
	}
}

// Ping reports whether the store answers.
func (s *Service) Ping(ctx context.Context) error {
	_, err := s.ledger.Read(ctx, "ping")
	return wrap("ping", "", err)
}

// Wait returns when no opening is under way in this process, and no refresh of an
// installed app's grant, or when ctx is done, with its error. Call it before a process
// ends, or is frozen (see [WithHardDeadline], too): an unfinished opening stays due in
// the ledger, but a refresh that is cut off may cost the grant.
func (s *Service) Wait(ctx context.Context) error {
	err := s.inFlight.wait(ctx)
	if s.cfg.installation != nil {
		err = errors.Join(err, s.cfg.installation.Wait(ctx))
	}
	return err
}

func (s *Service) providerOf(name string) Provider {
	for _, p := range s.providers {
		if p.Name() == name {
			return p
		}
	}
	return nil
}

// WithHardDeadline returns a context for a process that is frozen or killed at end, as on
// AWS Lambda. What a Service begins under it outlives ctx as ever, but not end: an
// opening is cut short in time to be handed back to the ledger, which continues when
// Reconcile or Run is called, anywhere. In the last two seconds no meeting is asked for.
//
// A refresh of an installed app's grant is not cut short, since that may cost the grant:
// none is sent in the last two seconds, and Wait waits for one that was sent before.
func WithHardDeadline(ctx context.Context, end time.Time) context.Context {
	return detachctx.Until(ctx, end)
}
