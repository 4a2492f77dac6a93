package demo

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

//go:embed assets templates
var files embed.FS

const (
	openPath = "/demo/open"
	callPath = "/demo/call/"
	// roomID follows callPath for the fallback room, which no vendor created.
	roomID = "room"

	// actionTime limits the work of a button; a crash is taken over within 30 seconds.
	actionTime = 90 * time.Second
	// responseTime is how long a click waits for its work before the page shows it as
	// running.
	responseTime = 2 * time.Second
)

// Demo serves the demo's pages beside the routes of a real deployment. It is safe for
// concurrent use.
type Demo struct {
	vendors   *vendors
	store     tokenstore.Store
	settings  *settings.Settings
	logger    *slog.Logger
	service   *bridge.Service
	templates *template.Template
	mux       *http.ServeMux

	mu    sync.Mutex
	scene *scene // what the page shows
	shown int    // the number of scenes so far
}

// New returns a demo with its first incident. It opens no socket and starts no goroutine;
// the caller runs the service.
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

// Service returns the service behind the buttons. Its Run finishes what a crashed process
// left.
func (d *Demo) Service() *bridge.Service { return d.service }

// ServeHTTP implements http.Handler.
func (d *Demo) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// newService returns a service over the fakes and the store: in this process, or in one
// that can be killed.
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
		store, logger = in.store(store), slog.New(slog.DiscardHandler) // a killed process logs nothing
	}
	return bridge.New(
		bridge.PagerDuty(pd),
		bridge.Zoom(zc, hostEmail),
		store,
		d.settings.ServiceOptions(logger)...,
	)
}

// bridge returns what the ledger holds for an incident, a zero Bridge if nothing yet.
func (d *Demo) bridge(ctx context.Context, incidentID string) (*bridge.Bridge, error) {
	b, err := d.service.Get(ctx, incidentID)
	if errors.Is(err, bridge.ErrNotFound) {
		return &bridge.Bridge{}, nil
	}
	return b, err
}

// open opens the bridge of a scene as Ada's click does.
func (d *Demo) open(ctx context.Context, svc *bridge.Service, s *scene) (*bridge.Bridge, error) {
	return svc.Open(ctx, bridge.Request{
		IncidentID: s.incidentID,
		Requester:  bridge.Requester{ID: d.vendors.ada},
		Trigger:    bridge.Trigger{Kind: bridge.TriggerManual},
		OccurredAt: time.Now(),
	})
}

// routes returns the routes of the demo's pages, and those of service for all others.
func (d *Demo) routes(service http.Handler) *http.ServeMux {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", d.showIncident)
	pages.HandleFunc("GET /incidents/{id}", d.onScene(d.showIncident))
	pages.HandleFunc("POST /incidents/{id}", d.onScene(d.press(d.openButton())))
	pages.HandleFunc("GET "+callPath+"{id}", d.showCall)
	pages.HandleFunc("GET /demo/assets/{file}", showAsset)
	pages.HandleFunc("GET /demo/", d.showNotFound)
	pages.HandleFunc("POST /demo/new", d.startOver)
	pages.HandleFunc("POST "+openPath, d.press(d.openButton()))
	for _, b := range d.faultButtons() {
		pages.HandleFunc("POST "+b.path, d.press(b))
	}

	all := http.NewServeMux()
	all.Handle("/", service)
	all.Handle("GET /{$}", secured(pages))
	all.Handle("/demo/", secured(pages))
	all.Handle("/incidents/", secured(pages))
	return all
}

// press returns the handler of a button's form. It starts the button's work and redirects
// to the page, which shows the progress.
func (d *Demo) press(b button) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		done := d.start(context.WithoutCancel(r.Context()), b)
		wait := time.NewTimer(responseTime)
		defer wait.Stop()
		select {
		case <-done:
		case <-wait.C:
		case <-r.Context().Done():
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// onScene serves the page of the current incident under the path that it has outside the
// demo.
func (d *Demo) onScene(page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		current := d.scene.incidentID == r.PathValue("id")
		d.mu.Unlock()
		if !current {
			d.showNotFound(w, r)
			return
		}
		page(w, r)
	}
}

// startOver shows a new incident, unless work on this one is still running.
func (d *Demo) startOver(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	if !d.scene.action.running() {
		d.scene = d.newScene()
	}
	d.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// start runs the button's work in a goroutine and returns a channel that is closed at its
// end. While other work is running it starts nothing and returns that work's channel.
func (d *Demo) start(ctx context.Context, b button) <-chan struct{} {
	s, a, started := d.begin(b)
	if !started {
		return a.done
	}
	go func() {
		defer close(a.done)
		ctx, cancel := context.WithTimeout(ctx, actionTime)
		defer cancel()
		result := b.do(ctx, s)

		d.mu.Lock()
		defer d.mu.Unlock()
		a.result, a.took = result, max(time.Since(a.started), 1)
	}()
	return a.done
}

// begin chooses the scene for a button: the current one, or a new one if the current one
// was used already. A second click on Create is not new: it finds the call that is there.
func (d *Demo) begin(b button) (s *scene, a *action, started bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, attached := d.scene.action, d.vendors.tally(d.scene).OnIncident > 0
	if last.running() || last != nil && attached && b.path == openPath {
		return d.scene, last, false
	}
	if b.path != openPath && (last != nil || attached) {
		d.scene = d.newScene()
	}
	a = &action{name: b.did, started: time.Now(), done: make(chan struct{})}
	d.scene.action = a
	return d.scene, a, true
}

// showIncident shows the current scene.
func (d *Demo) showIncident(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	s := *d.scene
	if s.action != nil {
		snapshot := *s.action
		s.action = &snapshot
	}
	d.mu.Unlock()

	b, err := d.bridge(r.Context(), s.incidentID)
	if err != nil {
		d.logger.ErrorContext(r.Context(), "demo: bridge not read", "incident_id", s.incidentID, "error", err)
		http.Error(w, "Demo: the ledger cannot be read", http.StatusInternalServerError)
		return
	}
	incident := d.vendors.pagerDuty.Incident(s.incidentID)
	d.show(w, r, http.StatusOK, "incident.html", incidentPage{
		Title:    incident.Title,
		Refresh:  s.action.running(),
		Incident: newIncidentView(incident),
		Call:     newCallView(incident, b),
		Action:   newActionView(s.action, b),
		Open:     newButtonView(d.openButton(), s.action.running()),
		Faults:   newButtonViews(d.faultButtons(), s.action.running()),
		Tally:    d.vendors.tally(&s),
		Calls:    newCallRows(d.vendors.calls(&s), s.action),
	})
}

// showCall shows the page that Join leads to, in the place of Zoom's own.
func (d *Demo) showCall(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	meeting, found := d.vendors.meeting(id)
	switch {
	case found:
		d.show(w, r, http.StatusOK, "call.html", map[string]string{
			"Title": meeting.Topic, "Host": meeting.Host, "ID": id,
		})
	case id == roomID:
		d.show(w, r, http.StatusOK, "call.html", map[string]string{"Title": "The fallback room"})
	default:
		d.showNotFound(w, r)
	}
}

func (d *Demo) showNotFound(w http.ResponseWriter, r *http.Request) {
	d.show(w, r, http.StatusNotFound, "nothing.html", map[string]string{"Title": "Nothing here"})
}

// show renders a page completely before it sends anything.
func (d *Demo) show(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var page bytes.Buffer
	if err := d.templates.ExecuteTemplate(&page, name, data); err != nil {
		d.logger.ErrorContext(r.Context(), "demo: page not written", "template", name, "error", err)
		http.Error(w, "Demo: this page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // the client may have left
}

// newScene adds an incident and ends the faults of the previous scene.
func (d *Demo) newScene() *scene {
	v := d.vendors
	v.zoom.ClearFaults()
	v.pagerDuty.ClearFaults()
	incidentID := v.pagerDuty.AddIncident(incidentTitle(d.shown), func(i *pagerdutytest.Incident) {
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

// openButton returns the button that a real incident has, too.
func (d *Demo) openButton() button {
	return button{
		path: openPath, label: "Create Zoom Meeting", did: "One click",
		do: func(ctx context.Context, s *scene) string { return outcome(d.open(ctx, d.service, s)) },
	}
}

// faultButtons returns the buttons that break something.
func (d *Demo) faultButtons() []button {
	return []button{
		{
			path: "/demo/clicks", label: "Click 10 times", did: "Ten clicks at once",
			about: "Ten people press the button in the same instant.",
			do:    d.tenClicks,
		},
		{
			path: "/demo/zoom-down", label: "Zoom down", did: "A click while Zoom is down",
			about: "Zoom answers 503 to everything. The call is the fallback room.",
			do:    d.zoomDown,
		},
		{
			path: "/demo/cut-line", label: "Cut the line after Zoom made it", did: "A click whose answer was lost",
			about: "Zoom makes the meeting, and its answer never arrives.",
			do:    d.cutLine,
		},
		{
			path: "/demo/crash", label: "Crash before PagerDuty", did: "A crash at the worst moment",
			about: "The process dies between Zoom and PagerDuty. Another takes over when its lease ends, within 30 seconds.",
			do:    d.crash,
		},
	}
}

func (d *Demo) tenClicks(ctx context.Context, s *scene) string {
	const clicks = 10
	bridges := make([]*bridge.Bridge, clicks)
	var wg sync.WaitGroup
	for i := range bridges {
		wg.Go(func() {
			if b, err := d.open(ctx, d.service, s); err == nil {
				bridges[i] = b
			}
		})
	}
	wg.Wait()

	links, answered, created := map[string]bool{}, 0, 0
	for _, b := range bridges {
		if b == nil {
			continue
		}
		answered++
		links[b.JoinURL] = true
		if b.Created {
			created++
		}
	}
	return fmt.Sprintf("%d of %d clicks were answered with %s; %s the call.",
		answered, clicks, count(len(links), "link"), count(created, "click")+" made")
}

func (d *Demo) zoomDown(ctx context.Context, s *scene) string {
	d.vendors.zoom.Fault(zoomtest.Any, zoomtest.Answer(http.StatusServiceUnavailable, "").Always())
	defer d.vendors.zoom.ClearFaults()
	return outcome(d.open(ctx, d.service, s))
}

func (d *Demo) cutLine(ctx context.Context, s *scene) string {
	d.vendors.zoom.Fault(zoomtest.CreateMeeting, zoomtest.ResetAfter())
	defer d.vendors.zoom.ClearFaults()
	return outcome(d.open(ctx, d.service, s))
}

// crash serves the click in a process that is killed, and waits until this process's Run
// has finished the work.
func (d *Demo) crash(ctx context.Context, s *scene) string {
	p := newProcess(ctx)
	defer p.kill()
	svc, err := d.newService(p)
	if err != nil {
		return outcome(nil, err)
	}
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		_, _ = d.open(p.ctx, svc, s) // the process is killed before it returns
	}()
	select {
	case <-p.killed():
	case <-opened:
	}
	return outcome(d.untilAttached(ctx, s))
}

// untilAttached polls the ledger until the bridge is neither creating nor created.
func (d *Demo) untilAttached(ctx context.Context, s *scene) (*bridge.Bridge, error) {
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		b, err := d.bridge(ctx, s.incidentID)
		if err != nil || b.State != "" && b.State != bridge.StateCreating && b.State != bridge.StateCreated {
			return b, err
		}
		select {
		case <-ctx.Done():
			return b, ctx.Err()
		case <-poll.C:
		}
	}
}

// secured refuses clicks from pages of another origin, and keeps the demo's pages from
// loading anything from elsewhere.
func secured(pages http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection().Handler(pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; img-src 'self'; "+
			"base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // no-referrer would also hide the Origin of our own forms
		h.Set("Cache-Control", "no-store")
		sameOrigin.ServeHTTP(w, r)
	})
}

func showAsset(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, path.Join("assets", r.PathValue("file")))
}
