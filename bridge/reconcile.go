package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
)

const (
	runInterval = time.Second // how often Run looks for due work
	maxWorkers  = 32          // records processed side by side, in this process
)

// Report counts what Reconcile did.
type Report struct {
	Due    int // records that something was to be done about
	Failed int // of these, left for later because something failed
}

// Run does what is due, about every second and with jitter, until ctx ends; it returns
// ctx's error once what it began has ended too. Any number of replicas may run it at
// once.
func (s *Service) Run(ctx context.Context) error {
	var round sync.WaitGroup
	defer round.Wait()
	for {
		// What takes long in one round does not delay the next.
		err := s.processDue(ctx, &round, func(_ bool, err error) { s.logError(ctx, err) })
		s.logError(ctx, err)
		if err := sleep(ctx, jitter(runInterval)); err != nil {
			return err
		}
	}
}

// Reconcile does what is due now: openings that stopped half-way, writes that PagerDuty
// did not take, verifications, audits, closings. It is bounded, and safe in every replica
// at once. One record that fails never hides another; the error joins all that failed.
func (s *Service) Reconcile(ctx context.Context) (Report, error) {
	var (
		round  sync.WaitGroup
		mu     sync.Mutex
		report Report
		faults []error
	)
	err := s.processDue(ctx, &round, func(worked bool, err error) {
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

// processDue processes every record that is due and not processed already, each in a
// goroutine of the round.
func (s *Service) processDue(ctx context.Context, round *sync.WaitGroup, done func(worked bool, err error)) error {
	if serve, err := s.maintain(ctx); !serve {
		return err
	}
	if s.sweeps.due(s.cfg.now()) {
		round.Go(func() { done(s.sweepDaily(ctx)) })
	}
	return s.ledger.Due(ctx, s.cfg.now(), func(id string) {
		if !s.workers.acquire(ctx, id) {
			return
		}
		round.Go(func() {
			worked, opening, err := s.process(ctx, id)
			s.workers.release(id)
			if opening != nil {
				// It may take long, so it holds no place of the workers.
				select {
				case <-opening.done:
					err = unfinished(opening)
				case <-ctx.Done():
				}
			}
			done(worked, wrap("reconcile", id, err))
		})
	})
}

// process does what one record is due for. An opening is resumed beside it, and returned.
func (s *Service) process(ctx context.Context, id string) (worked bool, opening *sharedAttempt, err error) {
	defer recoverTo(&err)
	r, err := s.ledger.Read(ctx, id)
	if err != nil {
		return true, nil, inStep("read record", err)
	}
	switch r.Task(s.cfg.now()) {
	case ledger.TaskResume:
		opening, _, err = s.resume(ctx, r)
		return true, opening, err
	case ledger.TaskClose:
		return true, nil, s.closeDue(ctx, r)
	case ledger.TaskExpire:
		return true, nil, s.expire(ctx, r)
	case ledger.TaskVerify:
		return true, nil, s.verify(ctx, r)
	case ledger.TaskAudit:
		return true, nil, s.audit(ctx, r)
	case ledger.TaskUnlock:
		return true, nil, s.unlockOrphan(ctx, r)
	case ledger.TaskNone:
	}
	return false, nil, nil
}

// resume continues an opening that stopped half-way, for the requester that asked for it.
// It is not started when a caller works on the incident already, or callers need the
// places.
func (s *Service) resume(ctx context.Context, r *ledger.Record) (opening *sharedAttempt, started bool, err error) {
	if s.inFlight.halfFull() {
		return nil, false, nil
	}
	shared, started, err := s.inFlight.do(ctx, r.IncidentID, func(ctx context.Context, shared *sharedAttempt) {
		a := s.newAttempt(r, Request{}, shared)
		a.onlyGeneration = r.Nonce
		shared.bridge, shared.err = a.run(ctx)
	})
	if err != nil || !started {
		return nil, false, err
	}
	return shared, true, nil
}

// unfinished is why a resumed opening that ended will be tried again, or nil.
func unfinished(opening *sharedAttempt) error {
	b, err := opening.bridge, opening.err
	switch {
	case err != nil && isRefusal(err):
		return nil
	case err == nil && b.State == StateCreated:
		return inStep("publish", fmt.Errorf("%w: %s", ErrIncidents, strings.Join(b.Warnings, "; ")))
	default:
		return err
	}
}

// expire ends a bridge that is too old.
func (s *Service) expire(ctx context.Context, r *ledger.Record) error {
	_, err := s.ledger.Update(ctx, r.IncidentID, func(r *ledger.Record) bool {
		if r.Task(s.cfg.now()) != ledger.TaskExpire {
			return false // it was closed or replaced since
		}
		r.StartClosing(ledger.CloseMaxAge, s.cfg.now(), 0)
		return true
	})
	return err
}

// unlockOrphan clears the lease of a crashed process from a record that needs no further
// work.
func (s *Service) unlockOrphan(ctx context.Context, orphan *ledger.Record) error {
	_, err := s.ledger.Update(ctx, orphan.IncidentID, func(r *ledger.Record) bool {
		if r.Lease.Owner != orphan.Lease.Owner || r.Leased(s.cfg.now()) {
			return false
		}
		r.ReleaseLease()
		r.ScheduleAuditAndVerify(s.cfg.now())
		return true
	})
	return err
}

// workers are the records that this process is working on.
type workers struct {
	slots chan struct{}
	mu    sync.Mutex
	ids   map[string]bool
}

// acquire waits for a place and reports whether there is one: not if the record is worked
// on already, or ctx is done.
func (w *workers) acquire(ctx context.Context, id string) bool {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ids[id] {
		<-w.slots
		return false
	}
	w.ids[id] = true
	return true
}

func (w *workers) release(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ids, id)
	<-w.slots
}

// interval limits an action to once per period in this process.
type interval struct {
	period time.Duration

	mu   sync.Mutex
	next time.Time
}

func (i *interval) due(now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Before(i.next) {
		return false
	}
	i.next = now.Add(i.period)
	return true
}

func (s *Service) logError(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil || !s.errors.first(err.Error(), s.cfg.now()) {
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		s.cfg.logger.WarnContext(ctx, "reconcile failed", "error", err)
		return
	}
	s.cfg.logger.WarnContext(ctx, "reconcile failed", "incident_id", e.IncidentID, "step", e.Step, "error", err)
}

// dedupPeriod is how often an error that stays, such as an unreadable record, is logged.
const dedupPeriod = time.Minute

// errorDedup suppresses repeats of the same error for a minute.
type errorDedup struct {
	mu         sync.Mutex
	lastLogged map[string]time.Time
}

// first reports whether the text was not logged within the period.
func (d *errorDedup) first(text string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.lastLogged, func(_ string, at time.Time) bool { return now.Sub(at) >= dedupPeriod })
	if _, logged := d.lastLogged[text]; logged {
		return false
	}
	d.lastLogged[text] = now
	return true
}

// jitter keeps replicas from looking all at once.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2) //nolint:gosec // spread, not secrecy
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
