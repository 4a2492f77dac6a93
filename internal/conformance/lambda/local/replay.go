package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/runtimeapi"
	"github.com/incidentbridge/incidentbridge/internal/conformance/lambda/sandbox"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// sample is an event and the incident that must have a bridge afterwards.
type sample struct {
	name     string
	event    []byte
	incident string // empty: the event opens nothing
	copies   int    // how many are sent at once; zero: one
}

// samples returns one event of each kind.
func samples(v *sandbox.Vendors, processes int) []sample {
	bearer := http.Header{"Authorization": {"Bearer " + sandbox.Token}, "Content-Type": {"application/json"}}
	incident := func(title string) string { return v.PagerDuty.AddIncident(title) }
	workflow := func(id string) []byte { return fmt.Appendf(nil, `{"incident_id":%q}`, id) }

	webhook, rest, balancer, queued, partner := incident("Checkout answers 5xx"), incident("Zürich is down"),
		incident("Disk full"), incident("Queue grows"), incident("Certificate expired")
	header, body := v.TriggeredWebhook(webhook)
	_, partnerBody := v.TriggeredWebhook(partner)
	action := v.PagerDuty.CustomAction(balancer, "")
	zoomHook := v.Zoom.Webhook(zoomtest.Event{Type: "meeting.started", MeetingID: 1})
	ended := v.PagerDuty.Webhook(pagerdutytest.Event{Type: "incident.resolved", IncidentID: webhook})
	return []sample{
		{
			name: "V3 webhook, function URL, base64", incident: webhook, copies: processes,
			event: sandbox.FunctionURLEvent("/webhooks/pagerduty", header, body),
		},
		{name: "the same again", event: sandbox.FunctionURLEvent("/webhooks/pagerduty", header, body), incident: webhook},
		{
			name: "API, REST API of API Gateway", incident: rest,
			event: sandbox.RESTEvent(http.MethodPost, "/api/v1/incidents/"+rest+"/bridge", bearer, nil),
		},
		{
			name: "custom action, load balancer", incident: balancer,
			event: sandbox.LoadBalancerEvent(http.MethodPost, "/actions/pagerduty", bearer, action.Body),
		},
		{name: "workflow and invalid message, SQS", incident: queued, event: sandbox.QueueEvent(
			sandbox.Message{ID: "workflow", Body: string(workflow(queued))}, sandbox.Message{ID: "invalid", Body: "{"})},
		{name: "partner event, EventBridge", event: sandbox.PartnerEvent(partnerBody), incident: partner},
		{name: "webhook of Zoom, function URL", event: sandbox.FunctionURLEvent("/webhooks/zoom", zoomHook.Header, zoomHook.Body)},
		{name: "the first is resolved", event: sandbox.FunctionURLEvent("/webhooks/pagerduty", ended.Header, ended.Body)},
		{name: "schedule", event: sandbox.ScheduleEvent()},
		{name: "unknown event", event: []byte(`{"Records":[{"EventSource":"aws:sns"}]}`)},
	}
}

// replay passes the samples to the function, prints its responses, and checks the
// incidents.
func replay(ctx context.Context, out io.Writer, f *runtimeapi.Function, v *sandbox.Vendors, processes int) error {
	for _, s := range samples(v, processes) {
		var all sync.WaitGroup
		lines := make([]string, max(1, s.copies))
		for i := range lines {
			all.Go(func() {
				began := time.Now()
				response, err := f.Invoke(ctx, s.event)
				lines[i] = fmt.Sprintf("%-34s %6d ms  %s\n", s.name, time.Since(began).Milliseconds(), summary(response, err))
			})
		}
		all.Wait()
		fmt.Fprint(out, strings.Join(lines, ""))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.incident != "" && v.PagerDuty.Incident(s.incident).Bridge.URL == "" {
			return fmt.Errorf("%s: the incident has no bridge", s.name)
		}
	}
	existing, created := v.Meetings()
	fmt.Fprintf(out, "\n%d meetings were created for 5 incidents, %d exist\n", created, existing)
	if created != 5 {
		return errors.New("want 5 meetings")
	}
	return nil
}

// summary returns what can be printed of a response: links to join are left out.
func summary(response []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	if parsed, err := sandbox.ParseResponse(response); err == nil {
		return fmt.Sprint(parsed.StatusCode)
	}
	return string(bytes.TrimSpace(response))
}
