package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/examples/internal/runtimeapi"
	"github.com/incidentbridge/incidentbridge/examples/lambda/internal/sandbox"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// bootstrap is the program that would run on Lambda. TestMain builds it, once.
var bootstrap string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "bootstrap")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			bootstrap, err = sandbox.Build(context.Background(), dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

func newVendors(t *testing.T) *sandbox.Vendors {
	t.Helper()
	v := sandbox.NewVendors()
	t.Cleanup(v.Close)
	return v
}

// start runs a process until the test ends; what it wrote is told when the test fails.
func start(t *testing.T, environ []string, timeout time.Duration) *runtimeapi.Environment {
	t.Helper()
	log := &output{}
	e, err := runtimeapi.Start(bootstrap, environ, timeout, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Close()
		if t.Failed() {
			t.Logf("a process wrote:\n%s", log)
		}
	})
	return e
}

// output is what a process wrote.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// dynalite is where the stand-in runs; without it the test is skipped, or fails where it is required.
func dynalite(t *testing.T) string {
	t.Helper()
	endpoint := os.Getenv(sandbox.EndpointVariable)
	required := strings.Split(os.Getenv("INCIDENTBRIDGE_REQUIRE"), ",")
	switch {
	case endpoint != "":
		return endpoint
	case os.Getenv("CI") == "true" || slices.Contains(required, "dynalite"):
		t.Fatal(sandbox.ErrNoDynalite)
	default:
		t.Skip("NOT TESTED: ", sandbox.ErrNoDynalite)
	}
	return ""
}

func newTable(t *testing.T) (storeURL string) {
	t.Helper()
	endpoint := dynalite(t)
	table, err := sandbox.Table(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return sandbox.StoreURL(table, endpoint)
}

// ask sends an HTTP event and returns the answer.
func ask(t *testing.T, e *runtimeapi.Environment, event []byte) sandbox.Answer {
	t.Helper()
	text, err := e.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	a, err := sandbox.ParseAnswer(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// wantOneMeeting checks that the incident shows the one meeting that was ever made.
func wantOneMeeting(t *testing.T, v *sandbox.Vendors, incident string) {
	t.Helper()
	meetings := v.Zoom.Meetings()
	if len(meetings) != 1 || meetings[0].Deleted {
		t.Fatalf("there are the meetings %+v, want one", meetings)
	}
	if shown := v.PagerDuty.Incident(incident).Bridge.URL; shown != meetings[0].JoinURL {
		t.Errorf("the incident shows %q, want %q", shown, meetings[0].JoinURL)
	}
}

func TestOneEventAtFiveProcesses(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	environ := v.Environ(newTable(t))
	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.Triggered(incident)
	event := sandbox.URL("/webhooks/pagerduty", header, body)

	var all sync.WaitGroup
	statuses := make([]int, 5)
	for i := range statuses {
		e := start(t, environ, 30*time.Second)
		all.Go(func() {
			for statuses[i] == 0 || statuses[i] == http.StatusServiceUnavailable { // as PagerDuty does
				statuses[i] = ask(t, e, event).StatusCode
			}
		})
	}
	all.Wait()
	slices.Sort(statuses)
	if diff := cmp.Diff([]int{200, 200, 200, 200, 201}, statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	wantOneMeeting(t, v, incident)
}

// A process dies when Zoom has made the meeting and PagerDuty has not been told. PagerDuty sends the event again, and
// another process gets it.
func TestAProcessDiesBetweenZoomAndPagerDuty(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	writing, dead := make(chan struct{}), make(chan struct{})
	var once sync.Once
	front := newFront(t, v.PagerDuty.URL(), func(r *http.Request) bool {
		first := false
		if r.Method == http.MethodPut {
			once.Do(func() { first = true })
		}
		if first {
			close(writing)
			<-dead
		}
		return !first
	})
	environ := v.Environ(newTable(t), "PAGERDUTY_API_URL="+front)
	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.Triggered(incident)
	event := sandbox.URL("/webhooks/pagerduty", header, body)

	doomed := start(t, environ, 30*time.Second)
	lost := make(chan error, 1)
	go func() {
		_, err := doomed.Invoke(t.Context(), event)
		lost <- err
	}()
	<-writing
	doomed.Kill()
	close(dead)
	if err := <-lost; !errors.Is(err, runtimeapi.ErrExited) {
		t.Errorf("Invoke = %v, want ErrExited", err)
	}
	if there, made := v.Meetings(); there != 1 || made != 1 {
		t.Fatalf("%d meetings of %d are there, want one", there, made)
	}

	other := start(t, environ, 30*time.Second)
	status := http.StatusServiceUnavailable
	for status == http.StatusServiceUnavailable || status == http.StatusAccepted {
		status = ask(t, other, event).StatusCode
	}
	if status != http.StatusOK {
		t.Errorf("status %d, want 200", status)
	}
	wantOneMeeting(t, v, incident)
}

// newFront passes requests on to a vendor, except those that let holds back for good.
func newFront(t *testing.T, vendor string, let func(*http.Request) bool) (address string) {
	t.Helper()
	target, err := url.Parse(vendor)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if let(r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// Zoom signs bytes; a topic that is not ASCII comes in base64.
func TestAWebhookOfZoomInBase64(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	e := start(t, v.Environ("memory:"), 30*time.Second)
	body := []byte(`{"event":"meeting.started","event_ts":1,"payload":{"object":{"id":"1","topic":"Zürich – 火災 🔥"}}}`)
	header := zoom.Sign(v.Zoom.WebhookSecret(), time.Now(), body)
	if a := ask(t, e, sandbox.URL("/webhooks/zoom", header, body)); a.StatusCode != http.StatusOK {
		t.Errorf("answered %+v, want 200", a)
	}
	forged := bytes.ReplaceAll(body, []byte("火災"), []byte("火山"))
	if a := ask(t, e, sandbox.URL("/webhooks/zoom", header, forged)); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("another topic: answered %+v, want 401", a)
	}
}

func TestABatchWithOnePoisonousMessage(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	e := start(t, v.Environ("memory:"), 30*time.Second)
	var incidents []string
	var batch []sandbox.Message
	for i := range 10 {
		id := fmt.Sprint("message-", i)
		if i == 4 {
			batch = append(batch, sandbox.Message{ID: id, Body: `{"incident_id":`})
			continue
		}
		incident := v.PagerDuty.AddIncident("Down")
		incidents = append(incidents, incident)
		m := sandbox.Message{ID: id, Body: fmt.Sprintf(`{"incident_id":%q}`, incident)}
		if i%2 == 1 {
			header, body := v.Triggered(incident)
			m = sandbox.Message{ID: id, Body: string(body), Attributes: header}
		}
		batch = append(batch, m)
	}
	for round := range 2 { // delivered again, nothing is made twice
		answer, err := e.Invoke(t.Context(), sandbox.Queue(batch...))
		if want := `{"batchItemFailures":[{"itemIdentifier":"message-4"}]}`; err != nil || string(answer) != want {
			t.Errorf("round %d: answered %s, %v, want %s", round, answer, err, want)
		}
	}
	for _, incident := range incidents {
		if v.PagerDuty.Incident(incident).Bridge.URL == "" {
			t.Errorf("%s has no bridge", incident)
		}
	}
	if there, made := v.Meetings(); there != 9 || made != 9 {
		t.Errorf("%d meetings of %d are there, want 9", there, made)
	}
}

func TestEveryOtherSource(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	e := start(t, v.Environ("memory:"), 30*time.Second)
	bearer := http.Header{"Authorization": {"Bearer " + sandbox.Token}, "Content-Type": {"application/json"}}
	open := map[string]func(incident string) []byte{
		"partner": func(incident string) []byte {
			_, body := v.Triggered(incident)
			return sandbox.Partner(body)
		},
		"REST": func(incident string) []byte {
			return sandbox.REST(http.MethodPost, "/api/v1/incidents/"+incident+"/bridge", bearer, nil)
		},
		"load balancer": func(incident string) []byte {
			return sandbox.LoadBalancer(http.MethodPost, "/actions/pagerduty", bearer, fmt.Appendf(nil, `{"incident_id":%q}`, incident))
		},
	}
	for name, event := range open {
		incident := v.PagerDuty.AddIncident("Down")
		answer, err := e.Invoke(t.Context(), event(incident))
		if err != nil || v.PagerDuty.Incident(incident).Bridge.URL == "" {
			t.Errorf("%s: no bridge: %s, %v", name, answer, err)
		}
	}
	answer, err := e.Invoke(t.Context(), sandbox.Schedule())
	if err != nil || !strings.Contains(string(answer), `"failed":0`) {
		t.Errorf("schedule: %s, %v", answer, err)
	}
	var said *runtimeapi.FunctionError
	if _, err := e.Invoke(t.Context(), []byte(`{"key1":"value1"}`)); !errors.As(err, &said) || !strings.Contains(said.Message, "not an event of") {
		t.Errorf("a test event: %v", err)
	}
}

// PagerDuty hears within five seconds although Zoom does not answer, and the process goes on with the call until it is
// made. Only then it asks for the next event.
func TestTheAnswerComesBeforeTheCall(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	v.Zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(6*time.Second))
	e := start(t, v.Environ("memory:"), 30*time.Second)
	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.Triggered(incident)

	began := time.Now()
	if a := ask(t, e, sandbox.URL("/webhooks/pagerduty", header, body)); a.StatusCode != http.StatusAccepted {
		t.Errorf("answered %+v, want 202", a)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("answered after %v", took)
	}
	if shown := v.PagerDuty.Incident(incident).Bridge.URL; shown != "" {
		t.Fatalf("the incident shows %q already", shown)
	}
	if err := e.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantOneMeeting(t, v, incident)
}

// Lambda's deadline comes before Zoom's answer: what the ledger holds is answered 202, in time, and the schedule finishes
// it.
func TestTheTimeLeftIsTooShort(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	v.Zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(5*time.Second))
	e := start(t, v.Environ("memory:"), 3*time.Second)
	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.Triggered(incident)
	a := ask(t, e, sandbox.URL("/webhooks/pagerduty", header, body))
	var said struct{ State, Code string }
	if err := json.Unmarshal([]byte(a.Body), &said); err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != http.StatusAccepted || said.State != "creating" {
		t.Errorf("answered %+v, want 202 and creating", a)
	}
	for v.PagerDuty.Incident(incident).Bridge.URL == "" && t.Context().Err() == nil {
		_, _ = e.Invoke(t.Context(), sandbox.Schedule()) // its time is as short
	}
	wantOneMeeting(t, v, incident)
}

// What a process has begun ends with the invocation, whoever is slow: nothing reaches a vendor later, and the next event
// finds the process idle.
func TestNothingIsSentAfterTheInvocation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		timeout time.Duration // of the function
		slow    func(*sandbox.Vendors)
	}{
		{"no time to ask Zoom", 1500 * time.Millisecond, func(v *sandbox.Vendors) { v.Zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(2*time.Second)) }},
		{"Zoom is slow", 3 * time.Second, func(v *sandbox.Vendors) { v.Zoom.Fault(zoomtest.CreateMeeting, zoomtest.Late(3500*time.Millisecond)) }},
		{"PagerDuty is slow", 3 * time.Second, func(v *sandbox.Vendors) {
			v.PagerDuty.Fault("update_incident", pagerdutytest.Late(3500*time.Millisecond))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newVendors(t)
			environ := v.Environ(newTable(t))
			e := start(t, environ, tt.timeout)
			incident := v.PagerDuty.AddIncident("Down")
			header, body := v.Triggered(incident)
			tt.slow(v)
			began := time.Now()
			if a := ask(t, e, sandbox.URL("/webhooks/pagerduty", header, body)); a.StatusCode != http.StatusAccepted {
				t.Errorf("answered %+v, want 202", a)
			}
			if err := e.Idle(t.Context()); err != nil || time.Since(began) > tt.timeout {
				t.Errorf("over after %v of %v: %v", time.Since(began), tt.timeout, err)
			}
			sent := len(v.Zoom.Requests()) + len(v.PagerDuty.Requests())
			for range 3 {
				began := time.Now()
				ask(t, e, sandbox.URL("/webhooks/pagerduty", nil, nil)) // not signed: it asks for nothing
				if err := e.Idle(t.Context()); err != nil || time.Since(began) > time.Second {
					t.Errorf("an event that asks for nothing took %v: %v", time.Since(began), err)
				}
			}
			if now := len(v.Zoom.Requests()) + len(v.PagerDuty.Requests()); now != sent {
				t.Errorf("%d requests were sent after the invocation", now-sent)
			}
			other := start(t, environ, 30*time.Second)
			for v.PagerDuty.Incident(incident).Bridge.URL == "" {
				if _, err := other.Invoke(t.Context(), sandbox.Schedule()); err != nil {
					t.Fatal(err)
				}
			}
			wantOneMeeting(t, v, incident)
		})
	}
}

func TestWhatIsWrongWithTheSettingsIsTold(t *testing.T) {
	t.Parallel()
	noParameters := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answerParameters(w, r, nil) }))
	t.Cleanup(noParameters.Close)
	tests := []struct {
		name, want string
		environ    []string
	}{
		{name: "nothing set", want: "missing ZOOM_ACCOUNT_ID, PAGERDUTY_TOKEN"},
		{
			name: "another store", environ: newVendors(t).Environ("sqlite:file.db"),
			want: "STORE_URL may be of these kinds here: memory, dynamodb",
		},
		{
			name: "a store with another option", environ: newVendors(t).Environ("dynamodb://t?regoin=x"),
			want: "STORE_URL takes region and endpoint for dynamodb://, nothing else",
		},
		{
			name: "another event source", environ: newVendors(t).Environ("memory:", "PAGERDUTY_EVENT_SOURCE=aws.partner/datadog.com/1"),
			want: "PAGERDUTY_EVENT_SOURCE must be like aws.partner/pagerduty.com/1234567/name",
		},
		{
			name: "another queue", environ: newVendors(t).Environ("memory:", "TRIGGER_QUEUE_ARN=arn:aws:sns:us-east-1:123456789012:topic"),
			want: "TRIGGER_QUEUE_ARN must be the ARN of an SQS queue",
		},
		{
			name:    "a missing parameter",
			environ: newVendors(t).Environ("memory:", "ACTION_TOKENS=", "ACTION_TOKENS_SSM=geheim", "AWS_ENDPOINT_URL_SSM="+noParameters.URL),
			want:    "ACTION_TOKENS_SSM names a parameter that does not exist",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := &output{}
			e, err := runtimeapi.Start(bootstrap, tt.environ, time.Second, log)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			_, err = e.Ready(t.Context())
			var said *runtimeapi.FunctionError
			if !errors.As(err, &said) || said.Type != "Settings" || said.Message != tt.want {
				t.Errorf("Lambda was told %v, want %s", err, tt.want)
			}
			if code := e.ExitCode(); code != exitSettings || log.String() != "incidentbridge: "+tt.want+"\n" {
				t.Errorf("exit code %d, log %s", code, log)
			}
		})
	}
}
