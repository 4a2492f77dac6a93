package bridge

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Service opens and closes conference bridges. It is safe for concurrent use, and any number of Services in any number
// of processes may share a store.
type Service struct {
	config
	incidents  Incidents
	providers  []Provider // the first is asked first
	ledger     *ledger
	people     *people
	flights    *flights
	attending  *attending
	complaints *complaints
	sweeps     *lookout
	upkeep     *lookout // of the installation
}

// New returns a Service that reads and writes incidents, makes calls at provider, and keeps its ledger in store. It
// does no I/O and starts nothing: call Run to have due work done.
func New(incidents Incidents, provider Provider, store tokenstore.Store, opts ...Option) (*Service, error) {
	if incidents == nil || provider == nil || store == nil {
		return nil, errors.New("bridge: New needs incidents, a provider and a store")
	}
	c := defaults()
	for _, opt := range opts {
		if err := opt(&c); err != nil {
			return nil, err
		}
	}
	s := &Service{
		config:     c,
		incidents:  incidents,
		providers:  append([]Provider{provider}, c.fallbacks...),
		ledger:     &ledger{store: store, installation: c.installation, retention: c.retention},
		people:     newPeople(incidents),
		flights:    &flights{limit: c.maxOpenings, logger: c.logger, flying: map[string]*flight{}},
		attending:  &attending{places: make(chan struct{}, dueAtOnce), ids: map[string]bool{}},
		complaints: &complaints{told: map[string]time.Time{}},
		sweeps:     &lookout{every: sweepLook},
		upkeep:     &lookout{every: upkeepEvery},
	}
	if c.consent != nil {
		c.consent.watch(s.refreshed)
	}
	return s, nil
}

// Get returns the incident's bridge as the ledger has it; ErrNotFound when there is none. A number or a web address
// costs a read of the incident.
func (s *Service) Get(ctx context.Context, incidentID string) (*Bridge, error) {
	id, err := s.resolveID(ctx, incidentID)
	if err != nil {
		return nil, fail("get", id, err)
	}
	e, err := s.ledger.read(ctx, id)
	if err != nil {
		return nil, fail("get", id, err)
	}
	if e.version == "" || e.State == StateClosed && e.Call == nil {
		return nil, fail("get", id, ErrNotFound)
	}
	return e.bridge(), nil
}

// Incident reads the incident as the incident system has it now.
func (s *Service) Incident(ctx context.Context, incidentID string) (*Incident, error) {
	id, err := s.incidents.ParseID(incidentID)
	if err != nil {
		return nil, fail("read", "", err)
	}
	incident, err := s.readIncident(ctx, id)
	return incident, fail("read", id, err)
}

// List yields every open bridge, in no particular order. A record that cannot be read yields its error, and the
// listing goes on.
func (s *Service) List(ctx context.Context) iter.Seq2[*Bridge, error] {
	return func(yield func(*Bridge, error) bool) {
		// Whatever is open is due some day.
		var ids []string
		err := s.due(ctx, s.now().Add(s.maxAge+s.retention), func(id string) { ids = append(ids, id) })
		if err != nil {
			yield(nil, fail("list", "", err))
			return
		}
		for _, id := range ids {
			e, err := s.ledger.read(ctx, id)
			if err == nil && !e.State.Open() {
				continue
			}
			var b *Bridge
			if err == nil {
				b = e.bridge()
			}
			if !yield(b, fail("list", id, err)) {
				return
			}
		}
	}
}

// Ping reports whether the store answers.
func (s *Service) Ping(ctx context.Context) error {
	_, err := s.ledger.read(ctx, "ready")
	return fail("ready", "", err)
}

// Wait returns when no opening is at work in this process any more, and no refresh of a grant by consent, or when ctx is
// done, with its error. Call it before a process ends, or is frozen (see [WithHardDeadline], too): an opening that is not finished
// stays due in the ledger, but a refresh that is cut off may cost the grant.
func (s *Service) Wait(ctx context.Context) error {
	err := s.flights.wait(ctx)
	if s.consent != nil {
		err = errors.Join(err, s.consent.wait(ctx))
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

// tell reports an opening to whoever watches.
func (s *Service) tell(ctx context.Context, id string, b *Bridge, err error, began time.Time) {
	took := time.Since(began)
	if err != nil {
		s.logger.WarnContext(ctx, "no bridge was opened", "incident_id", id, "error", err, "duration", took)
		s.observe(ctx, Event{Kind: EventOpenFailed, IncidentID: id, Duration: took, Err: err})
		return
	}
	kind := EventReused
	if b.Created {
		kind = EventOpened
	}
	s.logger.InfoContext(ctx, "bridge", "event", kind, "incident_id", id, "state", b.State, "provider", b.Provider,
		"meeting_id", b.MeetingID, "generation", b.Generation, "duration", took)
	s.observe(ctx, Event{Kind: kind, IncidentID: id, Provider: b.Provider, Generation: b.Generation, Duration: took})
}

// fail makes an *Error of what is none yet.
func fail(op, id string, err error) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	e := &Error{Op: op, IncidentID: id, Err: err}
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInProgress) || errors.Is(err, ErrIncidents) {
		e.RetryAfter = 2 * time.Second
	}
	return e
}

func isNumber(id string) bool {
	for _, r := range id {
		if r < '0' || r > '9' {
			return false
		}
	}
	return id != ""
}
