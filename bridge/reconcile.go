package bridge

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

const (
	tick      = time.Second // how often Run looks for due work
	duePage   = 100         // keys read at once
	dueAtOnce = 32          // records attended side by side, in this process
)

// Report counts what Reconcile did.
type Report struct {
	Due    int // records that something was to be done about
	Failed int // of these, left for later because something failed
}

// Run does what is due, about every second and with jitter, until ctx ends; it returns ctx's error once what it began
// has ended too. Any number of replicas may run it at once.
func (s *Service) Run(ctx context.Context) error {
	var round sync.WaitGroup
	defer round.Wait()
	for {
		// What takes long in one round does not hold up the next.
		err := s.attendDue(ctx, &round, func(_ bool, err error) { s.complain(ctx, err) })
		s.complain(ctx, err)
		if err := sleep(ctx, jittered(tick)); err != nil {
			return err
		}
	}
}

func (s *Service) complain(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && s.complaints.isNews(err.Error(), s.now()) {
		s.logger.WarnContext(ctx, "due work was not done", "error", err)
	}
}

// lookout remembers when this process looks next whether something is due that is due seldom.
type lookout struct {
	every time.Duration

	mu   sync.Mutex
	next time.Time
}

func (l *lookout) look(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.next) {
		return false
	}
	l.next = now.Add(l.every)
	return true
}

// complainAgain is how often a fault that stays, such as a record that nobody can read, is told.
const complainAgain = time.Minute

// complaints remembers what was told of late.
type complaints struct {
	mu   sync.Mutex
	told map[string]time.Time
}

func (c *complaints) isNews(text string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.told, func(_ string, at time.Time) bool { return now.Sub(at) >= complainAgain })
	if _, told := c.told[text]; told {
		return false
	}
	c.told[text] = now
	return true
}

// jittered keeps replicas from looking all at once.
func jittered(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2) //nolint:gosec // spread, not secrecy
}

// Reconcile does what is due now: openings that stopped half-way, writes that PagerDuty did not take, verifications,
// audits, closings. It is bounded, and safe in every replica at once. One record that fails never hides another.
func (s *Service) Reconcile(ctx context.Context) (Report, error) {
	var (
		round  sync.WaitGroup
		mu     sync.Mutex
		report Report
		faults []error
	)
	err := s.attendDue(ctx, &round, func(worked bool, err error) {
		mu.Lock()
		defer mu.Unlock()
		if worked {
			report.Due++
		}
		if err != nil {
			report.Failed++
			faults = append(faults, err)
		}
	})
	round.Wait()
	if waitErr := s.Wait(ctx); waitErr != nil {
		faults = append(faults, waitErr)
	}
	return report, errors.Join(append(faults, err)...)
}

// attendDue attends every record that is due and not attended already, each in a goroutine of the round.
func (s *Service) attendDue(ctx context.Context, round *sync.WaitGroup, done func(worked bool, err error)) error {
	if serve, err := s.lookAfter(ctx); !serve {
		return err
	}
	if s.sweeps.look(s.now()) {
		round.Go(func() { done(s.sweepDaily(ctx)) })
	}
	return s.due(ctx, s.now(), func(id string) {
		if !s.attending.enter(ctx, id) {
			return
		}
		round.Go(func() {
			defer s.attending.leave(id)
			worked, err := s.attend(ctx, id)
			done(worked, fail("reconcile", id, err))
		})
	})
}

// attending knows which records this process is attending.
type attending struct {
	places chan struct{}
	mu     sync.Mutex
	ids    map[string]bool
}

// enter waits for a place; false: the record is attended already, or ctx is done.
func (a *attending) enter(ctx context.Context, id string) bool {
	select {
	case a.places <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids[id] {
		<-a.places
		return false
	}
	a.ids[id] = true
	return true
}

func (a *attending) leave(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.ids, id)
	<-a.places
}

// due calls each for every incident whose record may be due by then.
func (s *Service) due(ctx context.Context, by time.Time, each func(id string)) error {
	after := ""
	for {
		keys, next, err := s.ledger.store.Due(ctx, s.ledger.prefix(), by, after, duePage)
		if err != nil {
			return errors.Join(ErrUnavailable, err)
		}
		for _, key := range keys {
			each(strings.TrimPrefix(key, s.ledger.prefix()+"/"))
		}
		if next == "" || ctx.Err() != nil {
			return ctx.Err()
		}
		after = next
	}
}

// attend does what one record is due for.
func (s *Service) attend(ctx context.Context, id string) (worked bool, err error) {
	defer caught(&err)
	e, err := s.ledger.read(ctx, id)
	if err != nil {
		return true, err
	}
	switch e.duty(s.now()) {
	case resumeIt:
		return true, s.resume(ctx, e)
	case finishIt:
		return true, s.finishDue(ctx, e)
	case ageIt:
		return true, s.age(ctx, e)
	case verifyIt:
		return true, s.verify(ctx, e)
	case auditIt:
		return true, s.audit(ctx, e)
	case freeIt:
		return true, s.bury(ctx, e)
	default:
		return false, nil
	}
}

// age ends a bridge that is too old.
func (s *Service) age(ctx context.Context, e entry) error {
	_, err := s.ledger.update(ctx, e.IncidentID, func(r *record) error {
		if r.State != StateAttached {
			return errUnchanged
		}
		r.closing(closeMaxAge, s.now(), 0)
		return nil
	})
	return err
}

// bury frees a record from a holder who died over it, where there is nothing to take up.
func (s *Service) bury(ctx context.Context, e entry) error {
	_, err := s.ledger.update(ctx, e.IncidentID, func(r *record) error {
		if r.Lease.Owner != e.Lease.Owner || r.leased(s.now()) {
			return errUnchanged
		}
		free(r)
		r.doubt(s.now())
		return nil
	})
	return err
}

// resume takes up an opening that stopped half-way, for whoever asked for it then. It works beside the round.
func (s *Service) resume(ctx context.Context, e entry) error {
	if s.flights.full() {
		return nil
	}
	_, _, err := s.flights.join(ctx, e.IncidentID, func(ctx context.Context, fl *flight) {
		o := s.opening(e, e.IncidentID, Request{}, fl)
		o.finishing = e.Nonce
		fl.bridge, fl.err = o.run(ctx)
		s.complain(ctx, fl.err)
	})
	return err
}

// finishDue ends a closing bridge, with the lease held so that one process does it.
func (s *Service) finishDue(ctx context.Context, e entry) error {
	o := s.opening(e, e.IncidentID, Request{}, nil)
	now := s.now()
	next := e.clone()
	next.Lease = lease{Owner: o.owner, Until: now.Add(leaseFor)}
	claimed, err := s.ledger.write(ctx, next, e.version)
	if errors.Is(err, errMoved) {
		return nil
	}
	if err != nil {
		return err
	}
	o.entry, o.extended = claimed, now
	err = o.finish(ctx)
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}
