package main

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestBadSettingsEndWithTwo(t *testing.T) {
	t.Parallel()
	const keys = "a:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	tests := []struct{ name, environ, line string }{
		{
			"half-set", "PAGERDUTY_TOKEN=t STORE_URL=memory:",
			"missing ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET, ZOOM_HOSTS, PAGERDUTY_FROM",
		},
		{"invalid in the demo", "ADDR=8080", "ADDR must be host:port"},
		{
			"a store that is for examples/lambda", "STORE_URL=dynamodb://bridge STORE_KEYS=" + keys,
			"STORE_URL may be of these kinds here: memory, postgres, redis, sqlite",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			environ := map[string]string{}
			for pair := range strings.FieldsSeq(test.environ) {
				key, value, _ := strings.Cut(pair, "=")
				environ[key] = value
			}
			var stderr bytes.Buffer
			if code := run(t.Context(), environ, &stderr); code != exitSettings {
				t.Errorf("exit code %d, want %d", code, exitSettings)
			}
			if diff := cmp.Diff("incidentbridge: "+test.line+"\n", stderr.String()); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATakenAddressEndsWithOne(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var stderr bytes.Buffer
	if code := run(t.Context(), map[string]string{"ADDR": taken.Addr().String()}, &stderr); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("stderr: %s", stderr.String())
	}
}

// A stop signal during a create: the caller still gets the bridge, then the process ends.
func TestRunningRequestsAreFinished(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	response, code := v.stopWhileCreating(t)
	close(v.create)

	if got := <-response; !strings.Contains(got, `"state":"attached"`) {
		t.Errorf("the caller got %s", got)
	}
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want %d", got, exitOK)
	}
	if link := v.pagerDuty.Incident(v.incidentID).Bridge.URL; link == "" {
		t.Error("no bridge on the incident")
	}
}

// A stop signal while Zoom hangs: the caller gets the current state in time.
func TestHangingRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	response, code := v.stopWhileCreating(t)
	defer close(v.create)

	if got := <-response; !strings.Contains(got, `"state":"creating"`) {
		t.Errorf("the caller got %s", got)
	}
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want %d", got, exitOK)
	}
}

// stopWhileCreating starts the server, opens a bridge, and stops the server during the
// create.
func (v *vendors) stopWhileCreating(t *testing.T) (response chan string, code chan int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	stderr, written := io.Pipe()
	response, code = make(chan string, 1), make(chan int, 1)
	go func() { code <- run(ctx, v.environ(), written) }()
	log := json.NewDecoder(stderr)
	url := until(t, log, "listening").PublicURL
	go func() { response <- post(t, url+"/api/v1/incidents/"+v.incidentID+"/bridge") }()
	<-v.creating
	stop()
	until(t, log, "stopping")
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return response, code
}

// With an OAuth app at PagerDuty, users log in and press the button.
func TestLogin(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	close(v.create)
	environ := v.environ()
	id, secret, _ := v.pagerDuty.Credentials()
	maps.Copy(environ, map[string]string{
		"PAGERDUTY_CLIENT_ID": id, "PAGERDUTY_CLIENT_SECRET": secret, "PAGERDUTY_OAUTH_URL": v.pagerDuty.URL() + "/oauth",
	})
	stderr, written := io.Pipe()
	go func() { run(t.Context(), environ, written) }()
	log := json.NewDecoder(stderr)
	address := until(t, log, "listening").PublicURL
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}

	page := browse(t, client, http.MethodGet, address+"/login/pagerduty?back=/incidents/"+v.incidentID, nil)
	_, token, _ := strings.Cut(page, `name="token" value="`)
	token, _, _ = strings.Cut(token, `"`)
	page = browse(t, client, http.MethodPost, address+"/incidents/"+v.incidentID, url.Values{"token": {token}})
	if link := v.pagerDuty.Incident(v.incidentID).Bridge.URL; link == "" || !strings.Contains(page, html.EscapeString(link)) {
		t.Errorf("the page lacks %q:\n%s", link, page)
	}
}

// The service opens a bridge with every kind of credentials; with an OAuth install only
// after an administrator installed the app.
func TestCredentials(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                     string
		installZoom, installDuty bool
		appToken                 bool
		host                     string
	}{
		{name: "both apps are installed", installZoom: true, installDuty: true, host: "host@example.com"},
		{name: "the Zoom app is installed", installZoom: true, host: "host@example.com"},
		{name: "the PagerDuty app is installed", installDuty: true, host: "host@example.com"},
		{name: "the PagerDuty app has its own token", appToken: true, host: "host@example.com"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := newVendors(t)
			close(v.create)
			environ := v.environ()
			if test.installZoom {
				id, secret := v.zoom.AppCredentials()
				maps.Copy(environ, map[string]string{
					"ZOOM_ACCOUNT_ID": "", "ZOOM_HOSTS": "", "ZOOM_CLIENT_ID": id, "ZOOM_CLIENT_SECRET": secret,
				})
			}
			if test.installDuty || test.appToken {
				id, secret, account := v.pagerDuty.Credentials()
				maps.Copy(environ, map[string]string{
					"PAGERDUTY_TOKEN": "", "PAGERDUTY_FROM": "", "PAGERDUTY_CLIENT_ID": id, "PAGERDUTY_CLIENT_SECRET": secret,
					"PAGERDUTY_OAUTH_URL": v.pagerDuty.URL() + "/oauth",
				})
				if test.appToken {
					environ["PAGERDUTY_SUBDOMAIN"], environ["PAGERDUTY_FROM"] = account, v.pagerDuty.From()
				}
			}
			v.pagerDuty.SignIn(v.pagerDuty.AddUser("admin@example.com", func(u *pagerdutytest.User) { u.Role = "admin" }))
			stderr, written := io.Pipe()
			go func() { run(t.Context(), environ, written) }()
			log := json.NewDecoder(stderr)
			address := until(t, log, "listening").PublicURL
			go func() { _, _ = io.Copy(io.Discard, stderr) }()

			open := address + "/api/v1/incidents/" + v.incidentID + "/bridge"
			if test.installZoom || test.installDuty {
				if got := post(t, open); !strings.Contains(got, "not_installed") {
					t.Errorf("before the install: %s", got)
				}
				jar, err := cookiejar.New(nil)
				if err != nil {
					t.Fatal(err)
				}
				page := browse(t, &http.Client{Jar: jar}, http.MethodGet, address+"/install", nil)
				if !strings.Contains(page, ">Installed</h1>") {
					t.Errorf("the install ends on %s", page)
				}
			}
			got := post(t, open)
			if !strings.Contains(got, `"state":"attached"`) || !strings.Contains(got, `"host":"`+test.host+`"`) {
				t.Errorf("got %s", got)
			}
		})
	}
}

// browse sends a request as a browser does from our own page, follows redirects, and
// returns the page.
func browse(t *testing.T, client *http.Client, method, address string, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d, %v\n%s", method, address, resp.StatusCode, err, body)
	}
	return string(body)
}

// vendors has both fakes on loopback addresses. Zoom creates a meeting once create is
// closed.
type vendors struct {
	zoom             *zoomtest.Server
	zoomURL          string
	pagerDuty        *pagerdutytest.Server
	incidentID       string
	creating, create chan struct{}
}

func newVendors(t *testing.T) *vendors {
	t.Helper()
	v := &vendors{
		zoom: zoomtest.New(), pagerDuty: pagerdutytest.New(),
		creating: make(chan struct{}), create: make(chan struct{}),
	}
	v.zoom.AddUser("host@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	v.incidentID = v.pagerDuty.AddIncident("Checkout answers 5xx")
	t.Cleanup(v.pagerDuty.Close)
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/meetings") {
			once.Do(func() { close(v.creating) })
			<-v.create
		}
		v.zoom.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	v.zoomURL = server.URL
	return v
}

func (v *vendors) environ() map[string]string {
	account, client, secret := v.zoom.AccountCredentials()
	return map[string]string{
		"ADDR": "127.0.0.1:0", "STORE_URL": "memory:", "ACTION_TOKENS": "token",
		"ZOOM_ACCOUNT_ID": account, "ZOOM_CLIENT_ID": client, "ZOOM_CLIENT_SECRET": secret,
		"ZOOM_HOSTS": "host@example.com", "ZOOM_API_URL": v.zoomURL + "/v2", "ZOOM_OAUTH_URL": v.zoomURL + "/oauth",
		"PAGERDUTY_TOKEN": v.pagerDuty.Key(), "PAGERDUTY_FROM": v.pagerDuty.From(), "PAGERDUTY_API_URL": v.pagerDuty.URL(),
	}
}

// line has the fields of a log line that the tests read.
type line struct {
	Msg       string `json:"msg"`
	PublicURL string `json:"public_url"`
}

// until reads the log up to the line with this message.
func until(t *testing.T, log *json.Decoder, msg string) line {
	t.Helper()
	for {
		var l line
		if err := log.Decode(&l); err != nil {
			t.Fatal(err)
		}
		if l.Msg == msg {
			return l
		}
	}
}

func post(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Authorization", "Bearer token")
	resp, err := new(http.Client).Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
