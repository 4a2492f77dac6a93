package lambda_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/runtimeapi"
	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/sandbox"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// An administrator installs the app with two clicks instead of keys, and removes it at
// Zoom. Requests alternate between three processes.
func TestInstallAndUninstall(t *testing.T) {
	t.Parallel()
	v, b := install(t)
	incident := v.PagerDuty.AddIncident("Down")
	v.PagerDuty.Press(v.PagerDuty.Extensions()[0].ID, incident, "")
	v.PagerDuty.Deliver(t.Context(), b.gateway)
	wantOneMeeting(t, v, incident)
	incidentPage := b.get("/incidents/" + incident)
	incidentPage = b.get(link(t, incidentPage.body, "Log in with PagerDuty"))
	if !strings.Contains(incidentPage.body, html.EscapeString(v.Zoom.Meetings()[0].JoinURL)) {
		t.Errorf("no link to the call after the login, at %s:\n%s", incidentPage.at, incidentPage.body)
	}

	removal := v.Zoom.Uninstall("admin@example.com")
	if response := b.post("/webhooks/zoom", removal.Header, removal.Body); response.status != http.StatusOK {
		t.Errorf("the removal: %d %s", response.status, response.body)
	}
	other := v.PagerDuty.AddIncident("Down again")
	bearer := http.Header{"Authorization": {"Bearer " + sandbox.Token}}
	response := b.post("/api/v1/incidents/"+other+"/bridge", bearer, nil)
	if response.status != http.StatusConflict || !strings.Contains(response.body, "not_installed") {
		t.Errorf("after the removal: %d %s", response.status, response.body)
	}
	if left := len(v.PagerDuty.Extensions()) + len(v.PagerDuty.Subscriptions()); left > 0 {
		t.Errorf("%d buttons and subscriptions remain at PagerDuty", left)
	}
}

// A token refresh that the deadline might interrupt is not sent, because that may lose
// the grant. A process with enough time sends it.
func TestRefreshNeedsTime(t *testing.T) {
	t.Parallel()
	v, b := install(t)
	v.PagerDuty.ExpireTokens()
	incident := v.PagerDuty.AddIncident("Down")
	refreshes := func() int { return len(v.PagerDuty.Requests(pagerdutytest.GiveToken)) }
	before := refreshes()
	event := sandbox.RESTEvent(http.MethodPost, "/api/v1/incidents/"+incident+"/bridge",
		http.Header{"Authorization": {"Bearer " + sandbox.Token}}, nil)

	shortLived := startProcess(t, b.environ, 2*time.Second)
	if response := invoke(t, shortLived, event); response.StatusCode/100 == 2 {
		t.Errorf("response %+v, although nothing can be read at PagerDuty", response)
	}
	if err := shortLived.Idle(t.Context()); err != nil || refreshes() != before {
		t.Errorf("%d refreshes were sent without enough time: %v", refreshes()-before, err)
	}
	if response := invoke(t, startProcess(t, b.environ, 30*time.Second), event); response.StatusCode != http.StatusCreated || refreshes() != before+1 {
		t.Errorf("with time: response %+v after %d refreshes, want 201 after one", response, refreshes()-before)
	}
	wantOneMeeting(t, v, incident)
}

// install installs the app as an administrator would.
func install(t *testing.T) (*sandbox.Vendors, *browser) {
	t.Helper()
	v := &sandbox.Vendors{Zoom: zoomtest.New(zoomtest.WithAdminApp()), PagerDuty: pagerdutytest.New()}
	t.Cleanup(v.Close)
	v.Zoom.AddUser("admin@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	v.PagerDuty.SignIn(v.PagerDuty.AddUser("admin@example.com", func(u *pagerdutytest.User) { u.Role = "owner" }))
	b := newBrowser(t, v)
	start := b.get("/install?services=PSHOP01")
	confirmation := b.get(link(t, start.body, "Begin"))
	v.PagerDuty.Deliver(t.Context(), b.gateway)
	confirmation = b.get(confirmation.at)
	if !strings.Contains(confirmation.body, "PagerDuty reaches us ✓") {
		t.Fatalf("the install ends at %s:\n%s", confirmation.at, confirmation.body)
	}
	return v, b
}

// browser is an administrator's browser in front of the function.
type browser struct {
	t       *testing.T
	gateway *sandbox.Gateway
	environ []string // of the function's processes
	origin  string
	client  *http.Client
}

// page is a response and its address after all redirects.
type page struct {
	status   int
	at, body string
}

// newBrowser starts the function as the template configures it for an install.
func newBrowser(t *testing.T, v *sandbox.Vendors) *browser {
	t.Helper()
	zoomClient, zoomSecret := v.Zoom.AppCredentials()
	client, secret, _ := v.PagerDuty.Credentials()
	values := templateEnvironment(t, map[string]string{"ZoomClientId": zoomClient, "PagerDutyClientId": client, "ZoomWebhooks": "yes"})
	parameters := sandbox.Parameters{
		"/incidentbridge/store-keys":              "k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"/incidentbridge/action-tokens":           sandbox.Token,
		"/incidentbridge/zoom-client-secret":      zoomSecret,
		"/incidentbridge/zoom-webhook-secrets":    v.Zoom.WebhookSecret(),
		"/incidentbridge/pagerduty-client-secret": secret,
	}
	ssm := httptest.NewServer(parameters)
	t.Cleanup(ssm.Close)
	values["STORE_URL"] = newTable(t) // in dynalite
	values["AWS_ENDPOINT_URL_SSM"] = ssm.URL
	values["AWS_REGION"], values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"] = "us-east-1", "none", "none"
	values["ZOOM_API_URL"], values["ZOOM_OAUTH_URL"] = v.Zoom.URL()+"/v2", v.Zoom.URL()+"/oauth"
	values["PAGERDUTY_API_URL"], values["PAGERDUTY_OAUTH_URL"] = v.PagerDuty.URL(), v.PagerDuty.URL()+"/oauth"
	var environ []string
	for name, value := range values {
		environ = append(environ, name+"="+value)
	}
	var processes []*runtimeapi.Environment
	for range 3 {
		processes = append(processes, startProcess(t, environ, 30*time.Second))
	}

	var turn atomic.Int64
	address, err := url.Parse(values["PUBLIC_URL"])
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &sandbox.Gateway{Host: address.Host, Invoke: func(ctx context.Context, event []byte) ([]byte, error) {
		return processes[turn.Add(1)%3].Invoke(ctx, event)
	}}
	return &browser{t, g, environ, values["PUBLIC_URL"], &http.Client{Jar: jar, Transport: g}}
}

func (b *browser) get(address string) page {
	b.t.Helper()
	return b.send(http.MethodGet, address, http.Header{"Accept": {"text/html"}}, nil)
}

func (b *browser) post(address string, header http.Header, body []byte) page {
	b.t.Helper()
	return b.send(http.MethodPost, address, header, body)
}

func (b *browser) send(method, address string, header http.Header, body []byte) page {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.origin + address
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header = header
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{response.StatusCode, response.Request.URL.String(), string(text)}
}

// link returns the target of the link with this label.
func link(t *testing.T, body, label string) string {
	t.Helper()
	found := regexp.MustCompile(`href="([^"]*)"[^>]*>` + regexp.QuoteMeta(label) + `<`).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("no link %q on the page:\n%s", label, body)
	}
	return html.UnescapeString(found[1])
}
