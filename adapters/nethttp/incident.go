package nethttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// titleBudget is how long a page waits for what PagerDuty says of an incident. The call is shown without it, too.
const titleBudget = 2 * time.Second

// incidentView is what the page of an incident shows.
type incidentView struct {
	Title, Service string
	Number         int
	Home           string // its address at PagerDuty; empty: not known
	Chip           chip
	Said           []string
	Call           *callView // nil: there is none to join
	Warnings       []string
	Button         string // empty: there is nothing to press
	Path, Token    string // of the button's form
}

// callView is a call that can be joined.
type callView struct {
	Join       string   // empty: a number alone
	Number     []string // in pieces that stay together on a line
	Tel        string   // for a tel: link
	Host, From string
}

// incidentPage shows an incident, its call and its button, to whoever may open it.
func (h *Handler) incidentPage(ctx context.Context, r *http.Request, who *session) answer {
	id := incidentID(r)
	if err := h.svc.Authorize(ctx, id, who.requester()); err != nil {
		return h.refuseVisitor(err, who, way{"/", "Open bridges"})
	}
	incident, err := h.incident(ctx, id)
	if err != nil {
		return h.refuseVisitor(err, who, way{"/", "Open bridges"})
	}
	b, err := h.svc.Get(ctx, incident.ID)
	if err != nil && !errors.Is(err, bridge.ErrNotFound) {
		return h.refuseVisitor(err, who, way{incidentPath(id), "Try again"})
	}
	view, refresh := newIncidentView(incident, b, who)
	a := h.show(http.StatusOK, page{
		template: "incident", Title: view.Title, Refresh: refresh, Visitor: who.visitor(), Content: view,
	})
	a.incidentID = incident.ID
	return a
}

// incident reads what a page shows of an incident. When PagerDuty is down, that is its id alone.
func (h *Handler) incident(ctx context.Context, id string) (*bridge.Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, titleBudget)
	defer cancel()
	incident, err := h.svc.Incident(ctx, id)
	switch {
	case err == nil:
		return incident, nil
	case errors.Is(err, bridge.ErrInvalid), errors.Is(err, bridge.ErrIncidentNotFound):
		return nil, err
	}
	h.logger.LogAttrs(ctx, slog.LevelWarn, "a page is shown without its incident", slog.Any("error", err))
	return &bridge.Incident{ID: id}, nil
}

// pressButton opens the incident's bridge for whoever is logged in, and leads back to the page, which shows how it stands.
func (h *Handler) pressButton(ctx context.Context, r *http.Request, who *session) answer {
	id := incidentID(r)
	b, err := h.svc.Open(ctx, bridge.Request{
		IncidentID: id,
		Requester:  who.requester(),
		Trigger:    bridge.Trigger{Kind: bridge.TriggerManual},
	})
	said, _ := errors.AsType[*bridge.Error](err)
	goesOn := err == nil || inProgress(err) || said != nil && said.Kept
	if !goesOn {
		return h.refuseVisitor(err, who, way{incidentPath(id), "Back to the incident"})
	}
	b = standing(b, err, id)
	a := seeOther(incidentPath(b.IncidentID))
	a.code, a.incidentID = string(b.State), b.IncidentID
	return a
}

func incidentPath(id string) string { return "/incidents/" + url.PathEscape(id) }

func newIncidentView(i *bridge.Incident, b *bridge.Bridge, who *session) (view incidentView, refresh int) {
	view = incidentView{
		Title: i.Title, Number: i.Number, Service: i.Service.Name, Path: incidentPath(i.ID), Token: who.Token,
	}
	if who.Home != "" {
		view.Home = who.Home + view.Path
	}
	if view.Title == "" {
		view.Title = "Incident " + i.ID
		view.Said = []string{"PagerDuty does not answer just now, so the incident's title is not known."}
	}
	if b == nil {
		b = &bridge.Bridge{}
	}
	now := stateOf(b, i.Status == bridge.StatusResolved)
	view.Chip, view.Button = now.chip, now.button
	view.Said = append(view.Said, now.said...)
	switch b.State {
	case bridge.StateCreating, bridge.StateCreated, bridge.StateAttached, bridge.StateClosing, bridge.StateExternal:
		view.Call, view.Warnings = newCallView(b), b.Warnings
	case bridge.StateFailed:
		view.Warnings = b.Warnings
	case bridge.StateEnding, bridge.StateClosed, bridge.StateAbandoned: // nobody is to be sent there any more
	}
	return view, now.refresh
}

func newCallView(b *bridge.Bridge) *callView {
	call := &callView{Join: webLink(b.JoinURL), Number: pieces(b.DialIn), Tel: tel(b.DialIn), Host: b.Host}
	switch b.Provider {
	case "static":
		call.From = "Standby room"
	case "zoom":
		call.From = "Zoom"
	}
	if call.Join == "" && call.Tel == "" {
		return nil
	}
	return call
}

// webLink is the link if a browser should follow it: a human may have written anything.
func webLink(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return link
}
