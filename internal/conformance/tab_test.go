package conformance_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/incidentbridge/incidentbridge/internal/conformance/need"
)

// browser is a running Chromium.
type browser struct{ ctx context.Context }

// launch starts a headless Chromium that asks nobody but the pages' own server.
func launch(t *testing.T) browser {
	t.Helper()
	path := need.Program(t, "chromium", "apt-get install -y --no-install-recommends chromium fonts-dejavu-core",
		"chromium", "chromium-browser", "google-chrome")
	opts := append(
		chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // the tests may run as root in a container, and open no page but ours
		chromedp.DisableGPU,
		chromedp.Flag("headless", "new"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-component-update", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("chromium does not start: %v", err)
	}
	return browser{ctx: ctx}
}

// screen is what a page is shown on.
type screen struct {
	width, height int64
	scheme        string // of colours
}

func phone() screen   { return screen{width: 320, height: 568, scheme: "light"} }
func desktop() screen { return screen{width: 1280, height: 720, scheme: "light"} }

func (s screen) inTheDark() screen {
	s.scheme = "dark"
	return s
}

func (s screen) name() string { return strconv.FormatInt(s.width, 10) + "-" + s.scheme }

// withScript reports whether pages may run script. Ours have none, so nothing may change.
func withScript(yes bool) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled,
			emulation.SetScriptExecutionDisabledParams{Value: !yes})
		return err
	})
}

func withColours(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// tab is a page that is open.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string
}

// open shows a server's first page in a tab of its own, which shares nothing with others.
func (b browser) open(t *testing.T, origin string, on screen, before ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	page := &tab{t: t, ctx: ctx, origin: origin}
	page.do() // makes the tab, whose life must not have the deadline
	page.ctx, cancel = context.WithDeadline(ctx, lastCall(t))
	t.Cleanup(cancel)

	page.do(chromedp.EmulateViewport(on.width, on.height), withColours(on.scheme))
	page.do(before...)
	page.do(chromedp.Navigate(origin + "/"))
	return page
}

// do takes actions on the page; when one fails or takes too long, the test ends and shows
// the page.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	run(p, chromedp.Steps(actions...))
}

// run takes an action that has a result.
func run[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	result, err := chromedp.Run(p.ctx, action)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), time.Second)
		defer cancel()
		html, _ := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
		p.t.Fatalf("%v, on the page:\n%s", err, html)
	}
	return result
}

// runsScript reports whether a page in this tab may run script, by one that tries; then
// it goes back to the demo.
func (p *tab) runsScript() bool {
	p.t.Helper()
	p.do(chromedp.Navigate(`data:text/html,<p>off</p><script>document.querySelector("p").textContent = "on"</script>`))
	said := p.text("p")
	p.do(chromedp.Navigate(p.origin + "/"))
	return said == "on"
}

func (p *tab) text(selector string) string {
	p.t.Helper()
	return strings.TrimSpace(run(p, chromedp.Text(chromedp.CSS(selector))))
}

// shoot takes a picture of the whole page.
func (p *tab) shoot(path string) {
	p.t.Helper()
	p.loaded()
	if err := os.WriteFile(path, small(p.t, run(p, chromedp.FullScreenshot(100))), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) waitFor(selector string) {
	p.t.Helper()
	p.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// press clicks the button with this label, where a finger would.
func (p *tab) press(label string) {
	p.t.Helper()
	p.do(chromedp.Click(`//button[normalize-space()="` + label + `"]`))
}

// follow clicks a link, which must lead to a page of the demo below prefix.
func (p *tab) follow(label, prefix string) {
	p.t.Helper()
	p.do(chromedp.Click(`//a[normalize-space()="` + label + `"]`))
	p.waitFor("main.single")
	if at := run(p, chromedp.Location()); !strings.HasPrefix(at, p.origin+prefix) {
		p.t.Errorf("%s leads to %s, want a page below %s", label, at, p.origin+prefix)
	}
	if banner := p.text(".banner strong"); banner != "Demo" {
		p.t.Errorf("the banner says %q, want Demo", banner)
	}
}

// loaded waits for what the page loads, its look among it.
func (p *tab) loaded() {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`new Promise(done => document.readyState === "complete" ? done() : addEventListener("load", done))`,
		chromedp.EvalAwaitPromise))
}

// fits fails when the page can be scrolled sideways.
func (p *tab) fits() {
	p.t.Helper()
	p.loaded()
	page := run(p, chromedp.Evaluate[int]("document.documentElement.scrollWidth"))
	window := run(p, chromedp.Evaluate[int]("window.innerWidth"))
	if page > window {
		p.t.Errorf("the page is %d px wide in a window of %d px", page, window)
	}
}

// scene reads what a person sees of an incident.
func (p *tab) scene() scene {
	p.t.Helper()
	_, told, _ := strings.Cut(p.text(".told p"), ". ")
	return scene{
		Conference: p.text(".field .chip"),
		Made:       p.text(".tally div:nth-child(1) dd"),
		OnIncident: p.text(".tally div:nth-child(2) dd"),
		Orphans:    p.text(".tally div:nth-child(3) dd"),
		Told:       told,
	}
}
