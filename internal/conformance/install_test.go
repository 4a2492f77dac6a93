package conformance_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// uninstalled is a program that nobody has installed yet, and what it can be installed
// at. The vendors are other sites than ours, as they are: a browser keeps back what is
// for one site alone.
type uninstalled struct {
	*server

	pagerDuty *pagerdutytest.Server
	incident  string
}

func newUninstalled(t *testing.T, program string) *uninstalled {
	t.Helper()
	pagerDuty, zoom := pagerdutytest.New(pagerdutytest.WithConsentPage()), zoomtest.New(zoomtest.WithConsentPage(), zoomtest.WithAdminApp())
	t.Cleanup(pagerDuty.Close)
	t.Cleanup(zoom.Close)
	zoom.AddUser("boss@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	pagerDuty.SignIn(pagerDuty.AddUser("boss@example.com", func(u *pagerdutytest.User) { u.Role = "owner" }))
	incident := pagerDuty.AddIncident("Checkout answers 5xx in eu-west-1")
	elsewhere := func(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }
	zoomClient, zoomSecret := zoom.AppCredentials()
	client, secret, _ := pagerDuty.Credentials()
	server := start(t, program,
		"STORE_URL=memory:", "ZOOM_CLIENT_ID="+zoomClient, "ZOOM_CLIENT_SECRET="+zoomSecret,
		"ZOOM_API_URL="+zoom.URL()+"/v2", "ZOOM_OAUTH_URL="+elsewhere(zoom.URL())+"/oauth",
		"PAGERDUTY_CLIENT_ID="+client, "PAGERDUTY_CLIENT_SECRET="+secret,
		"PAGERDUTY_API_URL="+pagerDuty.URL(), "PAGERDUTY_OAUTH_URL="+elsewhere(pagerDuty.URL())+"/oauth",
	)

	return &uninstalled{server, pagerDuty, incident}
}

// allow clicks through both consents, up to the page that waits for PagerDuty's ping.
func (u *uninstalled) allow(page *tab) {
	page.t.Helper()
	page.do(chromedp.Click(`//a[normalize-space()="Begin"]`))
	page.do(chromedp.Click(chromedp.CSS("#allow"))) // Zoom
	page.waitFor("#deny")
	page.do(chromedp.Click(chromedp.CSS("#allow"))) // PagerDuty
	page.waitFor(`form[action="/install"]`)
}

// TestInstallInABrowser is the promise of the install: two clicks, and the button works.
func TestInstallInABrowser(t *testing.T) {
	t.Parallel()
	browser := launch(t)
	server := newUninstalled(t, build(t))
	page := browser.open(t, server.url, phone(), withScript(false))
	page.do(chromedp.Navigate(server.url + "/install?services=PSHOP01"))
	page.do(chromedp.Click(`//a[normalize-space()="Begin"]`))
	page.do(chromedp.Click(chromedp.CSS("#decline"))) // by mistake
	if said := page.text("main"); !strings.Contains(said, "not allowed at Zoom") {
		t.Errorf("after a refusal: %s", said)
	}
	page.do(chromedp.Click(`//a[normalize-space()="Begin again"]`))
	server.allow(page)
	if said := page.text("main"); !strings.Contains(said, "Waiting for PagerDuty's ping") {
		t.Errorf("before the ping: %s", said)
	}
	server.pagerDuty.Deliver(t.Context(), nil)
	page.waitFor(".chip.good") // the page reads itself again
	if said := page.text(".chip.good"); said != "PagerDuty reaches us ✓" {
		t.Errorf("after the ping: %s", said)
	}

	server.pagerDuty.Press(server.pagerDuty.Extensions()[0].ID, server.incident, "")
	server.pagerDuty.Deliver(t.Context(), nil)
	if server.pagerDuty.Incident(server.incident).Bridge.URL == "" {
		t.Error("the button opened nothing")
	}

	page.do(chromedp.Navigate(server.url + "/incidents/" + server.incident))
	page.do(chromedp.Click(`//a[normalize-space()="Log in with PagerDuty"]`))
	page.waitFor("#deny")
	page.do(chromedp.Click(chromedp.CSS("#allow")))
	page.waitFor("#join")
	if link := page.href("#join"); link != server.pagerDuty.Incident(server.incident).Bridge.URL {
		t.Errorf("the page leads to %s", link)
	}
}

// A callback whose state somebody changed, or that has none, installs nothing and says
// what to do.
func TestForeignCallbacksInABrowser(t *testing.T) {
	t.Parallel()
	browser := launch(t)
	server := newUninstalled(t, build(t))
	page := browser.open(t, server.url, phone(), withScript(false))
	page.do(chromedp.Navigate(server.url + "/install?services=PSHOP01"))
	for query, want := range map[string]string{
		"?code=stolen&state=made-up": "Nothing was installed This address belongs to no install",
		"?code=of-the-marketplace":   "Begin the install here You came by a link that this service did not make",
	} {
		page.do(chromedp.Navigate(server.url + "/oauth/zoom/callback" + query))
		page.waitFor("main h1#title")
		said := strings.Join(strings.Fields(page.text("main")), " ")
		if !strings.HasPrefix(said, want) {
			t.Errorf("%s: %s", query, said)
		}
		page.checkReadable()
	}
	if status, body := server.do(t, http.MethodGet, "/install/done", ""); status != http.StatusNotFound {
		t.Errorf("installed: %d %s", status, body)
	}
}

// The pictures of the guide are of the real pages, as -update-img took them.
func TestInstallPictures(t *testing.T) {
	t.Parallel()
	browser, program := launch(t), build(t)
	for _, on := range []screen{phone(), phone().inTheDark(), desktop(), desktop().inTheDark()} {
		t.Run(on.name(), func(t *testing.T) {
			t.Parallel()
			shots := []string{"page-install-", "page-refused-", "page-installed-"}
			path := func(shot string) string { return filepath.Join("..", "..", "docs", "img", shot+on.name()+".png") }
			if *updateImages {
				server := newUninstalled(t, program)
				page := browser.open(t, server.url, on)
				page.do(chromedp.Navigate(server.url + "/oauth/zoom/callback?code=stolen&state=made-up"))
				page.shoot(path(shots[1]))
				page.do(chromedp.Navigate(server.url + "/install?services=PSHOP01"))
				page.shoot(path(shots[0]))
				server.allow(page)
				server.pagerDuty.Deliver(t.Context(), nil)
				page.waitFor(".chip.good")
				page.checkReadable()
				page.shoot(path(shots[2]))
			}
			for _, shot := range shots {
				if width := pictureWidth(t, path(shot)); width != on.width {
					t.Errorf("%s is %d px wide, want %d", path(shot), width, on.width)
				}
			}
		})
	}
}
