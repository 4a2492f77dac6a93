package conformance_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// account is what a small company has: both vendors, an incident, and a program that
// serves it.
type account struct {
	*server

	pagerDuty *pagerdutytest.Server
	zoom      *zoomtest.Server
	incident  string
}

const (
	ada = "Ada Lovelace (limited_user)" // as PagerDuty's form calls its users
	zoe = "Zoe Washburne (read_only_user)"
)

func newAccount(t *testing.T, program string, more ...string) *account {
	t.Helper()
	a := &account{
		pagerDuty: pagerdutytest.New(pagerdutytest.WithConsentPage()),
		zoom:      zoomtest.New(zoomtest.WithUsers("host@example.com", "ada@example.com")),
	}
	t.Cleanup(a.pagerDuty.Close)
	t.Cleanup(a.zoom.Close)
	for email, name := range map[string]string{"ada@example.com": ada, "zoe@example.com": zoe} {
		a.pagerDuty.AddUser(email, func(u *pagerdutytest.User) {
			u.Name, u.Role, _ = strings.Cut(strings.TrimSuffix(name, ")"), " (")
		})
	}
	a.incident = a.pagerDuty.AddIncident("Checkout answers 5xx in eu-west-1")
	zoomAccount, zoomClient, zoomSecret := a.zoom.AccountCredentials()
	client, secret, _ := a.pagerDuty.Credentials()
	a.server = start(t, program, append([]string{
		"STORE_URL=memory:",
		"ZOOM_ACCOUNT_ID=" + zoomAccount, "ZOOM_CLIENT_ID=" + zoomClient, "ZOOM_CLIENT_SECRET=" + zoomSecret,
		"ZOOM_HOSTS=host@example.com", "ZOOM_API_URL=" + a.zoom.URL() + "/v2", "ZOOM_OAUTH_URL=" + a.zoom.URL() + "/oauth",
		"PAGERDUTY_TOKEN=" + a.pagerDuty.Key(), "PAGERDUTY_FROM=" + a.pagerDuty.From(),
		"PAGERDUTY_API_URL=" + a.pagerDuty.URL(),
		"PAGERDUTY_CLIENT_ID=" + client, "PAGERDUTY_CLIENT_SECRET=" + secret,
		// Another site than ours, as PagerDuty is: a browser then keeps back what is for
		// one site alone.
		"PAGERDUTY_OAUTH_URL=" + strings.Replace(a.pagerDuty.URL(), "127.0.0.1", "localhost", 1) + "/oauth",
	}, more...)...)
	return a
}

// visit opens the page of the incident and logs in.
func (a *account) visit(t *testing.T, b browser, on screen, who string, before ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	page := b.open(t, a.url, on, before...)
	page.do(chromedp.Navigate(a.url + "/incidents/" + a.incident))
	page.do(chromedp.Click(`//a[normalize-space()="Log in with PagerDuty"]`))
	page.waitFor("select[name=user]")
	// The form is PagerDuty's: the first letters choose.
	page.do(chromedp.SendKeys(chromedp.CSS("select[name=user]"), who), chromedp.Click(chromedp.CSS("#allow")))
	page.waitFor("main h1#title")
	return page
}

func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	browser, program := launch(t), build(t)
	for _, script := range []bool{true, false} {
		name := "with script"
		if !script {
			name = "without script"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, program)
			page := a.visit(t, browser, phone(), ada, withScript(script))
			if at := run(page, chromedp.Location()); at != a.url+"/incidents/"+a.incident {
				t.Fatalf("the login leads to %s", at)
			}
			page.press("Create Zoom Meeting")
			page.waitFor("#join")
			link, dial := page.href("#join"), page.href("#dial")
			if shown := a.pagerDuty.Incident(a.incident).Bridge.URL; shown == "" || link != shown {
				t.Errorf("Join leads to %q, want %q", link, shown)
			}
			if !strings.HasPrefix(dial, "tel:+") {
				t.Errorf("the number leads to %q", dial)
			}
			page.do(chromedp.Click(`//a[normalize-space()="Open bridges"]`))
			page.waitFor(".rows")
			page.do(chromedp.Click(chromedp.CSS(".row")))
			page.waitFor("#join")
			page.press("Log out")
			page.waitFor(`a[href^="/login/pagerduty"]`)
			page.do(chromedp.Navigate(a.url + "/incidents/" + a.incident))
			if got := page.text("h1"); got != "Log in" {
				t.Errorf("after the logout the incident shows %q", got)
			}
		})
	}
}

// Somebody without a mouse: Tab and Enter, and it is always seen where one is.
func TestPagesByKeyboard(t *testing.T) {
	t.Parallel()
	a := newAccount(t, build(t))
	page := launch(t).open(t, a.url, desktop())
	page.do(chromedp.Navigate(a.url + "/incidents/" + a.incident))
	page.tabTo(`a[href^="/login/pagerduty"]`)
	page.do(chromedp.KeyEvent(kb.Enter))
	page.waitFor("select[name=user]")
	page.tabTo("select")
	page.do(chromedp.KeyEvent("Ada"))
	page.tabTo("#allow")
	page.do(chromedp.KeyEvent(kb.Enter))
	page.waitFor("#open")
	page.tabTo("#open")
	if outline := run(page, chromedp.Evaluate[string](`getComputedStyle(document.activeElement).outlineStyle + " " +
		getComputedStyle(document.activeElement).outlineWidth`)); outline != "solid 3px" {
		t.Errorf("the focus is shown as %q", outline)
	}
	page.do(chromedp.KeyEvent(kb.Enter))
	page.waitFor("#join")
	page.tabTo("#join")
	page.tabTo("#dial")
}

func TestPagesRefuseAStakeholder(t *testing.T) {
	t.Parallel()
	a := newAccount(t, build(t))
	page := a.visit(t, launch(t), phone(), zoe)
	if got := page.text("h1"); got != "You may not open this call" {
		t.Errorf("a stakeholder sees %q", got)
	}
	page.fits()
}

// A page on another port of the same host is a sibling: the browser sends it our cookies.
func TestPagesAreClosedToSiblings(t *testing.T) {
	t.Parallel()
	a := newAccount(t, build(t))
	page := a.visit(t, launch(t), desktop(), ada)
	token := run(page, chromedp.Evaluate[string](`document.querySelector("main form input[name=token]").value`))
	sibling := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<form method="post" action="` + a.url + `/incidents/` + a.incident + `">` +
			`<input name="token" value="` + token + `"><button>Win</button></form>`)) // even with the token
	}))
	t.Cleanup(sibling.Close)
	page.do(chromedp.Navigate(sibling.URL))
	page.press("Win")
	page.waitFor("main h1#title")
	if got := page.text("h1"); got != "Nothing was done" || len(a.zoom.Meetings()) != 0 {
		t.Errorf("the page says %q, and there are %d meetings", got, len(a.zoom.Meetings()))
	}
}

// What is asked for at 3 AM, measured: room for a thumb, text that can be read, names for
// screen readers.
func TestPagesForTiredEyes(t *testing.T) {
	t.Parallel()
	browser, program := launch(t), build(t)
	for _, on := range []screen{phone(), phone().inTheDark(), desktop(), desktop().inTheDark()} {
		t.Run(on.name(), func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, program, "FALLBACK_URL=https://meet.example.com/warroom")
			a.zoom.Fault(zoomtest.CreateMeeting, zoomtest.Answer(http.StatusForbidden, `{"code":200,"message":"no"}`).Always()) // for a warning
			page := browser.open(t, a.url, on)
			page.checkReadable()
			page = a.visit(t, browser, on, ada)
			page.checkReadable()
			page.press("Create Zoom Meeting")
			page.waitFor(".warning")
			page.checkReadable()
			page.do(chromedp.Navigate(a.url + "/"))
			page.waitFor(".rows")
			page.checkReadable()
		})
	}
}

// The pictures of the guide are of the real pages, as -update-img took them.
func TestPagePictures(t *testing.T) {
	t.Parallel()
	browser, program := launch(t), build(t)
	for _, on := range []screen{phone(), phone().inTheDark(), desktop(), desktop().inTheDark()} {
		t.Run(on.name(), func(t *testing.T) {
			t.Parallel()
			shots := []string{"page-login-", "page-button-", "page-call-", "page-list-"}
			path := func(shot string) string { return filepath.Join("..", "..", "docs", "img", shot+on.name()+".png") }
			if *updateImages {
				a := newAccount(t, program)
				page := browser.open(t, a.url, on)
				page.shoot(path(shots[0]))
				page = a.visit(t, browser, on, ada)
				page.shoot(path(shots[1]))
				page.press("Create Zoom Meeting")
				page.waitFor("#join")
				page.shoot(path(shots[2]))
				page.do(chromedp.Navigate(a.url + "/"))
				page.waitFor(".rows")
				page.shoot(path(shots[3]))
			}
			for _, shot := range shots {
				if width := pictureWidth(t, path(shot)); width != on.width {
					t.Errorf("%s is %d px wide, want %d", path(shot), width, on.width)
				}
			}
		})
	}
}

func (p *tab) href(selector string) string {
	p.t.Helper()
	return run(p, chromedp.Attributes(chromedp.CSS(selector)))["href"]
}

// tabTo presses Tab until the element has the focus.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	const most = 12
	for range most {
		p.do(chromedp.KeyEvent(kb.Tab))
		if run(p, chromedp.Evaluate[bool](`document.activeElement.matches(`+quoted(selector)+`)`)) {
			return
		}
	}
	p.t.Fatalf("%s is not reached by keyboard", selector)
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }

// checkReadable measures a page: its width, its targets, its contrast (WCAG 2.2, AA), its
// names.
func (p *tab) checkReadable() {
	p.t.Helper()
	p.fits() // and with that, the page has its look
	faults := run(p, chromedp.Evaluate[[]string](`(() => {
		const faults = [];
		const luminance = rgb => {
			const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
			return 0.2126 * r + 0.7152 * g + 0.0722 * b;
		};
		const colour = text => text.match(/[\d.]+/g).map(Number);
		const ground = e => {
			for (; e; e = e.parentElement) {
				const c = colour(getComputedStyle(e).backgroundColor);
				if (c.length === 3 || c[3] === 1) return c.slice(0, 3);
			}
			return [255, 255, 255];
		};
		for (const e of document.querySelectorAll("body *")) {
			const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
			if (!own || !e.getClientRects().length) continue;
			const [a, b] = [luminance(colour(getComputedStyle(e).color).slice(0, 3)), luminance(ground(e))].sort((x, y) => y - x);
			const contrast = (a + 0.05) / (b + 0.05);
			if (contrast < 4.5) faults.push("contrast " + contrast.toFixed(2) + ": " + e.textContent.trim());
		}
		for (const e of document.querySelectorAll("a, button, select, input:not([type=hidden])")) {
			const box = e.getBoundingClientRect();
			if (box.height < 44 || box.width < 44) faults.push("target of " + box.width + " by " + box.height + ": " + e.textContent.trim());
			if (!e.textContent.trim() && !e.getAttribute("aria-label") && !e.labels?.length) faults.push("no name: " + e.outerHTML);
		}
		if (document.documentElement.lang !== "en") faults.push("no language");
		if (!document.title) faults.push("no title");
		if (document.querySelectorAll("main").length !== 1 || document.querySelectorAll("h1").length !== 1) faults.push("no landmark");
		for (const e of document.querySelectorAll("[aria-labelledby]"))
			if (!document.getElementById(e.getAttribute("aria-labelledby"))) faults.push("label of nothing: " + e.outerHTML);
		return faults;
	})()`))
	slices.Sort(faults)
	if diff := cmp.Diff([]string{}, slices.Compact(faults)); diff != "" {
		p.t.Errorf("on %s (-want +got):\n%s", run(p, chromedp.Location()), diff)
	}
}
