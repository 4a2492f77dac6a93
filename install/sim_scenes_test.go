package install_test

import (
	"time"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
)

// beginWithScene begins some runs with what seldom happens by chance.
func (s *simulation) beginWithScene() {
	if s.FaultPercent == 0 || !s.Chance(25) {
		return
	}
	scene := simtest.Pick(s.Sim, s.cancelWhileWriting, s.writeAfterRollback, s.loseReplyOfInstalled)
	scene(s.programs[0], s.programs[1])
}

// cancelWhileWriting has an install write while the app is uninstalled, and another
// install follow at once.
func (s *simulation) cancelWhileWriting(p, other *program) {
	s.installQuietly(other)
	s.authorizeQuietly(p)
	s.install(p)
	if s.stopAt(p, writesConsent) == nil {
		return
	}
	s.Freeze(p.Process, time.Second)
	s.Pass(time.Second)
	s.remove()
	s.uninstall(other, s.removals[0])
	s.Quiet()
	s.Pass(2 * maxSkew)
	s.installQuietly(other)
	s.Unfreeze()
}

// writeAfterRollback has a grant come to the store after its install was rolled back.
func (s *simulation) writeAfterRollback(p, other *program) {
	s.authorizeQuietly(p)
	s.install(p)
	if s.stopAt(p, writesConsent) == nil {
		return
	}
	s.Freeze(p.Process, 0)
	s.Pass(6 * time.Second) // more than the patience of some
	s.Unfreeze()
	s.Quiet()
	s.maintain(other)
	s.Quiet()
	if s.HasLate() {
		s.LetOneArriveLate()
	}
}

// loseReplyOfInstalled has an install not know that it was stored.
func (s *simulation) loseReplyOfInstalled(p, _ *program) {
	s.authorizeQuietly(p)
	s.install(p)
	c := s.stopAt(p, writesInstalled)
	if c == nil {
		return
	}
	s.Process(c)
	s.Fail(c, simtest.LostAfter)
	if c = s.stopAt(p, "store get"); c != nil {
		s.Fail(c, simtest.Lost)
	}
}

func (s *simulation) authorizeQuietly(p *program) {
	s.authorize(p)
	s.Quiet()
}

func (s *simulation) installQuietly(p *program) {
	s.authorizeQuietly(p)
	s.install(p)
	s.Quiet()
}

// stopAt lets the calls of a process on until one comes to the step, which it returns;
// nil: none does.
func (s *simulation) stopAt(p *program, step string) *simtest.Call {
	for {
		s.Rest()
		var c *simtest.Call
		for _, ready := range s.Ready() {
			if ready.By.Process == p.Process {
				c = ready
				break
			}
		}
		if c == nil || c.Step == step && c.Processed().Never() {
			return c
		}
		if c.Processed().Never() {
			s.Process(c)
		}
		s.Answer(c)
	}
}
