package tokenstore_test

import (
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	stepsOfARun = 500
	lateBound   = 20 * time.Second // how long a message to a vendor that detects reuse may be under way
	accessLife  = 10 * time.Minute
)

// simulation is one run: some processes, each with a source of its own, on one record and
// one vendor.
type simulation struct {
	*simtest.Sim
	*recorder // what is known of the run, for the promises

	programs []*program // that were ever booted
}

// play is one run.
func play(sim *simtest.Sim) {
	s := &simulation{Sim: sim}
	s.recorder = &recorder{
		sim: sim, store: tokenstore.NewMemory(),
		vendor:  &rotatingVendor{detectsReuse: s.Chance(40), exchanged: map[string]*exchange{}},
		written: map[string]bool{}, owners: map[string]*program{},
	}
	s.FaultPercent = 4
	if s.Chance(10) { // nothing goes wrong
		s.FaultPercent, s.Target = 0, simtest.Cell{}
	}
	s.Boot = func() *simtest.Process { return s.boot().Process }
	for range 2 + s.IntN(2) {
		s.boot()
	}
	s.install(s.programs[0])
	for s.Steps() < stepsOfARun && !s.Violated() {
		s.Rest()
		s.DoOne(700, s.actions())
	}
	if !s.Violated() {
		s.finish()
	}
}

// actions are what the driver may do now, besides letting a call on.
func (s *simulation) actions() []simtest.Action {
	busy := len(s.Ready()) > 0
	living := s.living()
	awake := slices.DeleteFunc(slices.Clone(living), func(p *program) bool { return p.IsFrozen() })
	actions := []simtest.Action{{Weight: 160, Do: func() { s.letTimePass(busy) }}}
	if len(living) < 3 {
		actions = append(actions, simtest.Action{Weight: 12, Do: func() { s.boot() }})
	}
	if len(awake) > 0 {
		actions = append(actions, s.wishes(simtest.Pick(s.Sim, awake...))...)
	}
	if s.FaultPercent == 0 {
		return actions
	}
	actions = append(actions, simtest.Action{Weight: 10, Do: s.ToggleStore})
	if len(living) > 0 {
		p := simtest.Pick(s.Sim, living...)
		actions = append(actions, simtest.Action{Weight: 10, Do: func() { s.Kill(p.Process) }})
	}
	if len(awake) > 0 {
		p := simtest.Pick(s.Sim, awake...)
		actions = append(actions, simtest.Action{Weight: 10, Do: func() { s.Freeze(p.Process, s.Between(0, time.Minute)) }})
	}
	if s.MayUnfreeze() {
		actions = append(actions, simtest.Action{Weight: 20, Do: s.Unfreeze})
	}
	if s.HasLate() {
		actions = append(actions, simtest.Action{Weight: 10, Do: s.LetOneArriveLate})
	}
	return actions
}

// wishes are what somebody may want of a process.
func (s *simulation) wishes(p *program) []simtest.Action {
	wishes := []simtest.Action{
		{Weight: 135, Do: func() { s.ask(p, s.Between(time.Second, 30*time.Second)) }},
		{Weight: 19, Do: func() { s.keepAlive(p) }},
		{Weight: 8, Do: func() { s.uninstall(p) }},
		{Weight: 4, Do: s.revoke},
	}
	if p.newest != nil {
		wishes = append(wishes, simtest.Action{Weight: 15, Do: func() { s.invalidate(p) }})
	}
	// One at a time: the caller of Save must see to that.
	if !s.HasActor(isInstaller) {
		wishes = append(wishes, simtest.Action{Weight: 8, Do: func() { s.install(p) }})
	}
	return wishes
}

// letTimePass lets time pass: seldom long while somebody waits for an answer.
func (s *simulation) letTimePass(busy bool) {
	took := s.Between(time.Millisecond, 300*time.Millisecond)
	switch n := s.IntN(100); {
	case n < 10 && !busy, n < 2:
		took = s.Between(time.Minute, accessLife)
	case n < 30 && !busy, n < 8:
		took = s.Between(10*time.Second, time.Minute)
	case n < 60 && !busy, n < 30:
		took = s.Between(time.Second, 6*time.Second)
	}
	s.Pass(took)
}

// finish ends all trouble, lets every access token expire, and looks at what callers are
// told then.
func (s *simulation) finish() {
	s.StopFaults()
	s.boot()
	for range 30 { // what a process saves in the background comes every now and then
		s.Quiet()
		s.Pass(s.Between(time.Second, accessLife/20))
	}
	s.Pass(accessLife)
	s.Quiet()
	want := s.wantInTheEnd()
	var last []*actor
	for _, p := range s.living() {
		last = append(last, s.ask(p, 5*time.Minute))
		s.Quiet()
	}
	for _, a := range last {
		s.happened(toldInTheEnd{by: a, want: want})
	}
}

// wantInTheEnd is what every caller is told once nothing fails any more.
func (s *simulation) wantInTheEnd() error {
	now := s.now()
	if now.isGone() {
		return tokenstore.ErrNotInstalled
	}
	if c := s.vendor.consentOf(now.RefreshToken); c == nil || !c.alive || c.valid != now.RefreshToken {
		return tokenstore.ErrReauthorize
	}
	return nil
}

// everyCell is what a run over many seeds must have met.
func everyCell() []simtest.Cell {
	all := simtest.StoreFaults("store get", false)
	for _, what := range []write{writesLease, writesSuccessor, writesMark, writesTombstone, writesConsent} {
		all = append(all, simtest.StoreFaults(what.step(), true)...)
	}
	all = append(all, simtest.VendorFaults("vendor refresh", true)...)
	all = append(all, simtest.Cell{Fault: rateLimited, Step: "vendor refresh"})
	for _, event := range []string{revived, takenOver, rejectionMarked, lostAnswer, sentAgain} {
		all = append(all, simtest.Cell{Step: event})
	}
	return all
}
