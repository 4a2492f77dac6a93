package demo

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// Ada clicks and has a Zoom account. The host is used for users without one.
const (
	adaEmail  = "ada@example.com"
	hostEmail = "host@example.com"
)

// vendors has a fake Zoom and a fake PagerDuty.
type vendors struct {
	zoom      *zoomtest.Server
	pagerDuty *pagerdutytest.Server
	ada       string // Ada's PagerDuty user id
}

// newVendors points the links of the fake Zoom to the demo, so that no link leaves it.
func newVendors(publicURL string) *vendors {
	v := &vendors{
		zoom:      zoomtest.New(zoomtest.WithJoinURL(publicURL+"/demo/call"), zoomtest.WithUsers(adaEmail, hostEmail)),
		pagerDuty: pagerdutytest.New(),
	}
	v.ada = v.pagerDuty.AddUser(adaEmail, func(u *pagerdutytest.User) { u.Name = "Ada Lovelace" })
	return v
}

func (v *vendors) zoomClient(in *process) (*zoom.Client, error) {
	credentials := zoom.ServerToServer(v.zoom.AccountCredentials())
	return zoom.NewClient(credentials, zoom.WithTransport(in.transport(v.zoom.Transport())))
}

func (v *vendors) pagerDutyClient(in *process) (*pagerduty.Client, error) {
	key := pagerduty.APIKey(v.pagerDuty.Key(), v.pagerDuty.From())
	return pagerduty.NewClient(key, pagerduty.WithTransport(in.transport(v.pagerDuty.Transport())))
}

// tally counts what the fakes have. An orphan is a meeting that exists and is not on the
// incident.
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

// calls returns the requests of a scene in the order of their arrival.
func (v *vendors) calls(s *scene) []call {
	var all []call
	for _, r := range v.zoom.Requests()[s.zoomCalls:] {
		all = append(all, newCall("Zoom", r.Method, r.Path, r.Status, r.At))
	}
	for _, r := range v.pagerDuty.Requests()[s.pagerDutyCalls:] {
		if strings.HasPrefix(r.Path, "/incidents/") && !ofIncident(r, s.incidentID) {
			continue // of an earlier scene
		}
		all = append(all, newCall("PagerDuty", r.Method, r.Path, r.Status, r.At))
	}
	slices.SortStableFunc(all, func(a, b call) int { return a.at.Compare(b.at) })
	return all
}

// meeting returns the meeting with this id.
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

// tally counts the meetings of a scene at the vendors.
type tally struct{ Made, OnIncident, Orphans int }

// call is a request to a vendor as the page shows it: without query, header and body,
// which may have secrets.
type call struct {
	Vendor, Method string
	path           string
	Answer         string
	at             time.Time
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

// same reports whether other is the same request with the same response at another time.
func (c call) same(other call) bool {
	other.at = c.at
	return c == other
}

func ofIncident(r pagerdutytest.Request, id string) bool {
	rest, _ := strings.CutPrefix(r.Path, "/incidents/")
	requested, _, _ := strings.Cut(rest, "/")
	return requested == id
}
