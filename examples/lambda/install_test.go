package main

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

	"github.com/incidentbridge/incidentbridge/examples/internal/runtimeapi"
	"github.com/incidentbridge/incidentbridge/examples/lambda/internal/sandbox"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// The template's other half: no keys, an administrator installs the app with two clicks, and its removal at Zoom is the end.
// Every request meets the next of three processes, as on Lambda.
func TestInstallAndUninstall(t *testing.T) {
	t.Parallel()
	v, visit := install(t)
	incident := v.PagerDuty.AddIncident("Down")
	v.PagerDuty.Press(v.PagerDuty.Extensions()[0].ID, incident, "")
	v.PagerDuty.Deliver(t.Context(), visit.gateway)
	wantOneMeeting(t, v, incident)
	page := visit.get("/incidents/" + incident)
	page = visit.get(link(t, page.body, "Log in with PagerDuty"))
	if !strings.Contains(page.body, html.EscapeString(v.Zoom.Meetings()[0].JoinURL)) {
		t.Errorf("no link to the call after the login, at %s:\n%s", page.at, page.body)
	}

	removal := v.Zoom.Uninstall("boss@example.com")
	if said := visit.post("/webhooks/zoom", removal.Header, removal.Body); said.status != http.StatusOK {
		t.Errorf("the removal is answered with %d: %s", said.status, said.body)
	}
	other := v.PagerDuty.AddIncident("Down again")
	bearer := http.Header{"Authorization": {"Bearer " + sandbox.Token}}
	said := visit.post("/api/v1/incidents/"+other+"/bridge", bearer, nil)
	if said.status != http.StatusConflict || !strings.Contains(said.body, "not_installed") {
		t.Errorf("after the removal: %d %s", said.status, said.body)
	}
	if left := len(v.PagerDuty.Extensions()) + len(v.PagerDuty.Subscriptions()); left > 0 {
		t.Errorf("%d buttons and subscriptions are left at PagerDuty", left)
	}
}

// A refresh that might be cut off with its process is not sent: that may cost the grant. Whoever has time sends it.
func TestAGrantIsNotRefreshedWithoutTime(t *testing.T) {
	t.Parallel()
	v, visit := install(t)
	v.PagerDuty.ExpireTokens()
	incident := v.PagerDuty.AddIncident("Down")
	refreshes := func() int { return len(v.PagerDuty.Requests(pagerdutytest.GiveToken)) }
	before := refreshes()
	event := sandbox.REST(http.MethodPost, "/api/v1/incidents/"+incident+"/bridge",
		http.Header{"Authorization": {"Bearer " + sandbox.Token}}, nil)

	hurried := start(t, visit.environ, 2*time.Second)
	if a := ask(t, hurried, event); a.StatusCode/100 == 2 {
		t.Errorf("answered %+v, and nothing can be read at PagerDuty", a)
	}
	if err := hurried.Idle(t.Context()); err != nil || refreshes() != before {
		t.Errorf("%d refreshes were sent in too little time: %v", refreshes()-before, err)
	}
	if a := ask(t, start(t, visit.environ, 30*time.Second), event); a.StatusCode != http.StatusCreated || refreshes() != before+1 {
		t.Errorf("with time: answered %+v after %d refreshes, want 201 after one", a, refreshes()-before)
	}
	wantOneMeeting(t, v, incident)
}

// install has an administrator install the app.
func install(t *testing.T) (*sandbox.Vendors, *visitor) {
	t.Helper()
	v := &sandbox.Vendors{Zoom: zoomtest.New(zoomtest.WithAdminApp()), PagerDuty: pagerdutytest.New()}
	t.Cleanup(v.Close)
	v.Zoom.AddUser("boss@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	v.PagerDuty.SignIn(v.PagerDuty.AddUser("boss@example.com", func(u *pagerdutytest.User) { u.Role = "owner" }))
	visit := gateway(t, v)
	page := visit.get("/install?services=PSHOP01")
	confirmation := visit.get(link(t, page.body, "Begin"))
	v.PagerDuty.Deliver(t.Context(), visit.gateway)
	confirmation = visit.get(confirmation.at)
	if !strings.Contains(confirmation.body, "PagerDuty reaches us ✓") {
		t.Fatalf("the install ends at %s:\n%s", confirmation.at, confirmation.body)
	}
	return v, visit
}

// visitor is a browser in front of the function.
type visitor struct {
	t       *testing.T
	gateway *sandbox.Gateway
	environ []string // of the function's processes
	origin  string
	client  *http.Client
}

// sheet is an answer, and the address that it came from after all redirects.
type sheet struct {
	status   int
	at, body string
}

// gateway starts the function as the template sets it up for an install.
func gateway(t *testing.T, v *sandbox.Vendors) *visitor {
	t.Helper()
	zoomClient, zoomSecret := v.Zoom.AppCredentials()
	client, secret, _ := v.PagerDuty.Credentials()
	values := environ(t, map[string]string{"ZoomClientId": zoomClient, "PagerDutyClientId": client, "ZoomWebhooks": "yes"})
	parameters := map[string]string{
		"/incidentbridge/store-keys":              "k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"/incidentbridge/action-tokens":           sandbox.Token,
		"/incidentbridge/zoom-client-secret":      zoomSecret,
		"/incidentbridge/zoom-webhook-secrets":    v.Zoom.WebhookSecret(),
		"/incidentbridge/pagerduty-client-secret": secret,
	}
	ssm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answerParameters(w, r, parameters) }))
	t.Cleanup(ssm.Close)
	values["STORE_URL"] = newTable(t) // at the stand-in
	values["AWS_ENDPOINT_URL_SSM"] = ssm.URL
	values["AWS_REGION"], values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"] = "us-east-1", "none", "none"
	values["ZOOM_API_URL"], values["ZOOM_OAUTH_URL"] = v.Zoom.URL()+"/v2", v.Zoom.URL()+"/oauth"
	values["PAGERDUTY_API_URL"], values["PAGERDUTY_OAUTH_URL"] = v.PagerDuty.URL(), v.PagerDuty.URL()+"/oauth"
	var list []string
	for name, value := range values {
		list = append(list, name+"="+value)
	}
	var processes []*runtimeapi.Environment
	for range 3 {
		processes = append(processes, start(t, list, 30*time.Second))
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
	return &visitor{t, g, list, values["PUBLIC_URL"], &http.Client{Jar: jar, Transport: g}}
}

func (v *visitor) get(address string) sheet {
	v.t.Helper()
	return v.send(http.MethodGet, address, http.Header{"Accept": {"text/html"}}, nil)
}

func (v *visitor) post(address string, header http.Header, body []byte) sheet {
	v.t.Helper()
	return v.send(http.MethodPost, address, header, body)
}

func (v *visitor) send(method, address string, header http.Header, body []byte) sheet {
	v.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.origin + address
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(string(body)))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header = header
	response, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return sheet{response.StatusCode, response.Request.URL.String(), string(text)}
}

// link is where the page's link with this label leads.
func link(t *testing.T, page, label string) string {
	t.Helper()
	found := regexp.MustCompile(`href="([^"]*)"[^>]*>` + regexp.QuoteMeta(label) + `<`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no link %q on the page:\n%s", label, page)
	}
	return html.UnescapeString(found[1])
}
