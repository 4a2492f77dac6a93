package bridge_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// mostSkew is how far apart two processes' clocks are, at most.
const mostSkew = 5 * time.Second

// broke notes a promise that was broken.
func (s *simulation) broke(promise, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies = append(s.lies, promise+": "+fmt.Sprintf(format, args...))
}

// heard looks for secrets in what the Service says.
func (s *simulation) heard(where, text string) {
	for _, secret := range s.secrets {
		if strings.Contains(text, secret) {
			s.broke("no secret is told", "%s: %s", where, text)
		}
	}
}

// opened hears what a trigger was answered.
func (s *simulation) opened(a *actor, b *bridge.Bridge, err error) {
	s.tell("%s is told: %s", a.name, bridgeText(b, err))
	s.toldOf(a, err)
	i := s.incident(a.incident)
	if err != nil {
		if kept(err) {
			i.owed = append(i.owed, debt{by: a, since: a.began})
		}
		return
	}
	s.told(a, i, b)
	if b.Created {
		i.made[b.Generation]++
		if i.made[b.Generation] > 1 {
			s.broke("Created is told once", "generation %d", b.Generation)
		}
	}
	if b.State == bridge.StateCreating || b.State == bridge.StateCreated || b.State == bridge.StateAttached {
		i.owed = append(i.owed, debt{by: a, since: a.began})
	}
	if b.State != bridge.StateAttached {
		return
	}
	if !a.hurt && a.trigger.request.OccurredAt.IsZero() {
		i.see(a.key(), b.Generation)
	}
	// A bridge that is said to be attached had been taken by PagerDuty.
	if i.written[b.Generation] != b.JoinURL {
		s.broke("attached is said only after PagerDuty took it", "%s, and PagerDuty took %q", b.JoinURL, i.written[b.Generation])
	}
	if other := i.answered[b.Generation]; other != "" && other != b.JoinURL {
		s.broke("one link per generation is answered", "%s and %s", other, b.JoinURL)
	}
	i.answered[b.Generation] = b.JoinURL
}

func (s *simulation) closed(a *actor, b *bridge.Bridge, err error) {
	s.tell("%s is told: %s", a.name, bridgeText(b, err))
	s.toldOf(a, err)
	if err == nil {
		s.told(a, s.incident(a.incident), b)
	}
}

func (s *simulation) did(a *actor, err error) {
	s.tell("%s is done: %s", a.name, kindOf(err))
	s.toldOf(a, err)
}

func (s *simulation) toldOf(a *actor, err error) {
	if err == nil {
		return
	}
	s.heard("an error of "+a.name, err.Error())
	if !errors.Is(err, bridge.ErrNotFound) {
		s.untold(a)
	}
}

// untold leaves an event that was not taken to be sent again.
func (s *simulation) untold(a *actor) {
	if a.news != nil {
		i := s.incident(a.incident)
		i.news = append(i.news, *a.news)
	}
}

// told checks a bridge that a caller got: it is in the ledger, and its link is decided.
func (s *simulation) told(a *actor, i *incident, b *bridge.Bridge) {
	for _, w := range b.Warnings {
		s.heard("a warning", w)
	}
	if _, ok := i.opened[b.Generation]; !ok {
		s.broke("what a caller is told is in the ledger", "%s was told of generation %d", a.name, b.Generation)
	}
	if b.JoinURL == "" || b.Provider == "external" {
		return
	}
	if decided, ok := i.decided[b.Generation]; !ok || decided.JoinURL != b.JoinURL {
		s.broke("a caller gets the decided link only", "%s got %s, decided is %q", a.name, b.JoinURL, decided.JoinURL)
	}
}

// committed looks at everything that is written to the ledger.
func (s *simulation) committed(by *actor, p sheet, due time.Time) {
	i := s.incident(p.IncidentID)
	before, now := i.now, s.moment()
	s.mu.Lock()
	i.now = p
	if p.Lease != before.Lease {
		i.leasedBy = by
	}
	s.mu.Unlock()
	when := "never"
	if !due.IsZero() {
		when = time.Until(due).Round(time.Millisecond).String()
	}
	s.tell("%s writes %s, due in %s", by.name, p.summary(), when)
	if p.isOpen() && due.IsZero() {
		s.broke("whatever is open is due", "%s is not", p.State)
	}
	if p.Generation < before.Generation {
		s.broke("generations are counted up", "%d after %d", p.Generation, before.Generation)
	}
	if p.Generation > before.Generation {
		s.began(by, i, before, p)
	}
	stands := before.Standing.Call != nil && p.Generation == before.Generation
	if stands && (p.State == "failed" || p.State == "closed" && p.Call == nil || p.Reason == "rejected") {
		s.broke("what stands stands again when nothing comes of replacing it", "%s writes %s", by.name, p.summary())
	}
	switch key := by.key(); {
	case p.State == "failed", p.State == "closed" && p.Reason == "fault":
		// Nobody was served: the next delivery is as good as the first.
		maps.DeleteFunc(i.firstSeen, func(k string, g int) bool { return g == p.Generation && (k == key || p.State == "failed") })
	case p.State == "creating", p.State == "created", p.State == "attached":
		i.see(key, p.Generation)
	}
	s.decision(i, before, p)
	if requested := string(bridge.CloseRequested); p.CloseAsk == requested || p.Reason == requested {
		i.excuse("close asked for").to = now // which may have landed late
	}
	if p.State == before.State {
		return
	}
	switch p.State {
	case "closing":
		switch p.Reason {
		case "max_age":
			i.excuse("too old").to = now
		case "rejected":
			i.excuse("refused").to = now
		}
		if p.Reason == string(bridge.CloseResolved) && !i.was("resolved", by.began) {
			s.broke("a resolve that was taken back closes nothing", "%s closes for one", by.name)
		}
	case "ending":
		s.pointOfNoReturn(by, i, p)
	case "failed":
		i.excuse("given up").to = now
		if tried := time.Since(i.opened[p.Generation].at); tried < 10*time.Minute-mostSkew {
			s.broke("a trigger is not given up before ten minutes", "%s gave up after %v", by.name, tried)
		}
	case "external":
		if since := by.seenSince(); i.human.url == "" && !i.was("a human's bridge", since) {
			s.broke("external means that a human wrote a bridge", "%s, and nobody did", by.name)
		}
	}
}

// seenSince is when an actor may have learned the oldest thing it knows of an incident.
func (a *actor) seenSince() moment {
	if a.trigger != nil && !a.trigger.snapshot.never() {
		return a.trigger.snapshot
	}
	return a.began
}

// met notes what somebody found when they came.
func (s *simulation) met(by *actor, found sheet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if by.met == nil && found.IncidentID != "" {
		by.met = &found
	}
}

// began checks that this trigger may start a generation.
func (s *simulation) began(by *actor, i *incident, before, p sheet) {
	i.opened[p.Generation] = s.moment()
	if stands := before.Standing.Call; stands != nil && p.Call != nil && *p.Call == *stands {
		return // nothing came of replacing it
	}
	if before.stands() && (by.trigger == nil || !by.trigger.replaces) {
		s.broke("only a Replace begins a generation where a bridge stands", "%s did, the record: %s", by.name, before.summary())
		return
	}
	if by.trigger == nil {
		s.broke("only a trigger starts a generation", "%s did", by.name)
		return
	}
	if before.stands() && by.met != nil && by.met.Generation < before.Generation {
		s.broke("a Replace replaces what stood when it came", "%s came in generation %d, and replaces %d",
			by.name, by.met.Generation, before.Generation)
	}
	req, key := by.trigger.request, by.key()
	// A little later than the closing by some process's clock may be a little before it by another's.
	if !req.OccurredAt.IsZero() && before.State == "closed" && req.OccurredAt.Before(before.OverAt.Add(-mostSkew)) {
		s.broke("a trigger from before the closing starts nothing", "%s began generation %d", by.name, p.Generation)
	}
	if seen, ok := i.firstSeen[key]; ok && seen < p.Generation {
		s.broke("a key starts one generation at most", "%s began %d, its key was seen in %d", by.name, p.Generation, seen)
	}
}

// sentCreate checks that a create is over before anybody whose clock goes ahead a little could take its lease, and that
// one in doubt was looked for.
func (s *simulation) sentCreate(c *call, host string, body []byte) {
	m, _ := readMarker(string(body))
	i := s.incident(m.incident)
	c.about = fmt.Sprintf("generation %d at %s", m.generation, host)
	s.mu.Lock()
	p, leasedBy := i.now, i.leasedBy
	doubted, listed := c.by.doubted[c.about], c.by.looked["list "+host]
	s.mu.Unlock()
	if !doubted.never() && listed.before(doubted) {
		s.broke("a create in doubt is looked for before another is sent there", "%s sends one for %s", c.by.name, c.about)
	}
	if leasedBy != c.by || p.Generation != m.generation {
		return // it woke late: nothing can hold that back
	}
	deadline, _ := c.ctx.Deadline()
	if deadline.Add(c.by.program.skew + aheadAtMost).After(p.Lease.Until.Add(time.Millisecond)) {
		s.broke("a create is over before its lease", "%s has until %v", c.by.name, deadline.Sub(p.Lease.Until))
	}
}

// aheadAtMost is what clocks may differ without any work being done twice.
const aheadAtMost = 2 * time.Second

// decision checks that what is decided stays, and is ours.
func (s *simulation) decision(i *incident, before, p sheet) {
	if p.Call == nil || p.Call.Provider == "external" {
		return
	}
	if decided, ok := i.decided[p.Generation]; ok {
		if decided.JoinURL != p.Call.JoinURL {
			s.broke("a decision never changes", "generation %d had %s, has %s", p.Generation, decided.JoinURL, p.Call.JoinURL)
		}
		return
	}
	i.decided[p.Generation] = *p.Call
	if stands := before.Standing.Call; stands != nil && *stands == *p.Call {
		for g := range i.decided {
			if i.written[g] == p.Call.JoinURL {
				i.written[p.Generation] = p.Call.JoinURL
			}
		}
		return // nothing came of replacing it
	}
	if p.Call.Provider != "zoom" {
		return
	}
	m := s.meetings[p.Call.MeetingID]
	if m == nil || m.foreign || m.incident != i.id || m.generation != p.Generation {
		s.broke("only a meeting made for this generation is decided", "generation %d takes %s", p.Generation, p.Call.MeetingID)
	}
}

// pointOfNoReturn checks that a bridge may end.
func (s *simulation) pointOfNoReturn(by *actor, i *incident, p sheet) {
	if p.Call != nil {
		i.looks[p.Call.MeetingID] = by.looked["meeting "+p.Call.MeetingID]
	}
	tooOld := time.Since(i.opened[p.Generation].at) >= s.family.longestCall()-mostSkew
	if p.Reason == string(bridge.CloseResolved) && !i.was("resolved", by.began) && !tooOld {
		s.broke("a bridge of an open incident is not ended for a resolve", "%s ends it", by.name)
	}
	if p.Reason == "rejected" && p.Call != nil && i.shown == p.Call.JoinURL && i.shownSince.before(by.began) {
		s.broke("a bridge that PagerDuty shows is not ended for a refusal", "%s ends it", by.name)
	}
}

// happened looks at every request that a vendor processed.
func (s *simulation) happened(c *call, op, key string, body []byte, answer wireAnswer) {
	if op == "list" && answer.status == http.StatusNotFound {
		answer.status = http.StatusOK // there is no such host, so nothing of ours either
	}
	if answer.status/100 != 2 {
		return
	}
	switch op {
	case "create":
		s.made(answer.body)
	case "get":
		c.look = "meeting " + key
	case "list":
		host, _, _ := strings.Cut(key, " ")
		c.look = "list " + host
	case "end", "delete":
		s.removed(c.by, op, key)
	case "get_incident":
		c.look = s.incident(key).id
	case "update_incident":
		s.written(c, s.incident(key), sentBridge(body))
	case "add_note":
		s.heard("a note", string(body))
	}
}

func (s *simulation) made(body []byte) {
	m := readMeeting(body)
	s.meetings[m.id] = m
	s.tell("meeting %s is made for generation %d of %s", m.id, m.generation, m.incident)
}

// removed checks that a meeting may be ended or deleted.
func (s *simulation) removed(by *actor, op, id string) {
	m := s.meetings[id]
	if m == nil || m.foreign {
		s.broke("what is not ours is left alone", "%s of meeting %s", op, id)
		return
	}
	i := s.incident(m.incident)
	p := i.now
	over := p.Generation > m.generation || p.State == "ending" || p.State == "closed" || p.State == "failed"
	if !over && !(p.Generation == m.generation && p.Call != nil && !p.holds(id)) {
		s.broke("nothing is removed that the record has not decided against",
			"%s of meeting %s of generation %d, the record: %s", op, id, m.generation, p.summary())
	}
	if p.holds(id) && p.isOpen() && p.State != "ending" || p.Standing.Call.is(id) && p.isOpen() {
		s.broke("what stands is not removed", "%s of meeting %s, the record: %s", op, id, p.summary())
	}
	look := i.looks[id]
	if own := by.looked["meeting "+id]; look.before(own) {
		look = own
	}
	for _, who := range m.inside {
		if who.since.before(look) && time.Since(i.opened[m.generation].at) < s.family.longestCall()-mostSkew {
			s.broke("nobody is thrown out", "%s of meeting %s, %s is inside", op, id, who.name)
		}
		if look.never() {
			s.broke("nobody is thrown out", "%s of meeting %s without a look, %s is inside", op, id, who.name)
		}
	}
	m.inside = nil
	m.gone = m.gone || op == "delete"
}

// written checks a link that PagerDuty took.
func (s *simulation) written(c *call, i *incident, link string) {
	s.tell("%s shows %s", i.id, s.linkName(link))
	generation := i.now.Generation
	if m := s.meetingOf(link); m != nil {
		generation = m.generation
	}
	if i.now.State == "external" && i.now.Call.JoinURL == link {
		if i.human.url != link {
			s.overwritten(c, i, generation)
		}
		i.human, i.shown = human{url: link, since: s.moment()}, link // a late write of ours gives way to it again
		i.excuse("a human's bridge")
		return
	}
	if other, ok := i.written[generation]; ok && other != link {
		s.broke("one link per generation is written", "generation %d: %s and %s", generation, other, link)
	}
	i.written[generation] = link
	for g, decided := range i.decided {
		if decided.JoinURL == link {
			i.written[g] = link // also where it stands again
		}
	}
	if i.decided[generation].JoinURL != link {
		s.broke("only a decided link is written", "generation %d: %s, decided is %q", generation, link, i.decided[generation].JoinURL)
	}
	s.overwritten(c, i, generation)
	if i.shown != link {
		i.shown, i.shownSince = link, s.moment()
		i.news = append(i.news, newsItem{kind: "updated", link: bridge.Link{URL: link}})
	}
	i.human = human{}
	i.excused("a human's bridge", s.moment())
}

// overwritten checks that a human's bridge gave way only if it was written after the last look: one create before a first
// write, one round trip before a later one.
func (s *simulation) overwritten(c *call, i *incident, generation int) {
	if i.human.url == "" {
		return
	}
	look := c.seen
	if tr := c.by.trigger; look.never() && tr != nil && !tr.snapshot.never() && generation == 1 &&
		c.by.began.at.Sub(tr.snapshot.at) <= time.Minute+mostSkew {
		look = tr.snapshot
	}
	if look.never() || i.human.since.before(look) {
		s.broke("a human's bridge is not overwritten", "%s wrote over %s", c.by.name, i.human.url)
	}
}

// judge checks what must be so once everything works again.
func (s *simulation) judge() {
	for _, m := range s.inOrder() {
		i := s.incident(m.incident)
		if !m.foreign && !(i.now.State == "attached" && i.now.holds(m.id)) {
			s.broke("no meeting of ours is left over", "meeting %s of generation %d, the record: %s", m.id, m.generation, i.now.summary())
		}
	}
	for _, i := range s.incidents {
		s.judgeIncident(i)
	}
}

func (s *simulation) judgeIncident(i *incident) {
	p := i.now
	switch p.State {
	case "", "attached", "closed", "failed", "external":
	default:
		s.broke("what is due gets done", "%s: %s", i.id, p.summary())
	}
	if p.State == "attached" {
		if m := s.meetings[p.Call.MeetingID]; p.Call.Provider == "zoom" && (m == nil || m.gone) {
			s.broke("an attached bridge has its meeting", "%s: %s", i.id, p.summary())
		}
		shown := s.pd.Incident(i.id).Bridge.URL
		if shown != p.Call.JoinURL && i.human.since.never() && p.Verified < 3 {
			s.broke("the incident shows the bridge", "%s shows %s, the record: %s", i.id, s.linkName(shown), p.summary())
		}
		return
	}
	for _, d := range i.owed {
		if s.explained(i, d) {
			continue
		}
		s.broke("a trigger that was accepted is not forgotten", "%s, and the record: %s", d.by.name, p.summary())
		return
	}
}

// explained says whether there is a reason for a bridge that did not come about.
func (s *simulation) explained(i *incident, d debt) bool {
	for _, why := range []string{"resolved", "close asked for", "refused", "a human's bridge", "too old", "given up"} {
		if i.was(why, d.since) {
			return true
		}
	}
	return s.stakeholder(d.by.trigger.request.Requester) // told `creating` before their role was known
}

// linkName is a link without its passcode.
func (s *simulation) linkName(link string) string {
	if m := s.meetingOf(link); m != nil {
		return "meeting " + m.id
	}
	return link
}

// wantInTime checks that no call outlives the process's time.
func (s *simulation) wantInTime(c *call) {
	a, ok := c.ctx.Value(actorKey{}).(*actor)
	if !ok || a.end.IsZero() {
		return
	}
	if until, ends := c.ctx.Deadline(); !ends || until.After(a.end) {
		s.broke("nothing is at work after the end", "%s may go on for %v then", c.op, until.Sub(a.end))
	}
}
