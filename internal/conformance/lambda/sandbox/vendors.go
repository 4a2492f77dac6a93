package sandbox

import (
	"net/http"

	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// Settings of the function's processes.
const (
	Host      = "host@example.com"
	Token     = "action-token"
	QueueARN  = "arn:aws:sqs:us-east-1:123456789012:triggers"
	Source    = "aws.partner/pagerduty.com/1234567890/incidentbridge"
	storeKeys = "k:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// Vendors holds both fakes on loopback addresses. Close it.
type Vendors struct {
	Zoom      *zoomtest.Server
	PagerDuty *pagerdutytest.Server
}

// NewVendors returns a Zoom with one host and a PagerDuty without incidents.
func NewVendors() *Vendors {
	return &Vendors{
		Zoom: zoomtest.New(
			zoomtest.WithUsers(Host), zoomtest.WithDailyLimit(100_000), zoomtest.WithWebhookSecret("zoom-webhook-secret")),
		PagerDuty: pagerdutytest.New(),
	}
}

// Close stops both fakes.
func (v *Vendors) Close() {
	v.Zoom.Close()
	v.PagerDuty.Close()
}

// Environ returns the environment of a process for these vendors and a store. Variables
// in more override the others.
func (v *Vendors) Environ(storeURL string, more ...string) []string {
	account, client, secret := v.Zoom.AccountCredentials()
	return append([]string{
		"STORE_URL=" + storeURL, "STORE_KEYS=" + storeKeys, "ACTION_TOKENS=" + Token, "OPEN_ON=incident.triggered",
		"ZOOM_ACCOUNT_ID=" + account, "ZOOM_CLIENT_ID=" + client, "ZOOM_CLIENT_SECRET=" + secret, "ZOOM_HOSTS=" + Host,
		"ZOOM_API_URL=" + v.Zoom.URL() + "/v2", "ZOOM_OAUTH_URL=" + v.Zoom.URL() + "/oauth",
		"ZOOM_WEBHOOK_SECRETS=" + v.Zoom.WebhookSecret(),
		"PAGERDUTY_TOKEN=" + v.PagerDuty.Key(), "PAGERDUTY_FROM=" + v.PagerDuty.From(),
		"PAGERDUTY_API_URL=" + v.PagerDuty.URL(), "PAGERDUTY_WEBHOOK_SECRETS=" + v.PagerDuty.Secret(),
		"PAGERDUTY_EVENT_SOURCE=" + Source, "TRIGGER_QUEUE_ARN=" + QueueARN,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none",
	}, more...)
}

// TriggeredWebhook returns the signed webhook for a triggered incident.
func (v *Vendors) TriggeredWebhook(incidentID string) (http.Header, []byte) {
	d := v.PagerDuty.Webhook(pagerdutytest.Event{Type: "incident.triggered", IncidentID: incidentID})
	return d.Header, d.Body
}

// Meetings counts the meetings that exist and all that were ever created.
func (v *Vendors) Meetings() (existing, created int) {
	for _, m := range v.Zoom.Meetings() {
		created++
		if !m.Deleted {
			existing++
		}
	}
	return existing, created
}
