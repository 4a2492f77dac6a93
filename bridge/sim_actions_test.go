package bridge_test

import (
	"context"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// actions are what the driver may do now, by the family's liking.
func (s *simulation) actions() []simtest.Action {
	i, p := simtest.Pick(s.Sim, s.incidents...), s.anyAwake()
	may := p != nil && s.AtWork() < 8
	all := []struct {
		kind actionKind
		may  bool
		do   func()
	}{
		{click, may, func() { s.deliver(p, s.newTrigger(i)) }},
		{replaceIt, may, func() { s.deliver(p, s.newReplace(i)) }},
		{redelivery, may && len(s.triggers) > 0, func() { s.deliver(p, simtest.Pick(s.Sim, s.triggers...)) }},
		{resolve, true, func() { s.resolveOrReopen(i) }},
		{news, p != nil && len(i.news) > 0, func() { s.deliverNews(p, i) }},
		{closeIt, p != nil, func() { s.close(p, i, bridge.CloseRequested) }},
		{humanEdits, true, func() { s.humanEdits(i) }},
		{people, true, s.somebodyMoves},
		{lookAtDue, may, func() { s.reconcile(p, i) }},
		{crashing, true, func() { s.Restart(s.BusyProcess()) }},
		{freezing, !s.IsFrozen() && len(s.living()) > 1, s.FreezeBusy},
		{freezing, s.MayUnfreeze(), s.Unfreeze},
		{outage, true, s.ToggleStore},
		{lateMessage, s.HasLate(), s.LetOneArriveLate},
		{patience, s.AtWork() == 0, func() { s.Pass(s.Between(time.Minute, 12*time.Minute)) }},
	}
	var possible []simtest.Action
	for _, a := range all {
		if weight := s.family.actions[a.kind]; a.may && weight > 0 {
			possible = append(possible, simtest.Action{Weight: weight, Do: a.do})
		}
	}
	return possible
}

// trigger is one that may come any number of times.
type trigger struct {
	name     string
	incident *incident
	request  bridge.Request
	snapshot simtest.Moment // when what it carries was so; zero: it carries nothing
	replaces bool           // it asks for another bridge than the one there is
}

// newTrigger is a click, an event or a workflow, with what such a thing may carry.
func (s *simulation) newTrigger(i *incident) *trigger {
	tr := &trigger{name: fmt.Sprintf("t%d", len(s.triggers)+1), incident: i}
	tr.request.Requester, tr.request.NoteOnRefusal = simtest.Pick(s.Sim, s.users...), s.Chance(40)
	if s.Chance(50) {
		tr.request.IdempotencyKey = tr.name
	}
	if s.Chance(50) {
		tr.request.OccurredAt = time.Now()
	}
	if s.Chance(40) && !tr.request.OccurredAt.IsZero() {
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
	tr.snapshot, tr.request.OccurredAt = s.Now(), time.Now()
	tr.request.Incident = &bridge.Incident{
		ID: shown.ID, Number: shown.Number, Title: shown.Title, Status: bridge.Status(shown.Status),
		Bridge: &bridge.Link{URL: shown.Bridge.URL, DialIn: shown.Bridge.DialIn},
	}
}

// deliver lets a trigger arrive at a process.
func (s *simulation) deliver(p *program, tr *trigger) {
	req := tr.request
	req.IncidentID = tr.incident.id
	if s.Chance(15) {
		req.IncidentID = tr.incident.number
	}
	const usual, little = 4500 * time.Millisecond, 700 * time.Millisecond
	patience := simtest.Pick(s.Sim, usual, usual, 30*time.Second, little)
	name, ask := "opens for ", p.Open
	if tr.replaces {
		name, ask = "replaces for ", p.Replace
	}
	a := &actor{Actor: simtest.Actor{Name: name + tr.name + " "}, incident: tr.incident.id, trigger: tr}
	s.act(p, a, patience, func(ctx context.Context) func() {
		b, err := ask(ctx, req)
		return func() { s.opened(a, b, err) }
	})
	s.Trace("%s, who waits %v", a.Name, patience)
}

// resolveOrReopen is a human's click in PagerDuty; it becomes news.
func (s *simulation) resolveOrReopen(i *incident) {
	if s.pd.Incident(i.id).Status == "resolved" {
		s.pd.Reopen(i.id)
		i.disallow(isResolved, s.Now())
		i.news = append(i.news, newsItem{kind: "reopened"})
		s.Trace("%s is reopened", i.id)
		return
	}
	s.pd.Resolve(i.id)
	i.allow(isResolved)
	i.news = append(i.news, newsItem{kind: "resolved"})
	s.Trace("%s is resolved", i.id)
}

// newsItem is an event that PagerDuty sends.
type newsItem struct {
	kind string
	link bridge.Link
}

// deliverNews tells a process of an event: not always the first, and sometimes not for
// the last time.
func (s *simulation) deliverNews(p *program, i *incident) {
	n := s.IntN(len(i.news))
	item := i.news[n]
	if !s.Chance(15) {
		i.news = append(i.news[:n:n], i.news[n+1:]...)
	}
	s.hear(p, i, item)
}

func (s *simulation) hear(p *program, i *incident, item newsItem) {
	if item.kind == "resolved" {
		s.close(p, i, bridge.CloseResolved).news = &item
		return
	}
	a := &actor{Actor: simtest.Actor{Name: "hears of " + item.kind + " "}, incident: i.id, news: &item}
	s.act(p, a, maxPatience, func(ctx context.Context) func() {
		err := p.IncidentChanged(ctx, i.id, item.link)
		return func() { s.did(a, err) }
	})
	s.Trace("%s", a.Name)
}

// deliverAllNews delivers the events that are left, in order.
func (s *simulation) deliverAllNews() {
	for _, i := range s.incidents {
		for len(i.news) > 0 {
			item := i.news[0]
			i.news = i.news[1:]
			s.hear(s.anyLiving(), i, item)
			s.Quiet()
		}
	}
}

func (s *simulation) close(p *program, i *incident, reason bridge.CloseReason) *actor {
	a := &actor{Actor: simtest.Actor{Name: "closes (" + string(reason) + ") "}, incident: i.id}
	asked := &allowance{}
	if reason == bridge.CloseRequested {
		asked = i.allow(closeRequested)
	}
	s.act(p, a, simtest.Pick(s.Sim, 4500*time.Millisecond, maxPatience), func(ctx context.Context) func() {
		b, err := p.Close(ctx, i.id, reason)
		return func() {
			asked.to = s.Now()
			s.answered(a, b, err)
		}
	})
	s.Trace("%s", a.Name)
	return a
}

// reconcile lets a process look whether there is something to do for one incident.
func (s *simulation) reconcile(p *program, i *incident) {
	a, patience := &actor{Actor: simtest.Actor{Name: "looks what is due "}, incident: i.id}, maxPatience
	if !s.stopping {
		patience = simtest.Pick(s.Sim, 10*time.Second, 20*time.Second, maxPatience)
	}
	s.act(p, a, patience, func(ctx context.Context) func() {
		_, err := p.Reconcile(ctx)
		return func() { s.did(a, err) }
	})
	s.Trace("%s", a.Name)
}

// humanEdits lets somebody write a bridge of theirs, or empty the field.
func (s *simulation) humanEdits(i *incident) {
	if s.Chance(40) {
		s.humanWrites(i, "")
		return
	}
	i.humans++
	s.humanWrites(i, fmt.Sprintf("https://meet.example.com/human-%d", i.humans))
}

func (s *simulation) humanWrites(i *incident, url string) {
	s.pd.SetBridge(i.id, pagerduty.ConferenceBridge{URL: url})
	i.disallow(hasHumansLink, s.Now())
	i.human = humanEdit{url: url, since: s.Now()}
	i.shown, i.shownSince = url, s.Now()
	if url != "" {
		i.allow(hasHumansLink)
	}
	i.news = append(i.news, newsItem{kind: "updated", link: bridge.Link{URL: url}})
	s.Trace("a human writes %q to %s", url, i.id)
}

// somebodyMoves into a meeting, or out of one.
func (s *simulation) somebodyMoves() {
	var there []*meeting
	for _, m := range s.remaining() {
		if !m.foreign {
			there = append(there, m)
		}
	}
	if len(there) == 0 {
		return
	}
	m := simtest.Pick(s.Sim, there...)
	if len(m.inside) > 0 && s.Chance(60) {
		_ = s.zoom.Leave(m.numericID(), m.inside[0].name)
		s.Trace("%s leaves meeting %s", m.inside[0].name, m.id)
		m.inside = m.inside[1:]
		return
	}
	who := visitor{name: fmt.Sprintf("visitor %d", s.Steps()), since: s.Now()}
	if err := s.zoom.Join(m.numericID(), who.name); err == nil {
		m.inside = append(m.inside, who)
		s.Trace("%s joins meeting %s", who.name, m.id)
	}
}

func (s *simulation) everybodyLeaves() {
	for _, m := range s.remaining() {
		for _, who := range m.inside {
			_ = s.zoom.Leave(m.numericID(), who.name)
		}
		m.inside = nil
	}
}
