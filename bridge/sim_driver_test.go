package bridge_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// simulation is one run: several processes on one store and two vendors.
type simulation struct {
	*simtest.Sim
	*recorder // what is known of the run, for the promises

	family   family
	store    tokenstore.Store
	zoom     *zoomtest.Server
	programs []*program // that were ever booted
	triggers []*trigger
	users    []bridge.Requester // the last may not open anything
	stopping bool               // there are no faults any more
}

const (
	lateBound   = 60 * time.Second // how long a create may be on its way; nothing else has a bound
	maxPatience = 60 * time.Second // of an actor
	finalRounds = 300              // in which all that is due must get done
)

// hosts make the meetings, in order.
var hosts = []string{"host@example.com", "second@example.com"}

// play is one run.
func play(sim *simtest.Sim) {
	s := &simulation{
		Sim: sim, store: tokenstore.NewMemory(),
		recorder: &recorder{sim: sim, maxAge: maxAge, meetings: map[string]*meeting{}},
	}
	s.family = s.pickFamily()
	s.Trace("seed %d: %s", s.Seed, s.family.name)
	s.FaultPercent, s.Interfere = s.family.faults, s.interfere
	s.Boot = func() *simtest.Process { return s.boot().Process }
	s.prepare()
	for s.Steps() < s.family.steps && !s.Violated() {
		s.step()
	}
	if !s.Violated() {
		stillDue := s.finish()
		s.happened(ended{stillDue})
	}
}

func (s *simulation) prepare() {
	s.zoom = zoomtest.New(
		zoomtest.WithUsers(hosts...), zoomtest.WithUsers("ada@example.com"),
		zoomtest.WithListLag(simtest.Pick(s.Sim, 0, time.Second, 20*time.Second)),
		zoomtest.WithDailyLimit(s.family.dailyLimit),
	)
	s.pd = pagerdutytest.New()
	role := func(role string) func(*pagerdutytest.User) { return func(u *pagerdutytest.User) { u.Role = role } }
	ada := s.pd.AddUser("ada@example.com", role("user"))
	s.users = []bridge.Requester{
		{},
		{},
		{ID: ada},
		{Email: "ada@example.com"},
		{ID: s.pd.AddUser("ben@example.com", role("limited_user"))},
		{ID: s.pd.AddUser("eve@example.com", role("read_only_user"))},
	}
	s.outsider = s.users[len(s.users)-1]
	s.secrets = []string{"zoomtest-access-token", "SECRET", "pwd=", s.pd.Key(), "calendar-secret"}
	for i := range s.family.incidents {
		id := s.pd.AddIncident(fmt.Sprintf("Down %d", i+1))
		s.incidents = append(s.incidents, newIncident(id, s.pd.Incident(id).Number))
	}
	for range s.family.programs {
		s.boot()
	}
	if s.family.before != nil {
		s.family.before(s)
	}
	if s.family.dailyLimit > 0 {
		s.addForeign()
	}
}

// addForeign puts the meeting of another deployment beside ours: it serves the same
// incidents.
func (s *simulation) addForeign() {
	credentials := zoom.ServerToServer(s.zoom.AccountCredentials())
	zc, err := zoom.NewClient(credentials, zoom.WithTransport(s.zoom.Transport()))
	if err != nil {
		s.T.Fatal(err)
	}
	m := markerText{
		ledger: strings.Repeat("f0", 8), incident: s.incidents[0].id, generation: 1, nonce: strings.Repeat("0f", 8),
	}
	made, err := zc.CreateMeeting(s.T.Context(), hosts[0], zoom.MeetingRequest{Topic: "Theirs", Agenda: m.String()})
	if err != nil {
		s.T.Fatal(err)
	}
	id := fmt.Sprint(made.ID)
	s.meetings[id] = &meeting{id: id, markerText: m, link: made.JoinURL, foreign: true}
}

// step does one thing: most often it lets a call on.
func (s *simulation) step() {
	s.Rest()
	idle := len(s.Ready()) == 0
	actions, weight := s.actions(), 0
	for _, a := range actions {
		weight += a.Weight
	}
	time := simtest.Action{Weight: 5, Do: func() { s.letTimePass(idle) }}
	if idle {
		time.Weight = 25
	}
	s.DoOne(3*weight+60, append([]simtest.Action{time}, actions...))
}

// interfere lets PagerDuty refuse writes for good, or take them late.
func (s *simulation) interfere(c *simtest.Call) (simtest.Fault, bool) {
	if c.Step == "pagerduty update_incident" && c.Processed().Never() && s.Chance(s.family.refusing) {
		return simtest.Pick(s.Sim, refused, refused, simtest.Late), true
	}
	return "", false
}

// letTimePass moves the clock, farther when nobody waits at the gate.
func (s *simulation) letTimePass(idle bool) {
	n := s.IntN(100)
	if idle {
		n += 35
	}
	switch {
	case n < 60:
		s.Pass(s.Between(time.Millisecond, 300*time.Millisecond))
	case n < 85:
		s.Pass(s.Between(300*time.Millisecond, 4*time.Second))
	case n < 100:
		s.Pass(s.Between(4*time.Second, 20*time.Second))
	default:
		s.passUntilDue()
	}
}

// passUntilDue waits until something is due by the clock of some process, and a little
// longer or less.
func (s *simulation) passUntilDue() {
	due, _, ok := s.nextDue()
	if !ok || time.Until(due) > time.Hour && !s.Chance(10) {
		s.Pass(s.Between(time.Second, time.Minute))
		return
	}
	p := s.anyLiving()
	s.Pass(max(0, time.Until(due)-p.skew+s.Between(-2*time.Second, 3*time.Second)))
}

// nextDue is when the ledger names the next thing to do.
func (s *simulation) nextDue() (time.Time, *incident, bool) {
	keys, _, err := s.store.Due(context.Background(), "bridge", time.Now().Add(1000*time.Hour), "", 1)
	if err != nil || len(keys) == 0 {
		return time.Time{}, nil, false
	}
	r, err := s.store.Get(context.Background(), keys[0])
	return r.DueAt, s.incident(readRecord(r.Value).IncidentID), err == nil
}

// finish ends all trouble: nothing fails any more, every process runs, people have left,
// and what is due is done until nothing is due for hours. It reports whether something
// still is.
func (s *simulation) finish() (stillDue bool) {
	s.stopping = true
	s.StopFaults()
	s.everybodyLeaves()
	s.boot()
	for range finalRounds {
		s.deliverAllNews()
		due, next, ok := s.nextDue()
		if !ok || time.Until(due) > 3*time.Hour {
			return false
		}
		if wait := time.Until(due) + 3*time.Second; wait > 0 {
			s.Pass(wait)
		}
		s.reconcile(s.anyLiving(), next)
		s.Quiet()
	}
	return true
}
