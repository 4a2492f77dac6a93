package bridge_test

import (
	"maps"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// event is something that happened in a run. Its keep changes what the recorder knows,
// after the promises were checked.
type event interface{ keep(r *recorder) }

// said is a text that a Service writes somewhere.
type said struct{ where, text string }

func (said) keep(*recorder) {}

// sentCall is a call that leaves a process.
type sentCall struct {
	by       *actor // nil: nobody in particular
	op       string
	deadline time.Time // zero: none
}

func (sentCall) keep(*recorder) {}

// sentCreate is a create that leaves a process.
type sentCreate struct {
	by       *actor
	host     string
	what     string // generation and host
	marker   markerText
	deadline time.Time
}

func (sentCreate) keep(*recorder) {}

// answered is a bridge that a caller got.
type answered struct {
	by     *actor
	bridge *bridge.Bridge
}

func (e answered) incident(r *recorder) *incident { return r.incident(e.by.incident) }

func (e answered) keep(r *recorder) {
	if e.by.trigger == nil {
		return
	}
	i, b := e.incident(r), e.bridge
	if b.Created {
		i.made[b.Generation]++
	}
	if b.State == bridge.StateCreating || b.State == bridge.StateCreated || b.State == bridge.StateAttached {
		i.accepted = append(i.accepted, e.by)
	}
	if b.State != bridge.StateAttached {
		return
	}
	if !e.by.Faulted() && e.by.trigger.request.OccurredAt.IsZero() {
		i.see(e.by.key(), b.Generation)
	}
	i.answered[b.Generation] = b.JoinURL
}

// committed is a record that was written to the ledger.
type committed struct {
	by          *actor
	incident    *incident
	before, now recordView
	due         time.Time
	at          simtest.Moment
}

// becomes reports whether the record was not in that state before.
func (e committed) becomes(state string) bool { return e.now.State == state && e.before.State != state }

// isForResolve reports whether the incident's resolve is the reason of a closing.
func (e committed) isForResolve() bool { return e.now.CloseReason == string(bridge.CloseResolved) }

// restores reports whether the bridge that was to be replaced is the incident's again.
func (e committed) restores() bool { return e.before.Previous.Decision.equal(e.now.Decision) }

// starts reports whether it is the first write of a generation, other than to restore the
// previous bridge.
func (e committed) starts() bool { return e.now.Generation > e.before.Generation && !e.restores() }

// age is how long ago the generation began.
func (e committed) age() time.Duration {
	if e.now.Generation > e.before.Generation {
		return 0
	}
	return time.Since(e.incident.began[e.now.Generation].At)
}

// decides reports whether it is the first write with a link of ours for its generation.
func (e committed) decides() bool {
	_, decided := e.incident.decided[e.now.Generation]
	return e.now.Decision != nil && e.now.Decision.Provider != "external" && !decided
}

func (e committed) keep(*recorder) {
	i, now := e.incident, e.now
	i.now = now
	if now.Lease != e.before.Lease {
		i.leasedBy = e.by
	}
	if now.Generation > e.before.Generation {
		i.began[now.Generation] = e.at
	}
	e.keepKey()
	if e.decides() {
		i.decided[now.Generation] = *now.Decision
		if e.restores() {
			e.keepWritten()
		}
	}
	e.keepAllowances()
	if e.becomes("ending") && now.Decision != nil {
		i.looks[now.Decision.MeetingID] = e.by.looked["meeting "+now.Decision.MeetingID]
	}
}

func (e committed) keepKey() {
	i, now, key := e.incident, e.now, e.by.key()
	switch {
	case now.State == "failed", now.State == "closed" && now.CloseReason == reasonFault:
		// Nobody was served: the next delivery is as good as the first.
		maps.DeleteFunc(i.firstSeen, func(k string, g int) bool {
			return g == now.Generation && (k == key || now.State == "failed")
		})
	case now.State == "creating", now.State == "created", now.State == "attached":
		i.see(key, now.Generation)
	}
}

// keepWritten lets a bridge that is restored count as written where it was before.
func (e committed) keepWritten() {
	for g := range e.incident.decided {
		if e.incident.written[g] == e.now.Decision.JoinURL {
			e.incident.written[e.now.Generation] = e.now.Decision.JoinURL
		}
	}
}

func (e committed) keepAllowances() {
	i, now := e.incident, e.now
	if requested := string(bridge.CloseRequested); now.CloseRequested == requested || now.CloseReason == requested {
		i.allowUntil(e.at, closeRequested) // which may have landed late
	}
	switch {
	case e.becomes("closing") && now.CloseReason == reasonMaxAge:
		i.allowUntil(e.at, isTooOld)
	case e.becomes("closing") && now.CloseReason == reasonRejected:
		i.allowUntil(e.at, wasRefused)
	case e.becomes("failed"):
		i.allowUntil(e.at, wasGivenUp)
	}
}

// removedMeeting is a meeting that Zoom has ended or deleted.
type removedMeeting struct {
	by     *actor
	op, id string
}

// ours is the meeting, if it is ours, and its incident.
func (e removedMeeting) ours(r *recorder) (*meeting, *incident, bool) {
	m := r.meetings[e.id]
	if m == nil || m.foreign {
		return nil, nil, false
	}
	return m, r.incident(m.incident), true
}

func (e removedMeeting) keep(r *recorder) {
	if m, _, ok := e.ours(r); ok {
		m.inside = nil
		m.gone = m.gone || e.op == "delete"
	}
}

// wroteLink is a link that PagerDuty took.
type wroteLink struct {
	by       *actor
	seen     simtest.Moment // when its sender had last seen the incident
	incident *incident
	link     string
}

// generation is the one that the link belongs to.
func (e wroteLink) generation(r *recorder) int {
	if m := r.meetingOf(e.link); m != nil {
		return m.generation
	}
	return e.incident.now.Generation
}

// givesBack reports whether it is the link of a human, who gets it back.
func (e wroteLink) givesBack() bool {
	now := e.incident.now
	return now.State == "external" && now.Decision.JoinURL == e.link
}

func (e wroteLink) keep(r *recorder) {
	i, now := e.incident, r.sim.Now()
	if e.givesBack() {
		i.human, i.shown = humanEdit{url: e.link, since: now}, e.link // a late write of ours gives way to it again
		i.allow(hasHumansLink)
		return
	}
	i.written[e.generation(r)] = e.link
	for g, decided := range i.decided {
		if decided.JoinURL == e.link {
			i.written[g] = e.link // also where it was restored
		}
	}
	if i.shown != e.link {
		i.shown, i.shownSince = e.link, now
		i.news = append(i.news, newsItem{kind: "updated", link: bridge.Link{URL: e.link}})
	}
	i.human = humanEdit{}
	i.disallow(hasHumansLink, now)
}

// ended is the end of a run, in which everything has worked for a while.
type ended struct{ stillDue bool }

func (ended) keep(*recorder) {}
