package demo

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// scene is one incident and what has been done to it.
type scene struct {
	incidentID string
	// Where this scene begins in what the fakes remember.
	zoomCalls, pagerDutyCalls, meetings int

	act *act // the last thing done; nil: nothing yet. Guarded by Demo.mu.
}

// act is one press of a button.
type act struct {
	did   string // what was done, as the page tells it
	began time.Time
	done  chan struct{} // closed when it is over

	took time.Duration // zero while it goes on
	told string        // what came of it
}

func (a *act) running() bool { return a != nil && a.took == 0 }

// trouble is the title of the nth incident.
func trouble(n int) string {
	titles := []string{
		"Checkout answers 5xx in eu-west",
		"Orders queue has stopped moving",
		"Sign-in takes longer than 8 seconds",
		"Primary database is out of connections",
	}
	return titles[n%len(titles)]
}

// newScene adds a fresh incident. Faults of the scene before are over.
func (d *Demo) newScene() *scene {
	v := d.vendors
	v.zoom.ClearFaults()
	v.pagerDuty.ClearFaults()
	incidentID := v.pagerDuty.AddIncident(trouble(d.shown), func(i *pagerdutytest.Incident) {
		i.Urgency = "high"
		i.CreatedAt = time.Now()
		i.Assignees = []string{v.ada}
	})
	d.shown++
	return &scene{
		incidentID:     incidentID,
		zoomCalls:      len(v.zoom.Requests()),
		pagerDutyCalls: len(v.pagerDuty.Requests()),
		meetings:       len(v.zoom.Meetings()),
	}
}

// tally counts what is left of a scene at the vendors.
type tally struct{ Made, OnIncident, Orphans int }

// tally looks at the fakes: an orphan is a meeting that exists and is not the one on the incident.
func (v *vendors) tally(s *scene) tally {
	link := v.pagerDuty.Incident(s.incidentID).Bridge.URL
	var t tally
	if link != "" {
		t.OnIncident = 1
	}
	for _, meeting := range v.zoom.Meetings()[s.meetings:] {
		t.Made++
		if !meeting.Deleted && meeting.JoinURL != link {
			t.Orphans++
		}
	}
	return t
}

// call is a request to a vendor as the page shows it: no query, header or body, where secrets are.
type call struct {
	Vendor, Method string
	path           string
	Answer         string
	at             time.Time
}

// calls lists the requests of a scene in the order in which they arrived.
func (v *vendors) calls(s *scene) []call {
	var all []call
	for _, r := range v.zoom.Requests()[s.zoomCalls:] {
		all = append(all, newCall("Zoom", r.Method, r.Path, r.Status, r.At))
	}
	for _, r := range v.pagerDuty.Requests()[s.pagerDutyCalls:] {
		if strings.HasPrefix(r.Path, "/incidents/") && !ofIncident(r, s.incidentID) {
			continue // an earlier scene's
		}
		all = append(all, newCall("PagerDuty", r.Method, r.Path, r.Status, r.At))
	}
	slices.SortStableFunc(all, func(a, b call) int { return a.at.Compare(b.at) })
	return all
}

// same says whether other is the same request with the same answer at another time.
func (c call) same(other call) bool {
	other.at = c.at
	return c == other
}

func ofIncident(r pagerdutytest.Request, id string) bool {
	rest, _ := strings.CutPrefix(r.Path, "/incidents/")
	asked, _, _ := strings.Cut(rest, "/")
	return asked == id
}

func newCall(vendor, method, path string, status int, at time.Time) call {
	c := call{Vendor: vendor, Method: method, path: path, Answer: "no answer", at: at}
	if plain, err := url.PathUnescape(path); err == nil {
		c.path = plain
	}
	if status != 0 {
		c.Answer = strconv.Itoa(status)
	}
	return c
}

// meeting finds a meeting of the fake by what its link ends in.
func (v *vendors) meeting(id string) (zoomtest.Meeting, bool) {
	all := v.zoom.Meetings()
	i := slices.IndexFunc(all, func(m zoomtest.Meeting) bool {
		return strconv.FormatInt(m.ID, 10) == id && !m.Deleted
	})
	if i < 0 {
		return zoomtest.Meeting{}, false
	}
	return all[i], true
}
