package bridge_test

import (
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// What has happened before a run begins, so that it is deep in the protocol from its
// first step.

// allAttached gives every incident its bridge.
func (s *simulation) allAttached() {
	for _, i := range s.incidents {
		s.deliver(s.programs[0], &trigger{name: "first", incident: i})
		s.Quiet()
	}
}

// allClosing gives every incident a bridge that is about to end.
func (s *simulation) allClosing() {
	s.allAttached()
	for _, i := range s.incidents {
		s.close(s.programs[0], i, bridge.CloseRequested)
		s.Quiet()
	}
}

// aLostCreate leaves a meeting that no record names: its maker died, and who looked for
// it got no list. It stays undecided until its audit would be due.
func (s *simulation) aLostCreate() {
	s.deliver(s.programs[0], &trigger{name: "first", incident: s.incidents[0]})
	s.QuietBut(simtest.Meets{"zoom create": func(c *simtest.Call) {
		s.Process(c)
		s.Kill(c.By.Process)
	}})
	s.Pass(s.Between(15*time.Second, 40*time.Second))
	s.reconcile(s.boot(), s.incidents[0])
	broken := simtest.Meets{"zoom list": s.with(simtest.Fails)}
	if s.Chance(60) { // else the next host serves
		broken["zoom create"] = s.with(simtest.Unreachable)
	}
	s.QuietBut(broken)
	s.Pass(s.Between(3*time.Minute, 4*time.Minute))
}

// aLateDecision leaves a frozen process with a meeting in its hands, while
// another makes one of its own.
func (s *simulation) aLateDecision() {
	if s.Chance(30) {
		return
	}
	i, another := s.incidents[0], s.programs[1]
	s.deliver(s.programs[0], &trigger{name: "first", incident: i})
	s.QuietBut(simtest.Meets{"store put created": func(c *simtest.Call) {
		s.Freeze(c.By.Process, s.Between(16*time.Second, 24*time.Second))
	}})
	s.Pass(s.Between(15*time.Second, 16*time.Second))
	s.reconcile(another, i)
	s.QuietBut(simtest.Meets{"zoom list": s.with(simtest.Fails)})
}

// aReplaceUnderWay is one whose link PagerDuty does not take until its audit is due.
func (s *simulation) aReplaceUnderWay() {
	s.allAttached()
	if s.Chance(60) {
		return
	}
	i, fault := s.incidents[0], simtest.Pick(s.Sim, simtest.Fails, simtest.Lost, simtest.Hang)
	broken := simtest.Meets{"pagerduty update_incident": s.with(fault)}
	s.deliver(s.programs[0], &trigger{name: "another", incident: i, replaces: true})
	s.QuietBut(broken)
	s.Pass(s.Between(3*time.Minute, 4*time.Minute))
	s.reconcile(s.programs[0], i)
	s.QuietBut(broken)
}

// with lets a call meet a fault.
func (s *simulation) with(f simtest.Fault) func(*simtest.Call) {
	return func(c *simtest.Call) { s.Fail(c, f) }
}

// anOldEvent is one that says what was so minutes ago, before a human wrote a bridge or
// resolved the incident.
func (s *simulation) anOldEvent() {
	i := s.incidents[0]
	if s.Chance(50) { // after a first bridge
		s.allClosing()
		s.Pass(time.Minute)
		s.reconcile(s.programs[0], i)
		s.Quiet()
	}
	tr := s.newTrigger(i)
	s.carry(tr)
	s.Pass(s.Between(time.Second, 30*time.Second))
	s.humanWrites(i, "https://meet.example.com/human-0")
	if s.Chance(60) {
		s.Pass(s.Between(time.Minute, 3*time.Minute))
	}
}

// aRefusedWrite is one that PagerDuty refuses for good, after a first try that is still
// on its way.
func (s *simulation) aRefusedWrite() {
	s.deliver(s.programs[0], &trigger{name: "first", incident: s.incidents[0]})
	s.writesLate(refused)
}

// aFormerWrite is one of the last generation that is still on its way.
func (s *simulation) aFormerWrite() {
	i := s.incidents[0]
	s.deliver(s.programs[0], &trigger{name: "first", incident: i})
	s.writesLate(simtest.None)
	s.close(s.programs[0], i, bridge.CloseRequested)
	s.Quiet()
	s.Pass(3 * time.Second)
	s.reconcile(s.programs[0], i)
	s.Quiet()
	s.deliver(s.programs[0], s.newTrigger(i))
	s.Quiet()
}

// writesLate lets a first write get lost on the way for a while; what is tried next meets
// the fault.
func (s *simulation) writesLate(next simtest.Fault) {
	first := true
	s.QuietBut(simtest.Meets{"pagerduty update_incident": func(c *simtest.Call) {
		switch {
		case first:
			s.Fail(c, simtest.Late)
		case next != simtest.None:
			s.Fail(c, next)
		default:
			s.Process(c)
			s.Answer(c)
		}
		first = false
	}})
}

// failingForLong lets a trigger fail until it is about to be given up.
func (s *simulation) failingForLong() {
	s.deliver(s.programs[0], &trigger{name: "first", incident: s.incidents[0]})
	s.Quiet()
	s.Pass(s.Between(9*time.Minute, 11*time.Minute))
}
