package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge/internal/ledger"
	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

const (
	createBudget  = 6 * time.Second
	minCreateTime = 2 * time.Second // less is too little to begin a create before a hard deadline
	findBudget    = 4 * time.Second
	slowFailure   = 2 * time.Second // a provider that fails so slowly is not asked under another host
)

// Both leave the meeting to the next attempt: the provider did not fail, so there is no reason
// to fall back. At a hard deadline the caller is told that the opening continues.
var (
	errTooLittleTime = fmt.Errorf("%w: too little time is left to create a meeting", ErrUnavailable)
	errHardDeadline  = fmt.Errorf("%w: the process ends too soon to create a meeting", ErrUnavailable)
)

// created is a meeting that was made, or found, for the generation.
type created struct {
	provider Provider
	meeting  *Meeting
	faults   []error // of the providers that were asked before
}

// createMeeting asks one provider after the other until one makes a meeting. When none
// can, the opening is left to the ledger.
func (a *attempt) createMeeting(ctx context.Context, incident *Incident, email string) (created, error) {
	providers := a.svc.providers
	// Before a hard deadline the meeting is left to the next attempt, and no fallback is
	// used.
	if _, ok := detachctx.End(ctx); ok && !isInstant(providers[0]) && !canFinishCreate(ctx) {
		return created{}, a.scheduleRetry(ctx, errHardDeadline, false)
	}
	id, err := a.svc.ledger.Identity(ctx)
	if err != nil {
		return created{}, a.scheduleRetry(ctx, err, false)
	}
	marker := ledger.Marker{Ledger: id, Incident: a.id, Generation: a.record.Generation, Nonce: a.record.Nonce}
	spec := MeetingSpec{
		Topic: topic(a.svc.cfg.topic, incident),
		// The marker leads: a list shows the first 250 characters only.
		Agenda: marker.String() + "\nConference bridge of PagerDuty incident " + incident.ID + ".",
		Start:  a.svc.cfg.now(), Recording: a.svc.cfg.recording, DialIn: a.svc.cfg.dialIn,
	}
	var faults []error
	permanent := true
	for i, p := range providers {
		last := i == len(providers)-1
		meeting, err := a.tryProvider(ctx, p, p.Hosts(email), marker, spec, last)
		if err == nil {
			return created{provider: p, meeting: meeting, faults: faults}, nil //mutant:publish-before-decide
		}
		if errors.Is(err, ledger.ErrConflict) {
			return created{}, err
		}
		if err := a.svc.uninstalledError(ctx, err); err != nil {
			return created{}, a.abort(ctx, ledger.CloseFault, err)
		}
		faults = append(faults, err)
		permanent = permanent && isPermanent(err)
		next := ""
		if !last {
			next = providers[i+1].Name()
		}
		a.svc.cfg.logger.WarnContext(ctx, "provider failed", "incident_id", a.id, "provider", p.Name(),
			"next", next, "error", err)
		if ctx.Err() != nil || errors.Is(err, ErrUnavailable) {
			permanent = permanent && last // the others were not asked
			break
		}
	}
	return created{}, a.scheduleRetry(ctx, errors.Join(faults...), permanent)
}

// tryProvider makes a meeting at one provider, under the first host that can. The last
// provider gets a second round: a caller would rather wait a second than come back.
func (a *attempt) tryProvider(
	ctx context.Context, p Provider, hosts []string, marker ledger.Marker, spec MeetingSpec, last bool,
) (*Meeting, error) {
	// What an earlier holder may have made is looked for at every host before anything
	// new is made.
	for _, site := range a.record.CreateSites {
		if site.Provider != p.Name() || !a.mayHaveCreated(site) || slices.Contains(hosts, site.Host) {
			continue
		}
		meeting, found, err := a.find(ctx, p, site.Host, marker, spec)
		if found {
			return meeting, nil
		}
		a.known.createInDoubt = a.known.createInDoubt || err != nil
	}
	for {
		var faults []error
		for _, host := range hosts {
			began := time.Now()
			meeting, err := a.createOrAdopt(ctx, p, host, marker, spec)
			if err == nil || isFinal(err) {
				return meeting, err
			}
			faults = append(faults, err)
			if ctx.Err() != nil || errors.Is(err, ErrInDoubt) && time.Since(began) > slowFailure {
				break
			}
		}
		err := errors.Join(faults...)
		if !last || errors.Is(err, ErrRateLimited) || !a.enoughTime(ctx, p) || sleep(ctx, time.Second) != nil {
			return nil, err
		}
		last = false
	}
}

// createOrAdopt makes a meeting under one host, unless one that was made before is found
// there.
func (a *attempt) createOrAdopt(
	ctx context.Context, p Provider, host string, marker ledger.Marker, spec MeetingSpec,
) (*Meeting, error) {
	site := ledger.CreateSite{Provider: p.Name(), Host: host, Generation: a.record.Generation}
	if a.mayHaveCreated(site) {
		meeting, found, err := a.find(ctx, p, host, marker, spec)
		if found {
			return meeting, nil
		}
		if err != nil { // whether there is one is unknown: another host, or the fallback
			a.known.createInDoubt = true
			return nil, err
		}
	}
	// The site is recorded before the create is sent, and the lease outlives it.
	if slices.Contains(a.record.CreateSites, site) {
		if err := a.renewLease(ctx, createBudget); err != nil {
			return nil, err
		}
	} else if err := a.update(ctx, func(r *ledger.Record) { r.CreateSites = append(r.CreateSites, site) }); err != nil {
		return nil, err
	}
	if a.alreadyDecided() {
		return nil, a.yieldToWinner(ctx)
	}
	if !a.enoughTime(ctx, p) {
		if len(a.known.createdAt) == 0 {
			return nil, errTooLittleTime
		}
		return nil, fmt.Errorf("%w: too little time is left for another host", ErrProvider)
	}
	a.known.createdAt = append(a.known.createdAt, site)
	createCtx, cancel := context.WithTimeout(ctx, createBudget)
	defer cancel()
	meeting, err := p.Create(createCtx, host, spec)
	if err == nil || !errors.Is(err, ErrInDoubt) {
		return meeting, err
	}
	a.known.createInDoubt = true
	if err := a.update(ctx, func(r *ledger.Record) { r.ScheduleAudit(a.svc.cfg.now()) }); err != nil {
		return nil, err
	}
	if a.alreadyDecided() {
		return nil, a.yieldToWinner(ctx)
	}
	if meeting, found, _ := a.find(ctx, p, host, marker, spec); found {
		return meeting, nil
	}
	return nil, err
}

// mayHaveCreated reports whether a create of this generation may have been sent there
// before.
func (a *attempt) mayHaveCreated(site ledger.CreateSite) bool {
	if site.Generation != a.record.Generation {
		return false
	}
	if a.known.newGeneration {
		return slices.Contains(a.known.createdAt, site)
	}
	return slices.Contains(a.record.CreateSites, site)
}

// find looks under a host for the meeting that carries this generation's marker. Listed
// meetings are read again, since lists may be stale. A failed list is an error, not "no
// meeting found".
func (a *attempt) find(
	ctx context.Context, p Provider, host string, marker ledger.Marker, spec MeetingSpec,
) (_ *Meeting, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, findBudget)
	defer cancel()
	for listed, err := range p.Meetings(ctx, host) {
		if err != nil {
			return nil, false, fmt.Errorf("look for a meeting created before: %w", err)
		}
		m, ok := ledger.ParseMarker(listed.Agenda)
		if !ok ||
			m.Ledger != marker.Ledger || //mutant:adopt-ledger
			m.Incident != marker.Incident || //mutant:adopt-incident
			m.Generation != marker.Generation || //mutant:adopt-generation
			m.Nonce != marker.Nonce { //mutant:adopt-nonce
			continue
		}
		meeting, err := p.Meeting(ctx, listed.ID, spec)
		if errors.Is(err, ErrGone) {
			continue
		}
		if err != nil {
			return nil, false, fmt.Errorf("read a meeting created before: %w", err)
		}
		meeting.Host = host
		a.known.adopted = true
		return meeting, true, nil
	}
	return nil, false, nil
}

// isPermanent reports whether no retry can succeed: somebody has to mend the app.
func isPermanent(err error) bool {
	return errors.Is(err, ErrPermanent) || errors.Is(err, ErrNotInstalled) || errors.Is(err, ErrReauthorize)
}

// isFinal reports whether another host, or a second round, would fare no better.
func isFinal(err error) bool {
	return errors.Is(err, ledger.ErrConflict) || errors.Is(err, ErrUnavailable) || isPermanent(err)
}

// fallbackWarning tells people why this is not the usual meeting.
func fallbackWarning(p Provider, faults []error) string {
	return truncate(userMessage(errors.Join(faults...))+"; the fallback "+p.Name()+" is used", 500)
}

// enoughTime reports whether lease and context leave time to create a meeting. A provider
// that answers at once needs none.
func (a *attempt) enoughTime(ctx context.Context, p Provider) bool {
	return isInstant(p) || a.leaseLeft() >= createBudget && canFinishCreate(ctx)
}

func isInstant(p Provider) bool {
	i, ok := p.(Instant)
	return ok && i.Instant()
}

// canFinishCreate reports whether there is time to begin a create: all that it may take,
// or else, before a hard deadline, what it mostly takes.
func canFinishCreate(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	if !ok {
		return true
	}
	need := createBudget
	if _, ok := detachctx.End(ctx); ok {
		need = minCreateTime
	}
	return time.Until(deadline) >= need
}
