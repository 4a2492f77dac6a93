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
	"time"
)

// sheet is what the simulation reads of a record in the ledger.
type sheet struct {
	IncidentID string `json:"incident_id"`
	State      string `json:"state"`
	Generation int    `json:"generation"`
	Lease      struct {
		Owner string    `json:"owner"`
		Until time.Time `json:"until"`
	} `json:"lease"`
	Call     *sheetCall `json:"decision"`
	Standing struct {
		Call *sheetCall `json:"decision"`
	} `json:"previous"`
	CloseAsk string    `json:"close_requested"`
	Reason   string    `json:"close_reason"`
	OpenedAt time.Time `json:"opened_at"`
	OverAt   time.Time `json:"last_closed_at"`
	Verified int       `json:"verify_writes"`
}

type sheetCall struct {
	Provider  string `json:"provider"`
	MeetingID string `json:"meeting_id"`
	JoinURL   string `json:"join_url"`
}

func (c *sheetCall) name() string {
	if c.MeetingID != "" {
		return "meeting " + c.MeetingID
	}
	return c.Provider
}

// holds says whether this sheet's decision is that meeting.
func (p sheet) holds(meetingID string) bool { return p.Call.is(meetingID) }

func (c *sheetCall) is(meetingID string) bool {
	return c != nil && c.Provider == "zoom" && c.MeetingID == meetingID
}

// stands says whether this sheet has a bridge of ours that a Replace may replace.
func (p sheet) stands() bool {
	return p.Call != nil && slices.Contains([]string{"created", "attached", "closing"}, p.State)
}

func (p sheet) isOpen() bool {
	return slices.Contains([]string{"creating", "created", "attached", "closing", "ending"}, p.State)
}

func readSheet(value []byte) sheet {
	var p sheet
	_ = json.Unmarshal(value, &p) // what is no record has no incident
	return p
}

// incident is what the driver, who sees everything, knows of one.
type incident struct {
	id, number string
	now        sheet          // as it was last committed
	leasedBy   *actor         // who took or extended the lease with that
	opened     map[int]moment // when a generation began, by real time
	decided    map[int]sheetCall
	written    map[int]string    // generation -> the link of ours that PagerDuty took
	answered   map[int]string    // generation -> the link that was answered as attached
	made       map[int]int       // generation -> how often a caller was told to have made it
	firstSeen  map[string]int    // idempotency key -> the generation that first saw it
	looks      map[string]moment // meeting -> the look into it before its point of no return
	shown      string            // the link PagerDuty shows
	shownSince moment
	human      human
	humans     int
	excuses    []*excuse
	owed       []debt
	news       []newsItem
}

// human is the last edit by hand.
type human struct {
	url   string // empty once it is not shown any more
	since moment
}

// excuse is a time at which a bridge need not come about, or stay.
type excuse struct {
	why string
	to  moment // when it was over; never: it lasts
}

// debt is a trigger that was accepted: there must be a bridge in the end.
type debt struct {
	by    *actor
	since moment // when it came
}

func newIncident(id string, number int) *incident {
	return &incident{
		id: id, number: strconv.Itoa(number), opened: map[int]moment{}, decided: map[int]sheetCall{}, written: map[int]string{},
		answered: map[int]string{}, made: map[int]int{}, firstSeen: map[string]int{}, looks: map[string]moment{},
	}
}

// see keeps the generation that an idempotency key is seen in first.
func (i *incident) see(key string, generation int) {
	if _, ok := i.firstSeen[key]; !ok && key != "" {
		i.firstSeen[key] = generation
	}
}

// excuse begins one.
func (i *incident) excuse(why string) *excuse {
	e := &excuse{why: why}
	i.excuses = append(i.excuses, e)
	return e
}

// excused ends all for that reason.
func (i *incident) excused(why string, now moment) {
	for _, e := range i.excuses {
		if e.why == why && e.to.never() {
			e.to = now
		}
	}
}

// was says whether an excuse held at some time since then.
func (i *incident) was(why string, since moment) bool {
	return slices.ContainsFunc(i.excuses, func(e *excuse) bool {
		return e.why == why && (e.to.never() || !e.to.before(since))
	})
}

func (s *simulation) incident(id string) *incident {
	for _, i := range s.incidents {
		if i.id == id || i.number == id {
			return i
		}
	}
	return nil
}

// incident is the one that a call is about.
func (c *call) incident(s *simulation) *incident { return s.incident(c.key) }

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
	since moment
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

func (m *meeting) number() int64 {
	n, _ := strconv.ParseInt(m.id, 10, 64)
	return n
}

// inOrder are the meetings that are still there, oldest first.
func (s *simulation) inOrder() []*meeting {
	var there []*meeting
	for _, id := range slices.Sorted(maps.Keys(s.meetings)) {
		if m := s.meetings[id]; !m.gone {
			there = append(there, m)
		}
	}
	return there
}

func (s *simulation) meetingOf(link string) *meeting {
	for _, m := range s.meetings {
		if m.link == link {
			return m
		}
	}
	return nil
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
