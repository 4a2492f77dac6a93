package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
		{
			"Zoom's install flow",
			"STORE_URL=memory: ZOOM_CLIENT_ID=c ZOOM_CLIENT_SECRET=s PAGERDUTY_TOKEN=t PAGERDUTY_FROM=a@example.com",
			"ZOOM_ACCOUNT_ID is not set: the OAuth install flow comes with a later release",
		},
		{
			"PagerDuty's install flow",
			"STORE_URL=memory: ZOOM_ACCOUNT_ID=a ZOOM_CLIENT_ID=c ZOOM_CLIENT_SECRET=s ZOOM_HOSTS=h " +
				"PAGERDUTY_CLIENT_ID=c PAGERDUTY_CLIENT_SECRET=s",
			"PAGERDUTY_CLIENT_ID: OAuth comes with a later release; use PAGERDUTY_TOKEN and PAGERDUTY_FROM",
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

// The signal comes while Zoom is making the meeting: the caller still gets the call, and only then the process ends.
func TestWhatRunsIsFinished(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	answer, code := v.stopWhileCreating(t)
	close(v.create)

	if got := <-answer; !strings.Contains(got, `"state":"attached"`) {
		t.Errorf("the caller got %s", got)
	}
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want %d", got, exitOK)
	}
	if link := v.pagerDuty.Incident(v.incidentID).Bridge.URL; link == "" {
		t.Error("no call on the incident")
	}
}

// Zoom hangs when the signal comes: the caller is told what stands while there is time.
func TestWhatHangsIsAnsweredAsItStands(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	answer, code := v.stopWhileCreating(t)
	defer close(v.create)

	if got := <-answer; !strings.Contains(got, `"state":"creating"`) {
		t.Errorf("the caller got %s", got)
	}
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, want %d", got, exitOK)
	}
}

// stopWhileCreating starts the server, clicks, and sends the signal once the create is at Zoom.
func (v *vendors) stopWhileCreating(t *testing.T) (answer chan string, code chan int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	stderr, written := io.Pipe()
	answer, code = make(chan string, 1), make(chan int, 1)
	go func() { code <- run(ctx, v.environ(), written) }()
	log := json.NewDecoder(stderr)
	url := until(t, log, "listening").PublicURL
	go func() { answer <- post(t, url+"/api/v1/incidents/"+v.incidentID+"/bridge") }()
	<-v.creating
	stop()
	until(t, log, "stopping")
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return answer, code
}

// vendors are both fakes on loopback addresses, and a Zoom that makes a meeting only when it is let.
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
		zoom: zoomtest.New(zoomtest.WithUsers("host@example.com")), pagerDuty: pagerdutytest.New(),
		creating: make(chan struct{}), create: make(chan struct{}),
	}
	v.incidentID = v.pagerDuty.AddIncident("Checkout answers 5xx")
	t.Cleanup(v.pagerDuty.Close)
	var once sync.Once
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/meetings") {
			once.Do(func() { close(v.creating) })
			<-v.create
		}
		v.zoom.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	v.zoomURL = front.URL
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

// line is what the tests read of a line of the log.
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
