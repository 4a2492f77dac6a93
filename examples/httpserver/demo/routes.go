package demo

import (
	"context"
	"embed"
	"net/http"
	"time"
)

const (
	callPath = "/demo/call/"
	// roomID stands in callPath for the fallback room, which no vendor made.
	roomID = "room"

	// actTime bounds what a button starts; a crash is taken over within 30 seconds.
	actTime = 90 * time.Second
	// answerTime is how long a press of a button waits before the page shows it as going on.
	answerTime = 2 * time.Second
)

//go:embed assets templates
var files embed.FS

// routes serves the demo's pages, and all else from beside.
func (d *Demo) routes(beside http.Handler) *http.ServeMux {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", d.showIncident)
	pages.HandleFunc("GET /incidents/{id}", d.onScene(d.showIncident))
	pages.HandleFunc("POST /incidents/{id}", d.onScene(d.press(d.openButton())))
	pages.HandleFunc("GET "+callPath+"{id}", d.showCall)
	pages.HandleFunc("GET /demo/assets/{file}", showAsset)
	pages.HandleFunc("GET /demo/", d.showNothing)
	pages.HandleFunc("POST /demo/new", d.startOver)
	pages.HandleFunc("POST "+openPath, d.press(d.openButton()))
	for _, b := range d.proofs() {
		pages.HandleFunc("POST "+b.path, d.press(b))
	}

	all := http.NewServeMux()
	all.Handle("/", beside)
	all.Handle("GET /{$}", guarded(pages))
	all.Handle("/demo/", guarded(pages))
	all.Handle("/incidents/", guarded(pages))
	return all
}

// guarded lets no page of another origin press a button, and no page of ours load anything from elsewhere.
func guarded(pages http.Handler) http.Handler {
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

// press answers a form: the button's work is started, and the page that the redirect leads to shows how far it is.
func (d *Demo) press(b button) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		done := d.start(context.WithoutCancel(r.Context()), b)
		wait := time.NewTimer(answerTime)
		defer wait.Stop()
		select {
		case <-done:
		case <-wait.C:
		case <-r.Context().Done():
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// onScene serves the page of the incident that is on the scene, where the service has it outside the demo.
func (d *Demo) onScene(page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		here := d.scene.incidentID == r.PathValue("id")
		d.mu.Unlock()
		if !here {
			d.showNothing(w, r)
			return
		}
		page(w, r)
	}
}

// startOver brings a new incident, unless something still goes on with this one.
func (d *Demo) startOver(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	if !d.scene.act.running() {
		d.scene = d.newScene()
	}
	d.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// start does the button's work on a goroutine and returns a channel that is closed when it is over. While something
// goes on nothing else is started, and the channel is that one's.
func (d *Demo) start(ctx context.Context, b button) <-chan struct{} {
	s, a, begun := d.begin(b)
	if !begun {
		return a.done
	}
	go func() {
		defer close(a.done)
		ctx, cancel := context.WithTimeout(ctx, actTime)
		defer cancel()
		told := b.do(ctx, s)

		d.mu.Lock()
		defer d.mu.Unlock()
		a.told, a.took = told, max(time.Since(a.began), 1)
	}()
	return a.done
}

// begin takes the scene for the button: the one shown, or a fresh one when something was done to that already. A
// second click on Create is nothing new: it finds the call that is there.
func (d *Demo) begin(b button) (s *scene, a *act, begun bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, attached := d.scene.act, d.vendors.tally(d.scene).OnIncident > 0
	if last.running() || last != nil && attached && b.path == openPath {
		return d.scene, last, false
	}
	if b.path != openPath && (last != nil || attached) {
		d.scene = d.newScene()
	}
	a = &act{did: b.did, began: time.Now(), done: make(chan struct{})}
	d.scene.act = a
	return d.scene, a, true
}
