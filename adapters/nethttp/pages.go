package nethttp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/phone"
)

// titleTimeout is how long a page waits for PagerDuty's answer about an incident. The
// call is shown without it, too.
const titleTimeout = 2 * time.Second

// maxRows is how many open bridges the list shows, the newest first.
const maxRows = 100

// pages shows incidents and their calls to people who are logged in.
type pages struct {
	svc    Service
	login  *loginFlow
	view   *view
	logger *slog.Logger
}

func (p *pages) routes() []route {
	return []route{
		{"GET /{$}", pageBudget, public, p.login.requireSession(p.list)},
		{"GET /incidents/{id}", pageBudget, public, p.login.requireSession(p.incident)},
		{"POST /incidents/{id}", buttonBudget, public, p.login.requireSession(p.open)},
	}
}

// incident shows an incident, its call and its button to a person who may open it.
func (p *pages) incident(ctx context.Context, r *http.Request, s *session) response {
	id := incidentID(r)
	if err := p.svc.Authorize(ctx, id, s.requester()); err != nil {
		return p.failed(err, s, link{"/", "Open bridges"})
	}
	incident, err := p.readIncident(ctx, id)
	if err != nil {
		return p.failed(err, s, link{"/", "Open bridges"})
	}
	b, err := p.svc.Get(ctx, incident.ID)
	if errors.Is(err, bridge.ErrNotFound) {
		b, err = &bridge.Bridge{}, nil
	}
	if err != nil {
		return p.failed(err, s, link{incidentPath(id), "Try again"})
	}
	content, refresh := newIncidentView(incident, b, s)
	resp := p.view.renderPage(http.StatusOK, page{
		template: "incident", Title: content.Title, Refresh: refresh, Session: s.view(), Content: content,
	})
	resp.incidentID = incident.ID
	return resp
}

// readIncident reads what a page shows of an incident. While PagerDuty is down, that is
// its id alone.
func (p *pages) readIncident(ctx context.Context, id string) (*bridge.Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, titleTimeout)
	defer cancel()
	incident, err := p.svc.Incident(ctx, id)
	switch {
	case err == nil:
		return incident, nil
	case errors.Is(err, bridge.ErrInvalid), errors.Is(err, bridge.ErrIncidentNotFound):
		return nil, err
	}
	p.logger.LogAttrs(ctx, slog.LevelWarn, "incident unavailable, rendering page without title", slog.Any("error", err))
	return &bridge.Incident{ID: id}, nil
}

// open handles the button: it opens the incident's bridge for the person who is logged
// in, and leads back to the page, which shows the state.
func (p *pages) open(ctx context.Context, r *http.Request, s *session) response {
	id := incidentID(r)
	b, err := p.svc.Open(ctx, bridge.Request{
		IncidentID: id,
		Requester:  s.requester(),
		Trigger:    bridge.Trigger{Kind: bridge.TriggerManual},
	})
	failure, _ := errors.AsType[*bridge.Error](err)
	continues := err == nil || inProgress(err) || failure != nil && failure.Kept
	if !continues {
		return p.failed(err, s, link{incidentPath(id), "Back to the incident"})
	}
	b = pendingBridge(b, err, id)
	resp := seeOther(incidentPath(b.IncidentID))
	resp.code, resp.incidentID = string(b.State), b.IncidentID
	return resp
}

// list shows the open bridges that the person who is logged in may join.
func (p *pages) list(ctx context.Context, _ *http.Request, s *session) response {
	var open []*bridge.Bridge
	for b, err := range p.svc.List(ctx) {
		if err == nil {
			open = append(open, b)
			continue
		}
		failure, ok := errors.AsType[*bridge.Error](err)
		if !ok || failure.IncidentID == "" { // the whole list failed, not one of its bridges
			return p.failed(err, s, link{"/", "Try again"})
		}
		p.logger.LogAttrs(ctx, slog.LevelWarn, "cannot read bridge record",
			slog.String("incident_id", failure.IncidentID), slog.Any("error", err))
	}
	slices.SortFunc(open, func(a, b *bridge.Bridge) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(a.IncidentID, b.IncidentID))
	})
	rows, err := p.rows(ctx, open[:min(len(open), maxRows)], s)
	if err != nil {
		return p.failed(err, s, link{"/", "Try again"})
	}
	return p.view.renderPage(http.StatusOK, page{
		template: "bridges", Title: "Open bridges", Session: s.view(), Content: rows,
	})
}

// bridgeRow is one open bridge in the list. It has no link to join: that is on the
// incident's page.
type bridgeRow struct {
	Path, Title, Service string
	Number               int
	Badge                badge
	Since                string
	Host                 string
}

// rows reads in parallel what the list shows of each bridge. It leaves out the bridges
// that the person may not open.
func (p *pages) rows(ctx context.Context, open []*bridge.Bridge, s *session) ([]bridgeRow, error) {
	rows, errs := make([]*bridgeRow, len(open)), make([]error, len(open))
	slots := make(chan struct{}, maxParallel)
	var wg sync.WaitGroup
	for i, b := range open {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			recoverPanic(ctx, p.logger, func() response {
				row, err := p.row(ctx, b, s)
				rows[i], errs[i] = &row, err
				return response{}
			})
		})
	}
	wg.Wait()
	var visible []bridgeRow
	for i, err := range errs {
		switch {
		case errors.Is(err, bridge.ErrForbidden), errors.Is(err, bridge.ErrIncidentNotFound):
		case err != nil:
			return nil, err
		case rows[i] != nil: // nil: reading it panicked
			visible = append(visible, *rows[i])
		}
	}
	return visible, nil
}

// row fails with bridge.ErrForbidden or bridge.ErrIncidentNotFound if the person may not
// see the bridge.
func (p *pages) row(ctx context.Context, b *bridge.Bridge, s *session) (bridgeRow, error) {
	if err := p.svc.Authorize(ctx, b.IncidentID, s.requester()); err != nil {
		return bridgeRow{}, err
	}
	incident, err := p.readIncident(ctx, b.IncidentID)
	if err != nil { // PagerDuty deleted it, but the call is still open
		incident = &bridge.Incident{ID: b.IncidentID}
	}
	return bridgeRow{
		Path:    incidentPath(b.IncidentID),
		Title:   cmp.Or(incident.Title, "Incident "+b.IncidentID),
		Service: incident.Service.Name,
		Number:  incident.Number,
		Badge:   describeState(b, false).badge,
		Since:   b.OpenedAt.UTC().Format("15:04 MST"),
		Host:    b.Host,
	}, nil
}

// failed tells a person who is logged in what became of their request.
func (p *pages) failed(err error, s *session, links ...link) response {
	return p.view.htmlProblem(problemFrom(err), s.view(), links...)
}

func incidentPath(id string) string { return "/incidents/" + url.PathEscape(id) }

// incidentView is what the page of an incident shows.
type incidentView struct {
	Title, Service string
	Number         int
	Home           string // its address at PagerDuty; empty: not known
	Badge          badge
	Lines          []string
	Call           *callView // nil: there is none to join
	Warnings       []string
	Button         string // empty: there is nothing to press
	Path, Token    string // of the button's form
}

func newIncidentView(i *bridge.Incident, b *bridge.Bridge, s *session) (v incidentView, refresh int) {
	v = incidentView{
		Title: i.Title, Number: i.Number, Service: i.Service.Name, Path: incidentPath(i.ID), Token: s.Token,
	}
	if s.Home != "" {
		v.Home = s.Home + v.Path
	}
	if v.Title == "" {
		v.Title = "Incident " + i.ID
		v.Lines = []string{"PagerDuty does not answer, so the title of the incident is not known."}
	}
	state := describeState(b, i.Status == bridge.StatusResolved)
	v.Badge, v.Button = state.badge, state.button
	v.Lines = append(v.Lines, state.lines...)
	switch b.State {
	case bridge.StateCreating, bridge.StateCreated, bridge.StateAttached, bridge.StateClosing, bridge.StateExternal:
		v.Call, v.Warnings = newCallView(b), b.Warnings
	case bridge.StateFailed:
		v.Warnings = b.Warnings
	case bridge.StateEnding, bridge.StateClosed, bridge.StateAbandoned: // nobody should join any more
	}
	return v, state.refresh
}

// callView is a call that can be joined.
type callView struct {
	Join       string   // empty: there is only a number
	Number     []string // in parts that stay together on a line
	Tel        string   // for a tel: link
	Host, From string
}

// newCallView returns nil for a bridge with neither a link nor a number.
func newCallView(b *bridge.Bridge) *callView {
	v := &callView{Join: webLink(b.JoinURL), Number: phone.SplitPauses(b.DialIn), Tel: phone.TelURI(b.DialIn), Host: b.Host}
	switch b.Provider {
	case "static":
		v.From = "Standby room"
	case "zoom":
		v.From = "Zoom"
	}
	if v.Join == "" && v.Tel == "" {
		return nil
	}
	return v
}

// webLink returns the link if a browser may follow it, else "": a person may have written
// anything to the incident.
func webLink(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return link
}
