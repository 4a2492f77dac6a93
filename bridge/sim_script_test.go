package bridge_test

import (
	"context"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// deed is something the driver may do next.
type deed struct {
	weight int
	do     func()
}

// deeds are what may happen now, by the family's liking.
func (s *simulation) deeds() []deed {
	i, p := pick(s, s.incidents...), s.anyProgram()
	all := []struct {
		kind deedKind
		may  bool
		do   func()
	}{
		{click, p != nil && len(s.actors) < 8, func() { s.deliver(p, s.newTrigger(i)) }},
		{replaceIt, p != nil && len(s.actors) < 8, func() { s.deliver(p, s.newReplace(i)) }},
		{redelivery, p != nil && len(s.triggers) > 0 && len(s.actors) < 8, func() { s.deliver(p, pick(s, s.triggers...)) }},
		{resolve, true, func() { s.resolveOrReopen(i) }},
		{news, p != nil && len(i.news) > 0, func() { s.deliverNews(p, i) }},
		{closeIt, p != nil, func() { s.close(p, i, bridge.CloseRequested) }},
		{humanEdit, true, func() { s.humanEdits(i) }},
		{people, true, s.somebodyMoves},
		{lookAtDue, p != nil && len(s.actors) < 8, func() { s.reconcile(p, i) }},
		{crashing, true, func() { s.replace(s.inTheMiddle()) }},
		{freezing, s.thawAt.IsZero() && len(s.programs) > 1, func() { s.freeze(s.inTheMiddle()) }},
		{freezing, !s.thawAt.IsZero() && time.Now().After(s.thawAt), s.thaw},
		{outage, true, func() { s.storeDown = !s.storeDown; s.tell("the store is down: %t", s.storeDown) }},
		{lateMessage, len(s.gate.straying()) > 0, func() { s.arriveLate(pick(s, s.gate.straying()...)) }},
		{patience, len(s.actors) == 0, func() { s.pass(s.between(time.Minute, 12*time.Minute)) }},
	}
	var may []deed
	for _, d := range all {
		if weight := s.family.deeds[d.kind]; d.may && weight > 0 {
			may = append(may, deed{weight, d.do})
		}
	}
	return may
}

// anyProgram is one that is not frozen.
func (s *simulation) anyProgram() *program {
	var awake []*program
	for _, p := range s.programs {
		if !p.frozen {
			awake = append(awake, p)
		}
	}
	if len(awake) == 0 {
		return nil
	}
	return pick(s, awake...)
}

// trigger is one that may come any number of times.
type trigger struct {
	name     string
	incident *incident
	request  bridge.Request
	snapshot moment // when what it carries was so; zero: it carries nothing
	replaces bool   // it asks for another bridge than the one that stands
}

// newTrigger is a click, an event or a workflow, with what such a thing may carry.
func (s *simulation) newTrigger(i *incident) *trigger {
	tr := &trigger{name: fmt.Sprintf("t%d", len(s.triggers)+1), incident: i}
	tr.request.Requester, tr.request.NoteOnRefusal = pick(s, s.users...), s.chance(40)
	if s.chance(50) {
		tr.request.IdempotencyKey = tr.name
	}
	if s.chance(50) {
		tr.request.OccurredAt = time.Now()
	}
	if s.chance(40) && !tr.request.OccurredAt.IsZero() {
		s.carry(tr)
	}
	s.triggers = append(s.triggers, tr)
	return tr
}

// newReplace is somebody's wish for another bridge.
func (s *simulation) newReplace(i *incident) *trigger {
	tr := s.newTrigger(i)
	tr.replaces = true
	return tr
}

// carry lets a trigger tell what is so now.
func (s *simulation) carry(tr *trigger) {
	shown := s.pd.Incident(tr.incident.id)
	tr.snapshot, tr.request.OccurredAt = s.moment(), time.Now()
	tr.request.Incident = &bridge.Incident{
		ID: shown.ID, Number: shown.Number, Title: shown.Title, Status: bridge.Status(shown.Status),
		Bridge: &bridge.Link{URL: shown.Bridge.URL, DialIn: shown.Bridge.Number},
	}
}

// deliver lets a trigger arrive at a process.
func (s *simulation) deliver(p *program, tr *trigger) {
	req := tr.request
	req.IncidentID = tr.incident.id
	if s.chance(15) {
		req.IncidentID = tr.incident.number
	}
	patience := pick(s, 4500*time.Millisecond, 4500*time.Millisecond, 30*time.Second, 700*time.Millisecond)
	a, ask := &actor{name: "opens for " + tr.name + " ", incident: tr.incident.id, trigger: tr}, p.Open
	if tr.replaces {
		a.name, ask = "replaces for "+tr.name+" ", p.Replace
	}
	s.act(p, a, patience, func(ctx context.Context) func() {
		b, err := ask(ctx, req)
		return func() { s.opened(a, b, err) }
	})
	s.tell("%s, who waits %v", a.name, patience)
}

// resolveOrReopen is a human's click in PagerDuty; it becomes news.
func (s *simulation) resolveOrReopen(i *incident) {
	if s.pd.Incident(i.id).Status == "resolved" {
		s.pd.Reopen(i.id)
		i.excused("resolved", s.moment())
		i.news = append(i.news, newsItem{kind: "reopened"})
		s.tell("%s is reopened", i.id)
		return
	}
	s.pd.Resolve(i.id)
	i.excuse("resolved")
	i.news = append(i.news, newsItem{kind: "resolved"})
	s.tell("%s is resolved", i.id)
}

// newsItem is an event that PagerDuty sends.
type newsItem struct {
	kind string
	link bridge.Link
}

// deliverNews tells a process of an event: not always the first, and sometimes not for the last time.
func (s *simulation) deliverNews(p *program, i *incident) {
	n := s.rng.IntN(len(i.news))
	item := i.news[n]
	if !s.chance(15) {
		i.news = append(i.news[:n:n], i.news[n+1:]...)
	}
	s.hear(p, i, item)
}

func (s *simulation) hear(p *program, i *incident, item newsItem) {
	if item.kind == "resolved" {
		s.close(p, i, bridge.CloseResolved).news = &item
		return
	}
	a := &actor{name: "hears of " + item.kind + " ", incident: i.id, news: &item}
	s.act(p, a, longest, func(ctx context.Context) func() {
		err := p.IncidentChanged(ctx, i.id, item.link)
		return func() { s.did(a, err) }
	})
	s.tell("%s", a.name)
}

// tellNews delivers all that is still to be told, in order.
func (s *simulation) tellNews() {
	for _, i := range s.incidents {
		for len(i.news) > 0 {
			item := i.news[0]
			i.news = i.news[1:]
			s.hear(pick(s, s.programs...), i, item)
			s.calm()
		}
	}
}

func (s *simulation) close(p *program, i *incident, reason bridge.CloseReason) *actor {
	a := &actor{name: "closes (" + string(reason) + ") ", incident: i.id}
	asked := &excuse{}
	if reason == bridge.CloseRequested {
		asked = i.excuse("close asked for")
	}
	s.act(p, a, pick(s, 4500*time.Millisecond, longest), func(ctx context.Context) func() {
		b, err := p.Close(ctx, i.id, reason)
		return func() {
			asked.to = s.moment()
			s.closed(a, b, err)
		}
	})
	s.tell("%s", a.name)
	return a
}

// reconcile lets a process look whether there is something to do for one incident.
func (s *simulation) reconcile(p *program, i *incident) {
	a, patience := &actor{name: "looks what is due ", incident: i.id}, longest
	if !s.healing {
		patience = pick(s, 10*time.Second, 20*time.Second, longest)
	}
	s.act(p, a, patience, func(ctx context.Context) func() {
		_, err := p.Reconcile(ctx)
		return func() { s.did(a, err) }
	})
	s.tell("%s", a.name)
}

// humanEdits lets somebody write a bridge of theirs, or empty the field.
func (s *simulation) humanEdits(i *incident) {
	if s.chance(40) {
		s.humanWrites(i, "")
		return
	}
	i.humans++
	s.humanWrites(i, fmt.Sprintf("https://meet.example.com/human-%d", i.humans))
}

func (s *simulation) humanWrites(i *incident, url string) {
	s.pd.SetBridge(i.id, pagerduty.ConferenceBridge{URL: url})
	i.excused("a human's bridge", s.moment())
	i.human = human{url: url, since: s.moment()}
	i.shown, i.shownSince = url, s.moment()
	if url != "" {
		i.excuse("a human's bridge")
	}
	i.news = append(i.news, newsItem{kind: "updated", link: bridge.Link{URL: url}})
	s.tell("a human writes %q to %s", url, i.id)
}

// somebodyMoves into a meeting, or out of one.
func (s *simulation) somebodyMoves() {
	var there []*meeting
	for _, m := range s.inOrder() {
		if !m.foreign {
			there = append(there, m)
		}
	}
	if len(there) == 0 {
		return
	}
	m := pick(s, there...)
	if len(m.inside) > 0 && s.chance(60) {
		_ = s.zoom.Leave(m.number(), m.inside[0].name)
		s.tell("%s leaves meeting %s", m.inside[0].name, m.id)
		m.inside = m.inside[1:]
		return
	}
	who := visitor{name: fmt.Sprintf("visitor %d", s.steps.Load()), since: s.moment()}
	if err := s.zoom.Join(m.number(), who.name); err == nil {
		m.inside = append(m.inside, who)
		s.tell("%s joins meeting %s", who.name, m.id)
	}
}

func (s *simulation) everybodyLeaves() {
	for _, m := range s.inOrder() {
		for _, who := range m.inside {
			_ = s.zoom.Leave(m.number(), who.name)
		}
		m.inside = nil
	}
}

// inTheMiddle is a process at work, rather one at a step that is seldom.
func (s *simulation) inTheMiddle() *program {
	var at []*program
	for _, c := range s.ready() {
		for range c.risk() {
			at = append(at, c.by.program)
		}
	}
	if len(at) == 0 {
		at = s.programs
	}
	return pick(s, at...)
}

// replace kills a process and starts another on the same store.
func (s *simulation) replace(p *program) {
	if p.frozen {
		s.thawAt = time.Time{}
	}
	s.kill(p)
	s.tell("%s dies, %s starts", p.name, s.boot().name)
}

// freeze stops a process until its leases are over.
func (s *simulation) freeze(p *program) {
	s.gate.mu.Lock()
	p.frozen = true
	s.gate.mu.Unlock()
	s.thawAt = time.Now().Add(s.between(16*time.Second, 40*time.Second))
	s.tell("%s stands still", p.name)
}

// thaw lets a frozen process go on. What it waited for may have come meanwhile, or not.
func (s *simulation) thaw() {
	s.thawAt = time.Time{}
	for _, p := range s.programs {
		if !p.frozen {
			continue
		}
		s.tell("%s wakes", p.name)
		s.gate.mu.Lock()
		p.frozen = false
		s.gate.mu.Unlock()
		for _, c := range s.gate.waiting(func(c *call) bool { return c.by.program == p }) {
			s.covered(freeze, c.step)
			if c.ctx.Err() == nil {
				continue
			}
			// Only what changes something at a vendor is answered after its time.
			if c.processed.never() && c.changes && !s.tooLate(c) && s.chance(50) {
				s.process(c)
			}
			if c.processed.never() || !c.changes || !c.toVendor() {
				s.gate.hurt(c.by)
				s.gate.stray(c)
				s.gate.finish(c, c.broken(hang))
				continue
			}
			s.answer(c)
		}
	}
}

// tooLate says that a create is older than the audit's schedule assumes.
func (s *simulation) tooLate(c *call) bool {
	return c.step == "zoom create" && time.Since(c.sent.at) > lateBound
}

// arriveLate processes a message that nobody waits for any more, or loses it for good.
func (s *simulation) arriveLate(c *call) {
	s.gate.forget(c)
	if s.tooLate(c) || s.chance(10) {
		s.tell("%s: lost", c.name)
		return
	}
	s.tell("%s: arrives late", c.name)
	s.covered(late, c.step)
	s.process(c)
}
