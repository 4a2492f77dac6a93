package lambda_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/runtimeapi"
	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/sandbox"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// Lambda may deliver an event to several processes at once.
func TestOneEventAtFiveProcesses(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	environ := v.Environ(newTable(t))
	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.TriggeredWebhook(incident)
	event := sandbox.FunctionURLEvent("/webhooks/pagerduty", header, body)

	var all sync.WaitGroup
	statuses := make([]int, 5)
	for i := range statuses {
		e := startProcess(t, environ, 30*time.Second)
		all.Go(func() {
			for statuses[i] == 0 || statuses[i] == http.StatusServiceUnavailable { // as PagerDuty retries
				statuses[i] = invoke(t, e, event).StatusCode
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

// A process is killed after Zoom created the meeting and before PagerDuty has the link.
// PagerDuty retries the event and another process receives it.
func TestProcessDiesBetweenZoomAndPagerDuty(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	writing, killed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	proxy := newProxy(t, v.PagerDuty.URL(), func(r *http.Request) bool {
		first := false
		if r.Method == http.MethodPut {
			once.Do(func() { first = true })
		}
		if first {
			close(writing)
			<-killed
		}
		return !first
	})
	environ := v.Environ(newTable(t), "PAGERDUTY_API_URL="+proxy)
	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.TriggeredWebhook(incident)
	event := sandbox.FunctionURLEvent("/webhooks/pagerduty", header, body)

	doomed := startProcess(t, environ, 30*time.Second)
	lost := make(chan error, 1)
	go func() {
		_, err := doomed.Invoke(t.Context(), event)
		lost <- err
	}()
	<-writing
	doomed.Kill()
	close(killed)
	if err := <-lost; !errors.Is(err, runtimeapi.ErrExited) {
		t.Errorf("Invoke = %v, want ErrExited", err)
	}
	if existing, created := v.Meetings(); existing != 1 || created != 1 {
		t.Fatalf("%d meetings exist, %d were created, want one", existing, created)
	}

	other := startProcess(t, environ, 30*time.Second)
	status := http.StatusServiceUnavailable
	for status == http.StatusServiceUnavailable || status == http.StatusAccepted {
		status = invoke(t, other, event).StatusCode
	}
	if status != http.StatusOK {
		t.Errorf("status %d, want 200", status)
	}
	wantOneMeeting(t, v, incident)
}

// Zoom signs bytes, so a body that is not ASCII must be decoded before it is verified.
func TestZoomWebhookInBase64(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	e := startProcess(t, v.Environ("memory:"), 30*time.Second)
	body := []byte(`{"event":"meeting.started","event_ts":1,"payload":{"object":{"id":"1","topic":"Zürich – 火災 🔥"}}}`)
	header := zoom.Sign(v.Zoom.WebhookSecret(), time.Now(), body)
	if response := invoke(t, e, sandbox.FunctionURLEvent("/webhooks/zoom", header, body)); response.StatusCode != http.StatusOK {
		t.Errorf("response %+v, want 200", response)
	}
	forged := bytes.ReplaceAll(body, []byte("火災"), []byte("火山"))
	if response := invoke(t, e, sandbox.FunctionURLEvent("/webhooks/zoom", header, forged)); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("another topic: response %+v, want 401", response)
	}
}

func TestBatchWithOneInvalidMessage(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	e := startProcess(t, v.Environ("memory:"), 30*time.Second)
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
			header, body := v.TriggeredWebhook(incident)
			m = sandbox.Message{ID: id, Body: string(body), Attributes: header}
		}
		batch = append(batch, m)
	}
	for round := range 2 { // a second delivery creates nothing
		response, err := e.Invoke(t.Context(), sandbox.QueueEvent(batch...))
		if want := `{"batchItemFailures":[{"itemIdentifier":"message-4"}]}`; err != nil || string(response) != want {
			t.Errorf("round %d: response %s, %v, want %s", round, response, err, want)
		}
	}
	for _, incident := range incidents {
		if v.PagerDuty.Incident(incident).Bridge.URL == "" {
			t.Errorf("%s has no bridge", incident)
		}
	}
	if existing, created := v.Meetings(); existing != 9 || created != 9 {
		t.Errorf("%d meetings exist, %d were created, want 9", existing, created)
	}
}

func TestOtherEventSources(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	e := startProcess(t, v.Environ("memory:"), 30*time.Second)
	bearer := http.Header{"Authorization": {"Bearer " + sandbox.Token}, "Content-Type": {"application/json"}}
	open := map[string]func(incident string) []byte{
		"partner": func(incident string) []byte {
			_, body := v.TriggeredWebhook(incident)
			return sandbox.PartnerEvent(body)
		},
		"REST": func(incident string) []byte {
			return sandbox.RESTEvent(http.MethodPost, "/api/v1/incidents/"+incident+"/bridge", bearer, nil)
		},
		"load balancer": func(incident string) []byte {
			return sandbox.LoadBalancerEvent(http.MethodPost, "/actions/pagerduty", bearer, fmt.Appendf(nil, `{"incident_id":%q}`, incident))
		},
	}
	for name, event := range open {
		incident := v.PagerDuty.AddIncident("Down")
		response, err := e.Invoke(t.Context(), event(incident))
		if err != nil || v.PagerDuty.Incident(incident).Bridge.URL == "" {
			t.Errorf("%s: no bridge: %s, %v", name, response, err)
		}
	}
	response, err := e.Invoke(t.Context(), sandbox.ScheduleEvent())
	if err != nil || !strings.Contains(string(response), `"failed":0`) {
		t.Errorf("schedule: %s, %v", response, err)
	}
	var reported *runtimeapi.FunctionError
	if _, err := e.Invoke(t.Context(), []byte(`{"key1":"value1"}`)); !errors.As(err, &reported) || !strings.Contains(reported.Message, "not an event of") {
		t.Errorf("a test event: %v", err)
	}
}

// PagerDuty gets a response within five seconds although Zoom is slow. The process
// finishes the bridge before it polls for the next event.
func TestResponseBeforeMeeting(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	v.Zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(6*time.Second))
	e := startProcess(t, v.Environ("memory:"), 30*time.Second)
	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.TriggeredWebhook(incident)

	began := time.Now()
	if response := invoke(t, e, sandbox.FunctionURLEvent("/webhooks/pagerduty", header, body)); response.StatusCode != http.StatusAccepted {
		t.Errorf("response %+v, want 202", response)
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

// Lambda's deadline passes before Zoom responds: the trigger is answered 202 in time, and
// the schedule finishes it.
func TestDeadlineBeforeZoomResponds(t *testing.T) {
	t.Parallel()
	v := newVendors(t)
	v.Zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(5*time.Second))
	e := startProcess(t, v.Environ("memory:"), 3*time.Second)
	incident := v.PagerDuty.AddIncident("Down")
	header, body := v.TriggeredWebhook(incident)
	response := invoke(t, e, sandbox.FunctionURLEvent("/webhooks/pagerduty", header, body))
	var reported struct{ State, Code string }
	if err := json.Unmarshal([]byte(response.Body), &reported); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusAccepted || reported.State != "creating" {
		t.Errorf("response %+v, want 202 and creating", response)
	}
	for v.PagerDuty.Incident(incident).Bridge.URL == "" && t.Context().Err() == nil {
		_, _ = e.Invoke(t.Context(), sandbox.ScheduleEvent()) // the same short timeout
	}
	wantOneMeeting(t, v, incident)
}

// All work ends with the invocation, whichever vendor is slow: nothing is sent later, and
// the next event finds the process idle.
func TestNothingIsSentAfterInvocation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		timeout time.Duration // of the function
		slow    func(*sandbox.Vendors)
	}{
		{"no time to ask Zoom", 1500 * time.Millisecond, func(v *sandbox.Vendors) { v.Zoom.Fault(zoomtest.CreateMeeting, zoomtest.Delay(2*time.Second)) }},
		{"Zoom is slow", 3 * time.Second, func(v *sandbox.Vendors) { v.Zoom.Fault(zoomtest.CreateMeeting, zoomtest.Late(3500*time.Millisecond)) }},
		{"PagerDuty is slow", 3 * time.Second, func(v *sandbox.Vendors) {
			v.PagerDuty.Fault(pagerdutytest.UpdateIncident, pagerdutytest.Late(3500*time.Millisecond))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newVendors(t)
			environ := v.Environ(newTable(t))
			e := startProcess(t, environ, tt.timeout)
			incident := v.PagerDuty.AddIncident("Down")
			header, body := v.TriggeredWebhook(incident)
			tt.slow(v)
			began := time.Now()
			if response := invoke(t, e, sandbox.FunctionURLEvent("/webhooks/pagerduty", header, body)); response.StatusCode != http.StatusAccepted {
				t.Errorf("response %+v, want 202", response)
			}
			if err := e.Idle(t.Context()); err != nil || time.Since(began) > tt.timeout {
				t.Errorf("idle after %v of %v: %v", time.Since(began), tt.timeout, err)
			}
			sent := len(v.Zoom.Requests()) + len(v.PagerDuty.Requests())
			for range 3 {
				began := time.Now()
				invoke(t, e, sandbox.FunctionURLEvent("/webhooks/pagerduty", nil, nil)) // not signed, so it starts no work
				if err := e.Idle(t.Context()); err != nil || time.Since(began) > time.Second {
					t.Errorf("an event without work took %v: %v", time.Since(began), err)
				}
			}
			if now := len(v.Zoom.Requests()) + len(v.PagerDuty.Requests()); now != sent {
				t.Errorf("%d requests were sent after the invocation", now-sent)
			}
			other := startProcess(t, environ, 30*time.Second)
			for v.PagerDuty.Incident(incident).Bridge.URL == "" {
				if _, err := other.Invoke(t.Context(), sandbox.ScheduleEvent()); err != nil {
					t.Fatal(err)
				}
			}
			wantOneMeeting(t, v, incident)
		})
	}
}

// Invalid settings are reported to Lambda and logged, and the process exits with code 2.
func TestInvalidSettings(t *testing.T) {
	t.Parallel()
	noParameters := httptest.NewServer(sandbox.Parameters{})
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
			var reported *runtimeapi.FunctionError
			if !errors.As(err, &reported) || reported.Type != "Settings" || reported.Message != tt.want {
				t.Errorf("reported %v, want %s", err, tt.want)
			}
			if code := e.ExitCode(); code != 2 || log.String() != "incidentbridge: "+tt.want+"\n" {
				t.Errorf("exit code %d, log %s", code, log)
			}
		})
	}
}
