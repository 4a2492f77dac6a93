package demo_test

import (
	"context"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/incidentbridge/incidentbridge/examples/httpserver/demo"
	"github.com/incidentbridge/incidentbridge/examples/internal/settings"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func TestButtons(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path, tally, result string
		within              time.Duration
	}{
		{"/demo/open", "1 1 0", "One click. The call is on the incident.", time.Second},
		{
			"/demo/clicks", "1 1 0",
			"Ten clicks at once. 10 of 10 clicks were answered with 1 link; 1 click made the call.", time.Second,
		},
		{"/demo/zoom-down", "0 1 0", "A click while Zoom is down. The call is on the incident.", time.Minute},
		{"/demo/cut-line", "1 1 0", "A click whose answer was lost. The call is on the incident.", time.Minute},
		{"/demo/crash", "1 1 0", "A crash at the worst moment. The call is on the incident.", 31 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newBrowser(t, nil)
				if before := v.page("/"); !strings.Contains(before.text, "CONFERENCE: none") || before.tally() != "0 0 0" {
					t.Fatalf("before the click:\n%s", before.text)
				}
				began := time.Now()
				if status := v.press(test.path); status != http.StatusSeeOther {
					t.Fatalf("POST %s: %d, want 303", test.path, status)
				}
				after := v.whenQuiet()
				if took := time.Since(began); took > test.within {
					t.Errorf("took %v, want at most %v", took, test.within)
				}
				if diff := cmp.Diff(test.tally, after.tally()); diff != "" {
					t.Errorf("made, on the incident, orphans (-want +got):\n%s", diff)
				}
				if !strings.Contains(after.text, "CONFERENCE: on the incident") || !strings.Contains(after.text, test.result) {
					t.Errorf("after the click, want %q on:\n%s", test.result, after.text)
				}
				join := after.find(`href="(/demo/call/[^"]+)"`)
				if call := v.page(join); call.status != http.StatusOK {
					t.Errorf("GET %s: %d, want 200", join, call.status)
				}
			})
		})
	}
}

func TestCallView(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newBrowser(t, nil)
		v.press("/demo/open")
		page := v.whenQuiet()
		for _, want := range []string{
			"High", "Join the call", "Host ada@example.com", "Provider zoom", "Took ",
			"GET /incidents/", "Zoom POST /v2/users/ada@example.com/meetings 201", "PUT /incidents/",
		} {
			if !strings.Contains(page.text, want) {
				t.Errorf("no %q on:\n%s", want, page.text)
			}
		}
		// One tap dials the number, the meeting and the passcode: "#" would end the link.
		tel := page.find(`href="tel:([^"]+)"`)
		if !regexp.MustCompile(`^\+[0-9]+,+[0-9]+%23,+\*[0-9]+%23$`).MatchString(tel) {
			t.Errorf("tel:%s is not a number, a meeting and a passcode", tel)
		}
	})
}

func TestFallbackIsNoted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newBrowser(t, map[string]string{"FALLBACK_NUMBER": "+49 30 901820"})
		v.press("/demo/zoom-down")
		page := v.whenQuiet()
		for _, want := range []string{"Provider static", "+49 30 901820", "Notes on the incident", "POST /incidents/"} {
			if !strings.Contains(page.text, want) {
				t.Errorf("no %q on:\n%s", want, page.text)
			}
		}
		// Zoom is up again for the next incident.
		v.press("/demo/new")
		v.press("/demo/open")
		if next := v.whenQuiet(); !strings.Contains(next.text, "Provider zoom") {
			t.Errorf("after the fault:\n%s", next.text)
		}
	})
}

func TestCrashTakeover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newBrowser(t, nil)
		v.press("/demo/crash")
		page := v.page("/")
		if !page.busy() || page.tally() != "1 0 1" || !strings.Contains(page.text, "CONFERENCE: taking over…") {
			t.Fatalf("after the crash:\n%s", page.text)
		}
		// Nothing else starts in the meantime.
		v.press("/demo/clicks")
		v.press("/demo/new")
		if during := v.page("/"); during.incident() != page.incident() || during.tally() != "1 0 1" {
			t.Errorf("something else started:\n%s", during.text)
		}
		if after := v.whenQuiet(); after.incident() != page.incident() || after.tally() != "1 1 0" {
			t.Errorf("after the takeover:\n%s", after.text)
		}
	})
}

func TestButtonsStartNewIncidents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		first, second string
		fresh         bool
	}{
		{"/demo/open", "/demo/open", false}, // a double click
		{"/demo/open", "/demo/clicks", true},
		{"/demo/zoom-down", "/demo/cut-line", true},
		{"/demo/clicks", "/demo/new", true},
		{"", "/demo/clicks", false},
		{"", "/demo/new", true},
	}
	for _, test := range tests {
		t.Run(test.first+" then "+test.second, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newBrowser(t, nil)
				if test.first != "" {
					v.press(test.first)
				}
				before := v.whenQuiet().incident()
				v.wait()
				v.press(test.second)
				after := v.whenQuiet()
				if fresh := after.incident() != before; fresh != test.fresh {
					t.Errorf("a new incident: %v, want %v", fresh, test.fresh)
				}
				if strings.Contains(after.text, "+-") {
					t.Errorf("calls made before the click:\n%s", after.text)
				}
				if orphans := after.find(`<dd>([0-9]+)</dd><dt>orphans`); orphans != "0" {
					t.Errorf("%s orphans", orphans)
				}
			})
		})
	}
}

func TestPagesAreSecured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newBrowser(t, nil)
		v.press("/demo/open")
		call := v.whenQuiet().find(`href="(/demo/call/[^"]+)"`)
		for path, status := range map[string]int{
			"/": 200, call: 200, "/demo/call/room": 200, "/demo/call/1": 404, "/demo/none": 404, "/demo/open": 404,
			"/incidents/QINCIDENT0001": 200, "/incidents/PNONE": 404,
		} {
			page := v.page(path)
			if page.status != status {
				t.Errorf("GET %s: %d, want %d", path, page.status, status)
			}
			if !strings.Contains(page.text, "Demo · ") {
				t.Errorf("GET %s has no banner", path)
			}
			for _, bad := range []string{"<script", "<style", " style=", " on", "//", "zoom.us", "pwd"} {
				if strings.Contains(page.tags(), bad) {
					t.Errorf("GET %s has %q in a tag", path, bad)
				}
			}
			const policy = "default-src 'none'; style-src 'self'; form-action 'self'; img-src 'self'"
			if got := page.header.Get("Content-Security-Policy"); !strings.HasPrefix(got, policy) {
				t.Errorf("GET %s: Content-Security-Policy %q", path, got)
			}
		}
		for _, path := range []string{"/assets/style.css", "/demo/assets/demo.css"} {
			if style := v.page(path); style.status != http.StatusOK ||
				!strings.HasPrefix(style.header.Get("Content-Type"), "text/css") {
				t.Errorf("%s: %d %s", path, style.status, style.header.Get("Content-Type"))
			}
		}
	})
}

func TestCrossOriginClicks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header [2]string
		status int
	}{
		{"our own page", [2]string{"Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther},
		{"our own page in an older browser", [2]string{"Origin", "http://demo.test"}, http.StatusSeeOther},
		{"another site", [2]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"a sibling host", [2]string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{"another site in an older browser", [2]string{"Origin", "http://evil.test"}, http.StatusForbidden},
		{"a page without an origin", [2]string{"Origin", "null"}, http.StatusForbidden},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newBrowser(t, nil)
				if status := v.press("/demo/open", test.header); status != test.status {
					t.Errorf("POST: %d, want %d", status, test.status)
				}
				made := v.whenQuiet().tally() == "1 1 0"
				if allowed := test.status == http.StatusSeeOther; made != allowed {
					t.Errorf("a meeting was made: %v, want %v", made, allowed)
				}
			})
		})
	}
}

// browser is a browser in front of a demo whose service runs.
type browser struct {
	t    *testing.T
	demo *demo.Demo
}

func newBrowser(t *testing.T, environ map[string]string) browser {
	t.Helper()
	s, err := settings.Load(environ)
	if err != nil {
		t.Fatal(err)
	}
	s.PublicURL = "http://demo.test"
	d, err := demo.New(s, tokenstore.NewMemory(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = d.Service().Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-stopped
	})
	return browser{t: t, demo: d}
}

func (b browser) press(path string, headers ...[2]string) int {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, "http://demo.test"+path, nil)
	for _, h := range headers {
		r.Header.Set(h[0], h[1])
	}
	w := httptest.NewRecorder()
	b.demo.ServeHTTP(w, r)
	return w.Code
}

func (b browser) page(path string) page {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://demo.test"+path, nil)
	w := httptest.NewRecorder()
	b.demo.ServeHTTP(w, r)
	source := w.Body.String()
	text := regexp.MustCompile(`<wbr>`).ReplaceAllString(source, "")
	text = regexp.MustCompile(`(<[^>]*>|\s)+`).ReplaceAllString(text, " ")
	return page{t: b.t, status: w.Code, header: w.Header(), source: source, text: html.UnescapeString(text)}
}

// whenQuiet reloads the page as its refresh does, until no work is running.
func (b browser) whenQuiet() page {
	b.t.Helper()
	for until := time.Now().Add(2 * time.Minute); ; {
		p := b.page("/")
		if !p.busy() {
			return p
		}
		if time.Now().After(until) {
			b.t.Fatalf("work is still running:\n%s", p.text)
		}
		b.wait()
	}
}

// wait waits for a second of the bubble's clock.
func (b browser) wait() { <-time.NewTimer(time.Second).C }

// page is a response: its source and its visible text.
type page struct {
	t            *testing.T
	status       int
	header       http.Header
	source, text string
}

func (p page) busy() bool { return strings.Contains(p.source, `http-equiv="refresh"`) }

func (p page) find(pattern string) string {
	p.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(p.source)
	if found == nil {
		p.t.Fatalf("no %s on:\n%s", pattern, p.source)
	}
	return html.UnescapeString(found[1])
}

func (p page) incident() string { return p.find(`Incident (#[0-9]+)`) }

// tally returns the counters: meetings made, on the incident, orphans.
func (p page) tally() string {
	p.t.Helper()
	return fmt.Sprintf("%s %s %s", p.find(`<dd>([0-9]+)</dd><dt>meetings made`),
		p.find(`<dd>([0-9]+)</dd><dt>on the incident`), p.find(`<dd>([0-9]+)</dd><dt>orphans`))
}

// tags returns the tags of the page without its text.
func (p page) tags() string {
	return strings.Join(regexp.MustCompile(`<[^>]*>`).FindAllString(p.source, -1), "\n")
}
