package demo

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// button is one thing that can be pressed. do returns what came of it.
type button struct {
	path, label, about, did string
	do                      func(context.Context, *scene) string
}

const openPath = "/demo/open"

// openButton is the one that a real incident has too.
func (d *Demo) openButton() button {
	return button{
		path: openPath, label: "Create Zoom Meeting", did: "One click",
		do: func(ctx context.Context, s *scene) string { return outcome(d.open(ctx, d.service, s)) },
	}
}

// proofs are the buttons that break something.
func (d *Demo) proofs() []button {
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
	answers := make([]*bridge.Bridge, clicks)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			if b, err := d.open(ctx, d.service, s); err == nil {
				answers[i] = b
			}
		})
	}
	all.Wait()

	links, answered, created := map[string]bool{}, 0, 0
	for _, b := range answers {
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

// crash lets a process of its own answer the click and die; this one's Run finds what it left.
func (d *Demo) crash(ctx context.Context, s *scene) string {
	p := newProcess(ctx)
	defer p.kill()
	svc, err := d.newService(p)
	if err != nil {
		return outcome(nil, err)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = d.open(p.life, svc, s) // nobody is left to hear the answer
	}()
	select {
	case <-p.died():
	case <-answered:
	}
	return outcome(d.untilAttached(ctx, s))
}

// untilAttached watches the ledger until the incident has its call.
func (d *Demo) untilAttached(ctx context.Context, s *scene) (*bridge.Bridge, error) {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		b, err := d.bridge(ctx, s.incidentID)
		if err != nil || b.State != "" && b.State != bridge.StateCreating && b.State != bridge.StateCreated {
			return b, err
		}
		select {
		case <-ctx.Done():
			return b, ctx.Err()
		case <-look.C:
		}
	}
}

// outcome tells what came of a click.
func outcome(b *bridge.Bridge, err error) string {
	if err != nil {
		return "It failed: " + err.Error() + "."
	}
	switch b.State {
	case bridge.StateAttached:
		return "The call is on the incident."
	case bridge.StateCreated:
		return "The call is made; PagerDuty has not accepted it yet."
	default:
		return "The bridge is " + string(b.State) + "."
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
