package nethttp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// mostRows is how many open bridges the list shows, the newest first.
const mostRows = 100

// bridgeRow is one open bridge in the list. It has no link to join: that is on the incident's page.
type bridgeRow struct {
	Path, Title, Service string
	Number               int
	Chip                 chip
	Since                string
	Host                 string
}

// openBridges lists what is open and may be joined by whoever is logged in.
func (h *Handler) openBridges(ctx context.Context, _ *http.Request, who *session) answer {
	var open []*bridge.Bridge
	for b, err := range h.svc.List(ctx) {
		if err == nil {
			open = append(open, b)
			continue
		}
		if said, ok := errors.AsType[*bridge.Error](err); !ok || said.IncidentID == "" { // the list, not one of its bridges
			return h.refuseVisitor(err, who, way{"/", "Try again"})
		}
		h.logger.LogAttrs(ctx, slog.LevelWarn, "a bridge is not listed", slog.Any("error", err))
	}
	slices.SortFunc(open, func(a, b *bridge.Bridge) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(a.IncidentID, b.IncidentID))
	})
	rows, err := h.rows(ctx, open[:min(len(open), mostRows)], who)
	if err != nil {
		return h.refuseVisitor(err, who, way{"/", "Try again"})
	}
	return h.show(http.StatusOK, page{template: "bridges", Title: "Open bridges", Visitor: who.visitor(), Content: rows})
}

// rows reads beside each other what the list shows of each bridge, and leaves out what is not for whoever is logged in.
func (h *Handler) rows(ctx context.Context, open []*bridge.Bridge, who *session) ([]bridgeRow, error) {
	rows, faults := make([]*bridgeRow, len(open)), make([]error, len(open))
	slots := make(chan struct{}, sideBySide)
	var read sync.WaitGroup
	for i, b := range open {
		slots <- struct{}{}
		read.Go(func() {
			defer func() { <-slots }()
			h.calmly(ctx, func() answer {
				rows[i], faults[i] = h.row(ctx, b, who)
				return answer{}
			})
		})
	}
	read.Wait()
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	var shown []bridgeRow
	for _, row := range rows {
		if row != nil {
			shown = append(shown, *row)
		}
	}
	return shown, nil
}

// row is nil for a bridge that whoever is logged in may not open.
func (h *Handler) row(ctx context.Context, b *bridge.Bridge, who *session) (*bridgeRow, error) {
	err := h.svc.Authorize(ctx, b.IncidentID, who.requester())
	if errors.Is(err, bridge.ErrForbidden) || errors.Is(err, bridge.ErrIncidentNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	incident, err := h.incident(ctx, b.IncidentID)
	if err != nil { // PagerDuty deleted it: the call is open all the same
		incident = &bridge.Incident{ID: b.IncidentID}
	}
	return &bridgeRow{
		Path: incidentPath(b.IncidentID), Title: cmp.Or(incident.Title, "Incident "+b.IncidentID), Number: incident.Number,
		Service: incident.Service.Name, Chip: stateOf(b, false).chip, Since: b.OpenedAt.UTC().Format("15:04 MST"), Host: b.Host,
	}, nil
}
