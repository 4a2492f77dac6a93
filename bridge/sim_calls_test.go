package bridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Faults that only a vendor has.
const (
	limited simtest.Fault = "daily limit"      // of the host
	refused simtest.Fault = "refused for good" // by PagerDuty
)

// storeOf is the store as a process sees it.
func (s *simulation) storeOf(p *program) tokenstore.Store {
	return simtest.Store{
		Sim: s.Sim, Shared: s.store,
		Actor: func(ctx context.Context) *simtest.Actor { return &p.actorOf(ctx).Actor },
		Describe: func(ctx context.Context, c *simtest.Call, r tokenstore.Record) {
			s.leaves(ctx, c)
			if c.Op == "put" {
				c.Step = "store put other"
			}
			if c.Op == "put" && strings.HasPrefix(c.Key, "bridge/") {
				c.Step = "store put " + readRecord(r.Value).State
			}
			c.Weight = weightOf(c.Step)
		},
		Read:    func(ctx context.Context, r tokenstore.Record) { s.finds(p.actorOf(ctx), readRecord(r.Value)) },
		Written: func(ctx context.Context, _, r tokenstore.Record) { s.wrote(p.actorOf(ctx), r) },
		Listed:  func(ctx context.Context, keys []string) []string { return ownOnly(p.actorOf(ctx), keys) },
		Summary: func(r tokenstore.Record) string { return readRecord(r.Value).summary() },
	}
}

// ownOnly hides what is due for other incidents than the one that an actor is to look
// after. Then no two goroutines of a Reconcile do the same thing at once, and every call
// has a name of its own.
func ownOnly(by *actor, keys []string) (own []string) {
	for _, key := range keys {
		if strings.HasSuffix(key, "/"+by.incident) {
			own = append(own, key)
		}
	}
	return own
}

// leaves notes that a call leaves its process.
func (s *simulation) leaves(ctx context.Context, c *simtest.Call) {
	by, _ := ctx.Value(actorKey{}).(*actor)
	deadline, _ := ctx.Deadline()
	s.happened(sentCall{by, c.Op, deadline})
}

// wrote notes a record that was written.
func (s *simulation) wrote(by *actor, r tokenstore.Record) {
	now := readRecord(r.Value)
	if now.IncidentID == "" {
		return
	}
	i := s.incident(now.IncidentID)
	s.Trace("%s writes %s, due in %s", by.Name, now.summary(), untilText(r.DueAt))
	s.happened(committed{by: by, incident: i, before: i.now, now: now, due: r.DueAt, at: s.Now()})
}

// zoomTransport is the way of a process to Zoom.
func (s *simulation) zoomTransport(p *program) simtest.Transport {
	return simtest.Transport{
		Sim: s.Sim, Next: s.zoom.Transport(),
		Describe: func(r *http.Request, body []byte) (*simtest.Call, func(simtest.Response)) {
			return s.zoomCall(p, r, body)
		},
		Rewrite: func(c *simtest.Call, r *http.Request) {
			if c.Step != "zoom list" {
				return
			}
			query := r.URL.Query()
			query.Set("page_size", "2") // so that a search turns pages
			r.URL.RawQuery = query.Encode()
		},
		Broken: map[simtest.Fault]simtest.Response{limited: {
			Status: http.StatusTooManyRequests,
			Body:   []byte(`{"code":429,"message":"A maximum of 100 meetings can be created/updated for a single user in one day."}`),
		}},
	}
}

func (s *simulation) zoomCall(p *program, r *http.Request, body []byte) (*simtest.Call, func(simtest.Response)) {
	var (
		op, key = zoomRoute(r, body)
		by      = p.actorOf(r.Context())
		look    string
	)
	if op == "token" {
		by = p.shared // actors share one request, and which of them came first is not defined
	}
	c := newCall(by, "zoom "+op, key, r.Method != http.MethodGet && op != "token")
	c.Answered = func() { s.answeredLook(by, look, c) }
	s.leaves(r.Context(), c)
	switch op {
	case "create":
		s.describeCreate(c, by, r, body)
		return c, func(a simtest.Response) {
			if isSuccess(a) {
				s.made(a.Body)
			}
		}
	case "get":
		return c, func(a simtest.Response) {
			if isSuccess(a) {
				look = "meeting " + key
			}
		}
	case "list":
		return c, func(a simtest.Response) {
			if isSuccess(a) || a.Status == http.StatusNotFound { // there is no such host, so nothing of ours either
				host, _, _ := strings.Cut(key, " ")
				look = "list " + host
			}
		}
	case "end", "delete":
		return c, func(a simtest.Response) {
			if isSuccess(a) {
				s.happened(removedMeeting{by, op, key})
			}
		}
	default:
		return c, nil
	}
}

// describeCreate is what there is to say of a create.
func (s *simulation) describeCreate(c *simtest.Call, by *actor, r *http.Request, body []byte) {
	marker, _ := readMarker(string(body))
	_, host, _ := strings.Cut(c.Key, " at ")
	what := fmt.Sprintf("generation %d at %s", marker.generation, host)
	c.Faults, c.LateBound = []simtest.Fault{limited}, lateBound
	c.Faulted = func(f simtest.Fault) {
		if f != simtest.Unreachable && f != limited {
			s.doubts(by, what)
		}
	}
	deadline, _ := r.Context().Deadline()
	s.happened(sentCreate{by: by, host: host, what: what, marker: marker, deadline: deadline})
}

func (s *simulation) made(body []byte) {
	m := readMeeting(body)
	s.meetings[m.id] = m
	s.Trace("meeting %s is made for generation %d of %s", m.id, m.generation, m.incident)
}

// pagerDutyTransport is the way of a process to PagerDuty.
func (s *simulation) pagerDutyTransport(p *program) simtest.Transport {
	return simtest.Transport{
		Sim: s.Sim, Next: s.pd.Transport(),
		Describe: func(r *http.Request, body []byte) (*simtest.Call, func(simtest.Response)) {
			return s.pagerDutyCall(p, r, body)
		},
		Broken: map[simtest.Fault]simtest.Response{refused: {
			Status: http.StatusForbidden, Body: []byte(`{"error":{"code":2010,"message":"Access Denied"}}`),
		}},
	}
}

func (s *simulation) pagerDutyCall(p *program, r *http.Request, body []byte) (*simtest.Call, func(simtest.Response)) {
	var (
		op, key = pagerDutyRoute(r)
		by      = p.actorOf(r.Context())
		look    string
	)
	if op == "get_user" {
		by = p.shared // actors share one request, and which of them came first is not defined
	}
	c := newCall(by, "pagerduty "+op, key, r.Method != http.MethodGet)
	c.Answered = func() { s.answeredLook(by, look, c) }
	s.leaves(r.Context(), c)
	switch op {
	case "get_incident":
		return c, func(a simtest.Response) {
			if isSuccess(a) {
				look = s.incident(key).id
			}
		}
	case "update_incident":
		return c, s.describeWrite(c, by, body)
	case "add_note":
		return c, func(a simtest.Response) {
			if isSuccess(a) {
				s.said("a note", string(body))
			}
		}
	default:
		return c, nil
	}
}

// describeWrite is what there is to say of a write to an incident.
func (s *simulation) describeWrite(c *simtest.Call, by *actor, body []byte) (processed func(simtest.Response)) {
	i, seen := s.incident(c.Key), s.lastLook(by, c.Key)
	c.Faults = []simtest.Fault{refused}
	c.Faulted = func(f simtest.Fault) {
		if f == refused {
			i.allowUntil(s.Now(), wasRefused)
		}
	}
	return func(a simtest.Response) {
		if !isSuccess(a) {
			return
		}
		link := sentLink(body)
		s.Trace("%s shows %s", i.id, s.linkName(link))
		s.happened(wroteLink{by: by, seen: seen, incident: i, link: link})
	}
}

// answeredLook notes what an actor has seen, if anything.
func (s *simulation) answeredLook(by *actor, look string, c *simtest.Call) {
	if look != "" {
		s.sees(by, look, c.Processed())
	}
}

func newCall(by *actor, step, key string, changes bool) *simtest.Call {
	return &simtest.Call{
		By: &by.Actor, Op: step, Key: key, Step: step, Weight: weightOf(step),
		Changes: changes, TakesLateAnswer: changes,
	}
}

func isSuccess(a simtest.Response) bool { return a.Status/100 == 2 }

// zoomRoute names the operation of a request to Zoom, and what it is about.
func zoomRoute(r *http.Request, body []byte) (op, key string) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	last := parts[len(parts)-1]
	switch {
	case last == "token":
		return "token", ""
	case last == "meetings" && r.Method == http.MethodPost:
		m, _ := readMarker(string(body))
		return "create", m.incident + " at " + parts[2]
	case last == "meetings":
		return "list", parts[2] + " " + r.URL.Query().Get("next_page_token")
	case last == "status":
		return "end", parts[2]
	case r.Method == http.MethodDelete:
		return "delete", last
	default:
		return "get", last
	}
}

// pagerDutyRoute names the operation of a request to PagerDuty, and what it is about.
func pagerDutyRoute(r *http.Request) (op, key string) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	last := parts[len(parts)-1]
	switch {
	case parts[0] == "users" && r.Method == http.MethodGet:
		return "get_user", last + r.URL.Query().Get("query")
	case last == "notes":
		return "add_note", parts[1]
	case r.Method == http.MethodPut:
		return "update_incident", last
	default:
		return "get_incident", last
	}
}

// sentLink reads the link out of a write to an incident.
func sentLink(body []byte) string {
	var write struct {
		Incident struct {
			Bridge struct {
				URL string `json:"conference_url"`
			} `json:"conference_bridge"`
		} `json:"incident"`
	}
	_ = json.Unmarshal(body, &write) // what is no JSON has no link
	return write.Incident.Bridge.URL
}
