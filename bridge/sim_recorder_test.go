package bridge_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// recorder is what is known of a run by somebody who sees everything. The promises are
// checked against it.
type recorder struct {
	sim       *simtest.Sim
	maxAge    time.Duration // of a bridge
	pd        *pagerdutytest.Server
	incidents []*incident
	meetings  map[string]*meeting
	secrets   []string         // what must never be told
	outsider  bridge.Requester // who may not open anything

	mu sync.Mutex // for what goroutines of the processes read
}

// happened checks the promises about an event, and then keeps what is to be known of it.
// Any goroutine may call it.
func (r *recorder) happened(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	simtest.Check(r.sim, promises, r, e)
	e.keep(r)
}

// incident finds one by its id or number.
func (r *recorder) incident(id string) *incident {
	for _, i := range r.incidents {
		if i.id == id || i.number == id {
			return i
		}
	}
	return nil
}

// sees notes that somebody's look at an incident, a meeting or a host's list has been
// answered.
func (r *recorder) sees(by *actor, what string, at simtest.Moment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	by.looked[what] = at
}

// lastLook is when somebody last saw that.
func (r *recorder) lastLook(by *actor, what string) simtest.Moment {
	r.mu.Lock()
	defer r.mu.Unlock()
	return by.looked[what]
}

// doubts notes that somebody cannot know what became of a create.
func (r *recorder) doubts(by *actor, create string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	by.inDoubtSince[create] = r.sim.Now()
}

// finds notes the record as somebody found it when they came.
func (r *recorder) finds(by *actor, found recordView) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if by.found == nil && found.IncidentID != "" {
		by.found = &found
	}
}

// said checks what a Service says.
func (r *recorder) said(where, text string) { r.happened(said{where, text}) }

// incident is what is known of one.
type incident struct {
	id, number string
	now        recordView             // as it was last written
	leasedBy   *actor                 // who took or extended the lease with that
	began      map[int]simtest.Moment // generation -> when it began, by real time
	decided    map[int]decisionView
	written    map[int]string            // generation -> the link of ours that PagerDuty took
	answered   map[int]string            // generation -> the link that was answered as attached
	made       map[int]int               // generation -> how often a caller was told to have made it
	firstSeen  map[string]int            // idempotency key -> the generation that first saw it
	looks      map[string]simtest.Moment // meeting -> the last look into it before the record said ending
	shown      string                    // the link PagerDuty shows
	shownSince simtest.Moment
	human      humanEdit
	humans     int
	allowances []*allowance
	accepted   []*actor   // whose triggers were accepted
	news       []newsItem // events that PagerDuty has not delivered yet
}

// humanEdit is the last edit by hand.
type humanEdit struct {
	url   string // empty once it is not shown any more
	since simtest.Moment
}

// allowance is a time in which a bridge need not come about, or stay.
type allowance struct {
	why string
	to  simtest.Moment // when it was over; never: it lasts
}

// Why a bridge need not come about, or stay.
const (
	isResolved     = "resolved"
	closeRequested = "close requested"
	wasRefused     = "refused"
	hasHumansLink  = "a human's bridge"
	isTooOld       = "too old"
	wasGivenUp     = "given up"
)

func newIncident(id string, number int) *incident {
	return &incident{
		id: id, number: strconv.Itoa(number), began: map[int]simtest.Moment{}, decided: map[int]decisionView{},
		written: map[int]string{}, answered: map[int]string{}, made: map[int]int{}, firstSeen: map[string]int{},
		looks: map[string]simtest.Moment{},
	}
}

// see keeps the generation that first saw an idempotency key.
func (i *incident) see(key string, generation int) {
	if _, ok := i.firstSeen[key]; !ok && key != "" {
		i.firstSeen[key] = generation
	}
}

// allow begins an allowance.
func (i *incident) allow(why string) *allowance {
	a := &allowance{why: why}
	i.allowances = append(i.allowances, a)
	return a
}

// allowUntil adds an allowance that is over.
func (i *incident) allowUntil(now simtest.Moment, why string) { i.allow(why).to = now }

// disallow ends all allowances for that reason.
func (i *incident) disallow(why string, now simtest.Moment) {
	for _, a := range i.allowances {
		if a.why == why && a.to.Never() {
			a.to = now
		}
	}
}

// allowed reports whether there was that allowance at some time since then.
func (i *incident) allowed(why string, since simtest.Moment) bool {
	return slices.ContainsFunc(i.allowances, func(a *allowance) bool {
		return a.why == why && (a.to.Never() || !a.to.Before(since))
	})
}

// meeting is one that was made, ours or not.
type meeting struct {
	markerText
	id, link string
	foreign  bool
	gone     bool
	inside   []visitor
}

type visitor struct {
	name  string
	since simtest.Moment
}

// readMeeting reads Zoom's answer to a create.
func readMeeting(body []byte) *meeting {
	var made struct {
		ID      int64  `json:"id"`
		JoinURL string `json:"join_url"`
		Agenda  string `json:"agenda"`
	}
	_ = json.Unmarshal(body, &made) // the fake writes JSON
	marker, _ := readMarker(made.Agenda)
	return &meeting{markerText: marker, id: strconv.FormatInt(made.ID, 10), link: made.JoinURL}
}

func (m *meeting) numericID() int64 {
	n, _ := strconv.ParseInt(m.id, 10, 64)
	return n
}

// remaining are the meetings that are still there, oldest first.
func (r *recorder) remaining() []*meeting {
	var there []*meeting
	for _, id := range slices.Sorted(maps.Keys(r.meetings)) {
		if m := r.meetings[id]; !m.gone {
			there = append(there, m)
		}
	}
	return there
}

func (r *recorder) meetingOf(link string) *meeting {
	for _, m := range r.meetings {
		if m.link == link {
			return m
		}
	}
	return nil
}

// linkName is a link without its passcode.
func (r *recorder) linkName(link string) string {
	if m := r.meetingOf(link); m != nil {
		return "meeting " + m.id
	}
	return link
}

// markerText is the marker that leads an agenda, as docs/decisions.md writes it down.
type markerText struct {
	ledger, incident, nonce string
	generation              int
}

func (m markerText) String() string {
	fields := fmt.Sprintf("ledger=%s incident=%s generation=%d nonce=%s", m.ledger, m.incident, m.generation, m.nonce)
	sum := sha256.Sum256([]byte(fields))
	return "[incidentbridge " + fields + " check=" + hex.EncodeToString(sum[:8]) + "]"
}

var markerPattern = regexp.MustCompile(`\[incidentbridge ledger=(\w+) incident=(\w+)(?: generation=(\d+))? nonce=(\w+)`)

func readMarker(text string) (m markerText, ok bool) {
	found := markerPattern.FindStringSubmatch(text)
	if found == nil {
		return m, false
	}
	generation, _ := strconv.Atoi(found[3])
	return markerText{ledger: found[1], incident: found[2], generation: generation, nonce: found[4]}, true
}

// hasSecret finds what must never be told.
func (r *recorder) hasSecret(text string) bool {
	return slices.ContainsFunc(r.secrets, func(secret string) bool { return strings.Contains(text, secret) })
}
