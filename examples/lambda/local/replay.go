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

	"github.com/incidentbridge/incidentbridge/examples/internal/runtimeapi"
	"github.com/incidentbridge/incidentbridge/examples/lambda/internal/sandbox"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// sample is an event, and the incident that has a bridge after it.
type sample struct {
	name     string
	event    []byte
	incident string // none: the event opens nothing
	atOnce   int    // how often it comes at once; zero: once
}

// samples has one event of each kind.
func samples(v *sandbox.Vendors, processes int) []sample {
	bearer := http.Header{"Authorization": {"Bearer " + sandbox.Token}, "Content-Type": {"application/json"}}
	incident := func(title string) string { return v.PagerDuty.AddIncident(title) }
	workflow := func(id string) []byte { return fmt.Appendf(nil, `{"incident_id":%q}`, id) }

	webhook, rest, balancer, queued, partner := incident("Checkout answers 5xx"), incident("Zürich is down"),
		incident("Disk full"), incident("Queue grows"), incident("Certificate expired")
	header, body := v.Triggered(webhook)
	_, partnerBody := v.Triggered(partner)
	action := v.PagerDuty.CustomAction(balancer, "")
	zoomHook := v.Zoom.Webhook(zoomtest.Event{Type: "meeting.started", MeetingID: 1})
	ended := v.PagerDuty.Webhook(pagerdutytest.Event{Type: "incident.resolved", IncidentID: webhook})
	return []sample{
		{
			name: "V3 webhook, function URL, base64", event: sandbox.URL("/webhooks/pagerduty", header, body), incident: webhook,
			atOnce: processes,
		},
		{name: "the same again", event: sandbox.URL("/webhooks/pagerduty", header, body), incident: webhook},
		{
			name: "API, REST API of API Gateway", incident: rest,
			event: sandbox.REST(http.MethodPost, "/api/v1/incidents/"+rest+"/bridge", bearer, nil),
		},
		{
			name: "custom action, load balancer", incident: balancer,
			event: sandbox.LoadBalancer(http.MethodPost, "/actions/pagerduty", bearer, action.Body),
		},
		{name: "workflow's body and rubbish, SQS", incident: queued, event: sandbox.Queue(
			sandbox.Message{ID: "workflow", Body: string(workflow(queued))}, sandbox.Message{ID: "rubbish", Body: "{"})},
		{name: "partner event, EventBridge", event: sandbox.Partner(partnerBody), incident: partner},
		{name: "webhook of Zoom, function URL", event: sandbox.URL("/webhooks/zoom", zoomHook.Header, zoomHook.Body)},
		{name: "the first is resolved", event: sandbox.URL("/webhooks/pagerduty", ended.Header, ended.Body)},
		{name: "schedule", event: sandbox.Schedule()},
		{name: "somebody else's event", event: []byte(`{"Records":[{"EventSource":"aws:sns"}]}`)},
	}
}

// replay hands the samples to the function and tells what it answers and what the incident shows.
func replay(ctx context.Context, out io.Writer, f *runtimeapi.Function, v *sandbox.Vendors, processes int) error {
	for _, s := range samples(v, processes) {
		var all sync.WaitGroup
		lines := make([]string, max(1, s.atOnce))
		for i := range lines {
			all.Go(func() {
				began := time.Now()
				answer, err := f.Invoke(ctx, s.event)
				lines[i] = fmt.Sprintf("%-34s %6d ms  %s\n", s.name, time.Since(began).Milliseconds(), brief(answer, err))
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
	there, made := v.Meetings()
	fmt.Fprintf(out, "\n%d meetings were made for 5 incidents, %d are there\n", made, there)
	if made != 5 {
		return errors.New("that is wrong")
	}
	return nil
}

// brief is an answer without what it may hold of links.
func brief(answer []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	if a, err := sandbox.ParseAnswer(answer); err == nil {
		return fmt.Sprint(a.StatusCode)
	}
	return string(bytes.TrimSpace(answer))
}
