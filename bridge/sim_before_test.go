package bridge_test

import (
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// What has happened before a story begins, so that it is deep in the protocol from its first step.

// allAttached gives every incident its bridge.
func (s *simulation) allAttached() {
	for _, i := range s.incidents {
		s.deliver(s.programs[0], &trigger{name: "first", incident: i})
		s.calm()
	}
}

// allClosing gives every incident a bridge that is about to end.
func (s *simulation) allClosing() {
	s.allAttached()
	for _, i := range s.incidents {
		s.close(s.programs[0], i, bridge.CloseRequested)
		s.calm()
	}
}

// aLostCreate leaves a meeting that nobody knows of: its maker died, and who looked for it got no list. It stays
// undecided until its audit would be due.
func (s *simulation) aLostCreate() {
	s.deliver(s.programs[0], &trigger{name: "first", incident: s.incidents[0]})
	s.calmBut(meets{"zoom create": func(c *call) {
		s.process(c)
		s.kill(c.by.program)
	}})
	s.pass(s.between(15*time.Second, 40*time.Second))
	s.reconcile(s.boot(), s.incidents[0])
	broken := meets{"zoom list": s.with(fails)}
	if s.chance(60) { // else the next host serves
		broken["zoom create"] = s.with(unreachable)
	}
	s.calmBut(broken)
	s.pass(s.between(3*time.Minute, 4*time.Minute))
}

// aLateDecision leaves a process that stands still with a meeting in its hands, while another makes one of its own.
func (s *simulation) aLateDecision() {
	if s.chance(30) {
		return
	}
	i, another := s.incidents[0], s.programs[1]
	s.deliver(s.programs[0], &trigger{name: "first", incident: i})
	s.calmBut(meets{"store put created": func(c *call) { s.freeze(c.by.program) }})
	s.thawAt = time.Now().Add(s.between(16*time.Second, 24*time.Second))
	s.pass(s.between(15*time.Second, 16*time.Second))
	s.reconcile(another, i)
	s.calmBut(meets{"zoom list": s.with(fails)})
}

// aReplaceUnderWay is one whose link PagerDuty does not take until its audit is due.
func (s *simulation) aReplaceUnderWay() {
	s.allAttached()
	if s.chance(60) {
		return
	}
	i, broken := s.incidents[0], meets{"pagerduty update_incident": s.with(pick(s, fails, lost, hang))}
	s.deliver(s.programs[0], &trigger{name: "another", incident: i, replaces: true})
	s.calmBut(broken)
	s.pass(s.between(3*time.Minute, 4*time.Minute))
	s.reconcile(s.programs[0], i)
	s.calmBut(broken)
}

// with lets a call meet a fault.
func (s *simulation) with(f fault) func(*call) { return func(c *call) { s.fail(c, f) } }

// anOldEvent is one that says what was so minutes ago, before a human wrote a bridge or resolved the incident.
func (s *simulation) anOldEvent() {
	i := s.incidents[0]
	if s.chance(50) { // after a first bridge
		s.allClosing()
		s.pass(time.Minute)
		s.reconcile(s.programs[0], i)
		s.calm()
	}
	tr := s.newTrigger(i)
	s.carry(tr)
	s.pass(s.between(time.Second, 30*time.Second))
	s.humanWrites(i, "https://meet.example.com/human-0")
	if s.chance(60) {
		s.pass(s.between(time.Minute, 3*time.Minute))
	}
}

// aRefusedWrite is one that PagerDuty refuses for good, after a first try that is still on its way.
func (s *simulation) aRefusedWrite() {
	s.deliver(s.programs[0], &trigger{name: "first", incident: s.incidents[0]})
	s.writesLate(refused)
}

// aFormerWrite is one of the last generation that is still on its way.
func (s *simulation) aFormerWrite() {
	i := s.incidents[0]
	s.deliver(s.programs[0], &trigger{name: "first", incident: i})
	s.writesLate(none)
	s.close(s.programs[0], i, bridge.CloseRequested)
	s.calm()
	s.pass(3 * time.Second)
	s.reconcile(s.programs[0], i)
	s.calm()
	s.deliver(s.programs[0], s.newTrigger(i))
	s.calm()
}

// writesLate lets a first write get lost on the way for a while; what is tried next meets the fault.
func (s *simulation) writesLate(next fault) {
	first := true
	s.calmBut(meets{"pagerduty update_incident": func(c *call) {
		switch {
		case first:
			s.fail(c, late)
		case next != none:
			s.fail(c, next)
		default:
			s.process(c)
			s.answer(c)
		}
		first = false
	}})
}

// failingForLong lets a trigger fail until it is about to be given up.
func (s *simulation) failingForLong() {
	s.deliver(s.programs[0], &trigger{name: "first", incident: s.incidents[0]})
	s.calm()
	s.pass(s.between(9*time.Minute, 11*time.Minute))
}
