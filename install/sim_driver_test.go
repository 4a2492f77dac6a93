package install_test

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const (
	stepsOfARun = 600
	maxSkew     = 2 * time.Second  // between the clocks of two processes
	lateBound   = 8 * time.Second  // how long a write may be on its way to the store
	consentLife = 10 * time.Minute // until one that was not installed is given up
	retold      = time.Hour        // how long Zoom reports a removal
	service     = "PSHOP01"
)

// simulation is one run: some processes, each with a clock of its own, on one store and
// the accounts of two vendors.
type simulation struct {
	*simtest.Sim
	*recorder // what is known of the run, for the promises

	zoom     *zoomtest.Server
	programs []*program // that were ever booted
	consents []*consent // at Zoom, which wait for the one at PagerDuty
	failed   bool       // an install, whose writes may be under way
}

// removal is what Zoom reports of a removal of the app: until a process has accepted it,
// and sometimes once more.
type removal struct {
	at       time.Time
	reported install.Deauthorization
	accepted bool
}

// play is one run.
func play(sim *simtest.Sim) {
	s := &simulation{Sim: sim, zoom: zoomtest.New()}
	s.recorder = newRecorder(sim)
	s.zoom.AddUser(zoomAdmin, func(u *zoomtest.User) { u.Role = "Owner" })
	s.zoom.SignIn(zoomAdmin)
	s.pd.SignIn(s.pd.AddUser("pd-admin@example.com", func(u *pagerdutytest.User) { u.Role = "owner" }))
	s.FaultPercent = 4
	if s.Chance(10) { // nothing goes wrong
		s.FaultPercent, s.Target = 0, simtest.Cell{}
	}
	s.Interfere = s.failSecondLook
	s.Boot = func() *simtest.Process { return s.boot().Process }
	for range 2 + s.IntN(3) {
		s.boot()
	}
	s.beginWithScene()
	for s.Steps() < stepsOfARun && !s.Violated() {
		s.Rest()
		s.DoOne(700, s.actions())
	}
	if !s.Violated() {
		s.finish()
	}
}

// failSecondLook has reads fail more often for somebody who has seen a fault: a write
// whose reply was lost is in doubt only if it cannot be read.
func (s *simulation) failSecondLook(c *simtest.Call) (simtest.Fault, bool) {
	doubts := s.FaultPercent > 0 && c.Step == "store get" && c.By.Faulted() && c.Processed().Never()
	return simtest.Lost, doubts && s.Chance(15)
}

// actions are what the driver may do now, besides letting a call on.
func (s *simulation) actions() []simtest.Action {
	busy := len(s.Ready()) > 0
	living := s.living()
	awake := slices.DeleteFunc(slices.Clone(living), func(p *program) bool { return p.IsFrozen() })
	actions := []simtest.Action{{Weight: 150, Do: func() { s.letTimePass(busy) }}}
	if len(living) < 4 {
		actions = append(actions, simtest.Action{Weight: 20, Do: func() { s.boot() }})
	}
	if len(awake) > 0 {
		actions = append(actions, s.wishes(simtest.Pick(s.Sim, awake...))...)
	}
	if s.FaultPercent == 0 {
		return actions
	}
	actions = append(actions, simtest.Action{Weight: 5, Do: s.ToggleStore})
	if len(living) > 0 {
		actions = append(actions,
			simtest.Action{Weight: 6, Do: func() { s.Kill(s.BusyProcess()) }},
			simtest.Action{Weight: 6, Do: func() { s.Freeze(s.BusyProcess(), s.Between(0, time.Minute)) }})
	}
	if s.MayUnfreeze() {
		actions = append(actions, simtest.Action{Weight: 20, Do: s.Unfreeze})
	}
	if s.HasLate() {
		actions = append(actions, simtest.Action{Weight: 30, Do: s.LetOneArriveLate})
	}
	return actions
}

// wishes are what somebody may want of a process. What seldom happens by chance at the
// time at which it is a danger is wished for more at that time.
func (s *simulation) wishes(p *program) []simtest.Action {
	again, removes, maintained := 1, 6, 25
	state := s.read(recordKey).State
	writing := s.HasActor(isInstaller)
	switch {
	case s.failed: // its writes may be under way
		maintained = 300
	case writing && state == "installed":
		removes = 20
	case writing && state == "uninstalling": // by an install that is cancelled
		again = 6
	}
	wishes := []simtest.Action{
		{Weight: 25 * again, Do: func() { s.authorize(p) }},
		{Weight: 10, Do: func() { s.check(p) }},
		{Weight: removes, Do: s.remove},
	}
	if len(s.consents) > 0 {
		wishes = append(wishes, simtest.Action{Weight: 4, Do: func() { s.giveUp(p) }})
	}
	if s.usesToken(p) {
		return wishes
	}
	wishes = append(wishes, simtest.Action{Weight: maintained, Do: func() { s.maintain(p) }})
	if len(s.consents) > 0 {
		wishes = append(wishes, simtest.Action{Weight: 50 * again, Do: func() { s.install(p) }})
	}
	if r := s.reportable(); r != nil {
		wishes = append(wishes, simtest.Action{Weight: 25, Do: func() { s.uninstall(p, r) }})
	}
	return wishes
}

// usesToken reports whether somebody in the process may need a token of PagerDuty. One at
// a time does: a process reads a grant once for all who need it, and who comes first when
// two begin at once is not defined.
func (s *simulation) usesToken(p *program) bool {
	return s.HasActor(func(a *simtest.Actor) bool {
		return a.Process == p.Process && (isInstaller(a) || strings.Contains(a.Name, maintains) ||
			strings.Contains(a.Name, uninstalls))
	})
}

// letTimePass lets time pass: seldom long while somebody waits for an answer.
func (s *simulation) letTimePass(busy bool) {
	took := s.Between(time.Millisecond, 300*time.Millisecond)
	switch n := s.IntN(100); {
	case n < 5 && !busy:
		took = s.Between(time.Minute, 20*time.Minute)
	case n < 30 && !busy, n < 6:
		took = s.Between(10*time.Second, 40*time.Second)
	case n < 60 && !busy, n < 30:
		took = s.Between(time.Second, 6*time.Second)
	}
	s.Pass(took)
}

// remove is the removal of the app at Zoom, which ends its tokens there.
func (s *simulation) remove() {
	s.zoom.Uninstall(zoomAdmin)
	at := time.Now()
	reported := at.Truncate(time.Millisecond)
	if s.Chance(30) {
		reported = at.Truncate(time.Second)
	}
	s.removals = append(s.removals, &removal{at: at, reported: install.Deauthorization{
		ClientID: zoomApp, AccountID: "ACCOUNT", At: reported,
	}})
	s.Trace("the app is removed at Zoom")
}

// reportable is a removal that Zoom reports now, or nil. Most are not accepted yet.
func (s *simulation) reportable() *removal {
	var may []*removal
	for _, r := range s.removals {
		if time.Since(r.at) < retold && (!r.accepted || s.Chance(20)) {
			may = append(may, r)
		}
	}
	if len(may) == 0 {
		return nil
	}
	return simtest.Pick(s.Sim, may...)
}

// takeConsent takes one of the consents at Zoom, the last rather than another.
func (s *simulation) takeConsent() *consent {
	n := len(s.consents) - 1
	if s.Chance(30) {
		n = s.IntN(n + 1)
	}
	c := s.consents[n]
	s.consents = slices.Delete(s.consents, n, n+1)
	return c
}

// code is the one that a vendor's page sends the browser back with.
func (s *simulation) code(p *program, vendor install.Vendor) string {
	transport := s.zoom.Transport()
	if vendor == install.VendorPagerDuty {
		transport = s.pd.Transport()
	}
	response, err := transport.RoundTrip(get(s.T, p.AuthCodeURL(vendor, "a-state", verifier)))
	if err != nil {
		s.T.Fatal(err)
	}
	defer response.Body.Close()
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil {
		s.T.Fatal(err)
	}
	return back.Query().Get("code")
}

// finish ends all trouble, has Zoom report the removals that nobody has accepted,
// maintains the installation as long as it takes, and looks at what is left.
func (s *simulation) finish() {
	s.StopFaults()
	p := s.boot()
	for _, r := range s.removals {
		for try := 0; !r.accepted && try < 100; try++ {
			s.uninstall(p, r)
			s.Quiet()
			s.Pass(s.Between(time.Second, 5*time.Second))
		}
	}
	for range 5 {
		s.maintain(p)
		s.Quiet()
		s.Pass(time.Minute)
	}
	s.happened(maintained{})
	if !s.isWhole() {
		return
	}
	s.setup(p)
	s.Quiet()
	s.happened(setUpAgain{})
}

// everyCell is what a run over many seeds must have met.
func everyCell() []simtest.Cell {
	all := slices.Concat(
		simtest.StoreFaults("store get", false),
		simtest.VendorFaults("pagerduty create", true),
		simtest.VendorFaults("pagerduty delete", true),
	)
	for _, step := range []string{
		writesLock, writesInstalled, writesUninstalling, writesSetup, writesRecord, writesConsent, writesTombstone,
	} {
		all = append(all, simtest.StoreFaults(step, true)...)
	}
	for _, event := range []string{
		replaced, removedMeanwhile, uninstallsLate, rolledBack, tookOverLock, cancelled, deletedGrant,
	} {
		all = append(all, simtest.Cell{Step: event})
	}
	return all
}
