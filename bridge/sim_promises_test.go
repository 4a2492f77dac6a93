package bridge_test

import (
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

const (
	maxSkew       = 5 * time.Second // between two processes' clocks
	toleratedSkew = 2 * time.Second // no work is done twice because of it
)

// promises are checked whenever something happens, before the recorder knows of it.
var promises = []simtest.Promise[*recorder]{
	simtest.On("no secret is told", noSecretIsTold),
	simtest.On("no call outlives the hard deadline", noCallOutlivesTheHardDeadline),

	// What callers are told.
	simtest.On("what a caller is told is in the ledger", whatACallerIsToldIsInTheLedger),
	simtest.On("callers get decided links only", callersGetDecidedLinksOnly),
	simtest.On("created is told once", createdIsToldOnce),
	simtest.On("attached is said only after PagerDuty took the link", attachedIsSaidOnlyAfterPagerDutyTookTheLink),
	simtest.On("one link per generation is answered", oneLinkPerGenerationIsAnswered),

	// The ledger.
	simtest.On("what is open is due", whatIsOpenIsDue),
	simtest.On("generations are counted up", generationsAreCountedUp),
	simtest.On("only triggers start generations", onlyTriggersStartGenerations),
	simtest.On("only a Replace starts a generation beside a bridge", onlyAReplaceStartsAGenerationBesideABridge),
	simtest.On("a Replace replaces the bridge that it found", aReplaceReplacesTheBridgeThatItFound),
	simtest.On("triggers from before the closing start nothing", triggersFromBeforeTheClosingStartNothing),
	simtest.On("a key starts one generation at most", aKeyStartsOneGenerationAtMost),
	simtest.On("a Replace that fails restores the previous bridge", aReplaceThatFailsRestoresThePreviousBridge),
	simtest.On("a decision never changes", aDecisionNeverChanges),
	simtest.On("only meetings made for the generation are decided", onlyMeetingsMadeForTheGenerationAreDecided),
	simtest.On("a resolve that was taken back closes nothing", aResolveThatWasTakenBackClosesNothing),
	simtest.On("no resolve ends the bridge of an open incident", noResolveEndsTheBridgeOfAnOpenIncident),
	simtest.On("no refusal ends a bridge that PagerDuty shows", noRefusalEndsABridgeThatPagerDutyShows),
	simtest.On("no trigger is given up before ten minutes", noTriggerIsGivenUpBeforeTenMinutes),
	simtest.On("external means that a human wrote a bridge", externalMeansThatAHumanWroteABridge),

	// Meetings.
	simtest.On("a create in doubt is looked for before another is sent", aCreateInDoubtIsLookedForBeforeAnotherIsSent),
	simtest.On("a create is over before its lease", aCreateIsOverBeforeItsLease),
	simtest.On("meetings of others are left alone", meetingsOfOthersAreLeftAlone),
	simtest.On("only what was decided against is removed", onlyWhatWasDecidedAgainstIsRemoved),
	simtest.On("the incident's bridge is not removed", theIncidentsBridgeIsNotRemoved),
	simtest.On("nobody is thrown out", nobodyIsThrownOut),

	// PagerDuty.
	simtest.On("one link per generation is written", oneLinkPerGenerationIsWritten),
	simtest.On("only decided links are written", onlyDecidedLinksAreWritten),
	simtest.On("a human's bridge is not overwritten", aHumansBridgeIsNotOverwritten),

	// Once everything has worked for a while.
	simtest.On("what is due gets done", whatIsDueGetsDone),
	simtest.On("no meeting of ours is left over", noMeetingOfOursIsLeftOver),
	simtest.On("an attached bridge has its meeting", anAttachedBridgeHasItsMeeting),
	simtest.On("the incident shows its bridge", theIncidentShowsItsBridge),
	simtest.On("no accepted trigger is forgotten", noAcceptedTriggerIsForgotten),
}

func noSecretIsTold(r *recorder, e said) error {
	if r.hasSecret(e.text) {
		return fmt.Errorf("%s: %s", e.where, e.text)
	}
	return nil
}

func noCallOutlivesTheHardDeadline(_ *recorder, e sentCall) error {
	if e.by == nil || e.by.end.IsZero() {
		return nil
	}
	if e.deadline.IsZero() || e.deadline.After(e.by.end) {
		return fmt.Errorf("%s may run for %v longer", e.op, e.deadline.Sub(e.by.end))
	}
	return nil
}

func whatACallerIsToldIsInTheLedger(r *recorder, e answered) error {
	if _, ok := e.incident(r).began[e.bridge.Generation]; !ok {
		return fmt.Errorf("%s was told of generation %d", e.by.Name, e.bridge.Generation)
	}
	return nil
}

func callersGetDecidedLinksOnly(r *recorder, e answered) error {
	if e.bridge.JoinURL == "" || e.bridge.Provider == "external" {
		return nil
	}
	decided, ok := e.incident(r).decided[e.bridge.Generation]
	if !ok || decided.JoinURL != e.bridge.JoinURL {
		return fmt.Errorf("%s got %s, decided is %q", e.by.Name, e.bridge.JoinURL, decided.JoinURL)
	}
	return nil
}

func createdIsToldOnce(r *recorder, e answered) error {
	if e.by.trigger != nil && e.bridge.Created && e.incident(r).made[e.bridge.Generation] > 0 {
		return fmt.Errorf("generation %d", e.bridge.Generation)
	}
	return nil
}

func attachedIsSaidOnlyAfterPagerDutyTookTheLink(r *recorder, e answered) error {
	taken := e.incident(r).written[e.bridge.Generation]
	if e.by.trigger != nil && e.bridge.State == bridge.StateAttached && taken != e.bridge.JoinURL {
		return fmt.Errorf("%s, and PagerDuty took %q", e.bridge.JoinURL, taken)
	}
	return nil
}

func oneLinkPerGenerationIsAnswered(r *recorder, e answered) error {
	other, ok := e.incident(r).answered[e.bridge.Generation]
	if e.by.trigger != nil && e.bridge.State == bridge.StateAttached && ok && other != e.bridge.JoinURL {
		return fmt.Errorf("%s and %s", e.bridge.JoinURL, other)
	}
	return nil
}

func whatIsOpenIsDue(_ *recorder, e committed) error {
	if e.now.isOpen() && e.due.IsZero() {
		return fmt.Errorf("%s is not", e.now.State)
	}
	return nil
}

func generationsAreCountedUp(_ *recorder, e committed) error {
	if e.now.Generation < e.before.Generation {
		return fmt.Errorf("%d after %d", e.now.Generation, e.before.Generation)
	}
	return nil
}

func onlyTriggersStartGenerations(_ *recorder, e committed) error {
	if e.starts() && e.by.trigger == nil {
		return fmt.Errorf("%s did", e.by.Name)
	}
	return nil
}

func onlyAReplaceStartsAGenerationBesideABridge(_ *recorder, e committed) error {
	if e.starts() && e.before.isReplaceable() && (e.by.trigger == nil || !e.by.trigger.replaces) {
		return fmt.Errorf("%s did, the record: %s", e.by.Name, e.before.summary())
	}
	return nil
}

func aReplaceReplacesTheBridgeThatItFound(_ *recorder, e committed) error {
	found := e.by.found
	if e.starts() && e.before.isReplaceable() && found != nil && found.Generation < e.before.Generation {
		return fmt.Errorf("%s came in generation %d, and replaces %d", e.by.Name, found.Generation, e.before.Generation)
	}
	return nil
}

func triggersFromBeforeTheClosingStartNothing(_ *recorder, e committed) error {
	if !e.starts() || e.by.trigger == nil || e.before.State != "closed" {
		return nil
	}
	// A little later than the closing by some process's clock may be a little before it
	// by another's.
	occurred := e.by.trigger.request.OccurredAt
	if !occurred.IsZero() && occurred.Before(e.before.LastClosedAt.Add(-maxSkew)) {
		return fmt.Errorf("%s began generation %d", e.by.Name, e.now.Generation)
	}
	return nil
}

func aKeyStartsOneGenerationAtMost(_ *recorder, e committed) error {
	seen, ok := e.incident.firstSeen[e.by.key()]
	if e.starts() && ok && seen < e.now.Generation {
		return fmt.Errorf("%s began %d, its key was seen in %d", e.by.Name, e.now.Generation, seen)
	}
	return nil
}

func aReplaceThatFailsRestoresThePreviousBridge(_ *recorder, e committed) error {
	if e.before.Previous.Decision == nil || e.now.Generation != e.before.Generation {
		return nil
	}
	gone := e.now.State == "failed" || e.now.State == "closed" && e.now.Decision == nil
	if gone || e.now.CloseReason == reasonRejected {
		return fmt.Errorf("%s writes %s", e.by.Name, e.now.summary())
	}
	return nil
}

func aDecisionNeverChanges(_ *recorder, e committed) error {
	decided, ok := e.incident.decided[e.now.Generation]
	if !ok || e.now.Decision == nil || e.now.Decision.Provider == "external" {
		return nil
	}
	if decided.JoinURL != e.now.Decision.JoinURL {
		return fmt.Errorf("generation %d had %s, has %s", e.now.Generation, decided.JoinURL, e.now.Decision.JoinURL)
	}
	return nil
}

func onlyMeetingsMadeForTheGenerationAreDecided(r *recorder, e committed) error {
	if !e.decides() || e.restores() || e.now.Decision.Provider != "zoom" {
		return nil
	}
	m := r.meetings[e.now.Decision.MeetingID]
	if m == nil || m.foreign || m.incident != e.incident.id || m.generation != e.now.Generation {
		return fmt.Errorf("generation %d takes %s", e.now.Generation, e.now.Decision.MeetingID)
	}
	return nil
}

func aResolveThatWasTakenBackClosesNothing(_ *recorder, e committed) error {
	if e.becomes("closing") && e.isForResolve() && !e.incident.allowed(isResolved, e.by.Began) {
		return fmt.Errorf("%s closes for one", e.by.Name)
	}
	return nil
}

func noResolveEndsTheBridgeOfAnOpenIncident(r *recorder, e committed) error {
	if !e.becomes("ending") || !e.isForResolve() || e.age() >= r.maxAge-maxSkew {
		return nil
	}
	if !e.incident.allowed(isResolved, e.by.Began) {
		return fmt.Errorf("%s ends it", e.by.Name)
	}
	return nil
}

func noRefusalEndsABridgeThatPagerDutyShows(_ *recorder, e committed) error {
	if !e.becomes("ending") || e.now.CloseReason != reasonRejected || e.now.Decision == nil {
		return nil
	}
	if e.incident.shown == e.now.Decision.JoinURL && e.incident.shownSince.Before(e.by.Began) {
		return fmt.Errorf("%s ends it", e.by.Name)
	}
	return nil
}

func noTriggerIsGivenUpBeforeTenMinutes(_ *recorder, e committed) error {
	if e.becomes("failed") && e.age() < 10*time.Minute-maxSkew {
		return fmt.Errorf("%s gave up after %v", e.by.Name, e.age())
	}
	return nil
}

func externalMeansThatAHumanWroteABridge(_ *recorder, e committed) error {
	i := e.incident
	if e.becomes("external") && i.human.url == "" && !i.allowed(hasHumansLink, e.by.knowsSince()) {
		return fmt.Errorf("%s writes so, and nobody did", e.by.Name)
	}
	return nil
}

func aCreateInDoubtIsLookedForBeforeAnotherIsSent(_ *recorder, e sentCreate) error {
	inDoubtSince, listed := e.by.inDoubtSince[e.what], e.by.looked["list "+e.host]
	if !inDoubtSince.Never() && listed.Before(inDoubtSince) {
		return fmt.Errorf("%s sends one for %s", e.by.Name, e.what)
	}
	return nil
}

// Nobody whose clock runs ahead a little could take the lease while the create is under
// way.
func aCreateIsOverBeforeItsLease(r *recorder, e sentCreate) error {
	i := r.incident(e.marker.incident)
	if i.leasedBy != e.by || i.now.Generation != e.marker.generation {
		return nil // it woke late: nothing can hold that back
	}
	until := i.now.Lease.Until
	if e.deadline.Add(e.by.program.skew + toleratedSkew).After(until.Add(time.Millisecond)) {
		return fmt.Errorf("%s has until %v", e.by.Name, e.deadline.Sub(until))
	}
	return nil
}

func meetingsOfOthersAreLeftAlone(r *recorder, e removedMeeting) error {
	if _, _, ok := e.ours(r); !ok {
		return fmt.Errorf("%s of meeting %s", e.op, e.id)
	}
	return nil
}

func onlyWhatWasDecidedAgainstIsRemoved(r *recorder, e removedMeeting) error {
	m, i, ok := e.ours(r)
	if !ok {
		return nil
	}
	now := i.now
	over := now.Generation > m.generation || now.State == "ending" || now.State == "closed" || now.State == "failed"
	lost := now.Generation == m.generation && now.Decision != nil && !now.Decision.is(e.id)
	if !over && !lost {
		return fmt.Errorf("%s of meeting %s of generation %d, the record: %s", e.op, e.id, m.generation, now.summary())
	}
	return nil
}

func theIncidentsBridgeIsNotRemoved(r *recorder, e removedMeeting) error {
	_, i, ok := e.ours(r)
	if !ok || !i.now.isOpen() {
		return nil
	}
	if i.now.Decision.is(e.id) && i.now.State != "ending" || i.now.Previous.Decision.is(e.id) {
		return fmt.Errorf("%s of meeting %s, the record: %s", e.op, e.id, i.now.summary())
	}
	return nil
}

func nobodyIsThrownOut(r *recorder, e removedMeeting) error {
	m, i, ok := e.ours(r)
	if !ok {
		return nil
	}
	look := i.looks[e.id]
	if own := e.by.looked["meeting "+e.id]; look.Before(own) {
		look = own
	}
	tooOld := time.Since(i.began[m.generation].At) >= r.maxAge-maxSkew
	for _, v := range m.inside {
		if look.Never() {
			return fmt.Errorf("%s of meeting %s without a look, %s is inside", e.op, e.id, v.name)
		}
		if v.since.Before(look) && !tooOld {
			return fmt.Errorf("%s of meeting %s, %s is inside", e.op, e.id, v.name)
		}
	}
	return nil
}

func oneLinkPerGenerationIsWritten(r *recorder, e wroteLink) error {
	generation := e.generation(r)
	if other, ok := e.incident.written[generation]; ok && other != e.link && !e.givesBack() {
		return fmt.Errorf("generation %d: %s and %s", generation, other, e.link)
	}
	return nil
}

func onlyDecidedLinksAreWritten(r *recorder, e wroteLink) error {
	generation := e.generation(r)
	if decided := e.incident.decided[generation].JoinURL; decided != e.link && !e.givesBack() {
		return fmt.Errorf("generation %d: %s, decided is %q", generation, e.link, decided)
	}
	return nil
}

// It gives way only if it was written after the last look: one create before a first
// write, one round trip before a later one.
func aHumansBridgeIsNotOverwritten(r *recorder, e wroteLink) error {
	human := e.incident.human
	if human.url == "" || e.givesBack() && human.url == e.link {
		return nil
	}
	look := e.seen
	if tr := e.by.trigger; look.Never() && tr != nil && !tr.snapshot.Never() && e.generation(r) == 1 &&
		e.by.Began.At.Sub(tr.snapshot.At) <= time.Minute+maxSkew {
		look = tr.snapshot
	}
	if look.Never() || human.since.Before(look) {
		return fmt.Errorf("%s wrote over %s", e.by.Name, human.url)
	}
	return nil
}

func whatIsDueGetsDone(r *recorder, e ended) error {
	if e.stillDue {
		return fmt.Errorf("something is still due after %d rounds", finalRounds)
	}
	for _, i := range r.incidents {
		switch i.now.State {
		case "", "attached", "closed", "failed", "external":
		default:
			return fmt.Errorf("%s: %s", i.id, i.now.summary())
		}
	}
	return nil
}

func noMeetingOfOursIsLeftOver(r *recorder, _ ended) error {
	for _, m := range r.remaining() {
		now := r.incident(m.incident).now
		if !m.foreign && !(now.State == "attached" && now.Decision.is(m.id)) {
			return fmt.Errorf("meeting %s of generation %d, the record: %s", m.id, m.generation, now.summary())
		}
	}
	return nil
}

func anAttachedBridgeHasItsMeeting(r *recorder, _ ended) error {
	for _, i := range r.incidents {
		if i.now.State != "attached" || i.now.Decision.Provider != "zoom" {
			continue
		}
		if m := r.meetings[i.now.Decision.MeetingID]; m == nil || m.gone {
			return fmt.Errorf("%s: %s", i.id, i.now.summary())
		}
	}
	return nil
}

func theIncidentShowsItsBridge(r *recorder, _ ended) error {
	for _, i := range r.incidents {
		if i.now.State != "attached" || !i.human.since.Never() || i.now.VerifyWrites >= 3 {
			continue
		}
		if shown := r.pd.Incident(i.id).Bridge.URL; shown != i.now.Decision.JoinURL {
			return fmt.Errorf("%s shows %s, the record: %s", i.id, r.linkName(shown), i.now.summary())
		}
	}
	return nil
}

func noAcceptedTriggerIsForgotten(r *recorder, _ ended) error {
	for _, i := range r.incidents {
		for _, by := range i.accepted {
			if i.now.State != "attached" && !r.needsNoBridge(i, by) {
				return fmt.Errorf("%s, and the record: %s", by.Name, i.now.summary())
			}
		}
	}
	return nil
}

// needsNoBridge reports whether there is a reason for a bridge that did not come about.
func (r *recorder) needsNoBridge(i *incident, by *actor) bool {
	for _, why := range []string{isResolved, closeRequested, wasRefused, hasHumansLink, isTooOld, wasGivenUp} {
		if i.allowed(why, by.Began) {
			return true
		}
	}
	return by.trigger.request.Requester == r.outsider // told `creating` before their role was known
}
