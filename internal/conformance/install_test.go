package conformance_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// TestInstallInABrowser is the promise of the install: two clicks, and the button works. The vendors are other sites than
// ours, as they are: a browser keeps back what is for one site alone.
func TestInstallInABrowser(t *testing.T) {
	t.Parallel()
	browser, program := launch(t), build(t)
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

	page := browser.open(t, server.url, phone(), withScript(false))
	page.do(chromedp.Navigate(server.url + "/install?services=PSHOP01"))
	page.do(chromedp.Click(`//a[normalize-space()="Begin"]`))
	page.do(chromedp.Click(chromedp.CSS("#decline"))) // by mistake
	if said := page.text("main"); !strings.Contains(said, "not allowed at Zoom") {
		t.Errorf("after a refusal: %s", said)
	}
	page.do(chromedp.Click(`//a[normalize-space()="Begin again"]`))
	page.do(chromedp.Click(`//a[normalize-space()="Begin"]`))
	page.do(chromedp.Click(chromedp.CSS("#allow"))) // Zoom
	page.waitFor("#deny")
	page.do(chromedp.Click(chromedp.CSS("#allow"))) // PagerDuty
	page.waitFor(`form[action="/install"]`)
	if said := page.text("main"); !strings.Contains(said, "Waiting for PagerDuty's ping") {
		t.Errorf("before the ping: %s", said)
	}
	pagerDuty.Deliver(t.Context(), nil)
	page.waitFor(".chip.good") // the page reads itself again
	if said := page.text(".chip.good"); said != "PagerDuty reaches us ✓" {
		t.Errorf("after the ping: %s", said)
	}

	pagerDuty.Press(pagerDuty.Extensions()[0].ID, incident, "")
	pagerDuty.Deliver(t.Context(), nil)
	if pagerDuty.Incident(incident).Bridge.URL == "" {
		t.Error("the button opened nothing")
	}
}
