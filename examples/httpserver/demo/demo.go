package demo

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Demo is the demo's pages and, beside them, the routes that a real deployment has. It is safe for concurrent use.
type Demo struct {
	vendors   *vendors
	store     tokenstore.Store
	settings  *settings.Settings
	logger    *slog.Logger
	service   *bridge.Service
	templates *template.Template
	mux       *http.ServeMux

	mu    sync.Mutex
	scene *scene // what the page shows now
	shown int    // how many scenes there were
}

// New returns a demo with its first incident. It opens no socket and starts no goroutine; who calls it runs the
// service.
func New(given *settings.Settings, store tokenstore.Store, logger *slog.Logger) (*Demo, error) {
	s := *given
	if s.FallbackURL == "" && s.FallbackNumber == "" {
		s.FallbackURL, s.FallbackNumber = settings.RoomURL(s.PublicURL)+callPath+roomID, "+1 202 555 0100"
	}
	d := &Demo{vendors: newVendors(string(s.PublicURL)), store: store, settings: &s, logger: logger}
	var err error
	if d.templates, err = template.ParseFS(files, "templates/*.html"); err != nil {
		return nil, err
	}
	if d.service, err = d.newService(nil); err != nil {
		return nil, err
	}
	handler, err := s.Handler(d.service, logger)
	if err != nil {
		return nil, err
	}
	d.mux = d.routes(handler)
	d.scene = d.newScene()
	return d, nil
}

// Service is the one that answers the clicks; its Run takes over what a crashed process left.
func (d *Demo) Service() *bridge.Service { return d.service }

// ServeHTTP answers one request.
func (d *Demo) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// newService returns a service over the fakes and the store: in this process, or in one that can die.
func (d *Demo) newService(in *process) (*bridge.Service, error) {
	zc, err := d.vendors.zoomClient(in)
	if err != nil {
		return nil, err
	}
	pd, err := d.vendors.pagerDutyClient(in)
	if err != nil {
		return nil, err
	}
	store, logger := d.store, d.logger
	if in != nil {
		store, logger = in.store(store), slog.New(slog.DiscardHandler) // the dead tell nothing
	}
	return bridge.New(
		bridge.PagerDuty(pd),
		bridge.Zoom(zc, hostEmail),
		store,
		d.settings.ServiceOptions(logger)...,
	)
}

// bridge returns what the ledger holds for an incident: a zero Bridge if nothing yet.
func (d *Demo) bridge(ctx context.Context, incidentID string) (*bridge.Bridge, error) {
	b, err := d.service.Get(ctx, incidentID)
	if errors.Is(err, bridge.ErrNotFound) {
		return &bridge.Bridge{}, nil
	}
	return b, err
}

// open asks for the bridge of a scene as Ada does who clicks.
func (d *Demo) open(ctx context.Context, svc *bridge.Service, s *scene) (*bridge.Bridge, error) {
	return svc.Open(ctx, bridge.Request{
		IncidentID: s.incidentID,
		Requester:  bridge.Requester{ID: d.vendors.ada},
		Trigger:    bridge.Trigger{Kind: bridge.TriggerManual},
		OccurredAt: time.Now(),
	})
}
