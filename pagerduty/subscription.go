package pagerduty

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
	"github.com/incidentbridge/incidentbridge/internal/urlcheck"
)

// WebhookSubscription is a V3 webhook that PagerDuty sends to a URL.
type WebhookSubscription struct {
	ID          string
	URL         string // where the events are sent; it may contain a password, so it is in no error
	Events      []string
	Filter      Reference // Type "account_reference", or "service_reference" or "team_reference" with an ID
	Description string
	Active      bool // false: disabled by a person
	Disabled    bool // PagerDuty stopped sending for 24 hours: three events in a row failed

	// Secret signs the events. PagerDuty sends it once, in the answer to
	// [Client.CreateWebhookSubscription]: keep it.
	Secret Secret
}

// WebhookSubscriptionRequest describes the subscription to make.
type WebhookSubscriptionRequest struct {
	URL         string   // required, https
	Events      []string // required, such as "incident.triggered"
	Filter      Reference
	Description string
	Headers     map[string]Secret // sent with every event; PagerDuty shows them to nobody
}

type subscriptionWrite struct {
	Subscription subscriptionWriteContent `json:"webhook_subscription"`
}

type subscriptionWriteContent struct {
	Type           string         `json:"type"`
	DeliveryMethod deliveryMethod `json:"delivery_method"`
	Events         []string       `json:"events"`
	Filter         filterWrite    `json:"filter"`
	Description    string         `json:"description,omitempty"`
}

type deliveryMethod struct {
	Type    string        `json:"type"`
	URL     string        `json:"url"`
	Headers []headerWrite `json:"custom_headers,omitempty"`
}

type headerWrite struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type filterWrite struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
}

// CreateWebhookSubscription subscribes a URL to events, of the whole account unless there
// is a filter. The request is sent once: after [ErrInDoubt] look for it with
// [Client.WebhookSubscriptions], and delete the one whose secret is lost.
//
// See createWebhookSubscription in https://developer.pagerduty.com/api-reference/.
func (c *Client) CreateWebhookSubscription(
	ctx context.Context, w WebhookSubscriptionRequest,
) (*WebhookSubscription, error) {
	const op = "create webhook subscription"
	if !isReceiverURL(w.URL) {
		return nil, invalid(op, "", "the URL must be https")
	}
	if len(w.Events) == 0 || slices.Contains(w.Events, "") {
		return nil, invalid(op, "", "events are missing")
	}
	filter := filterWrite{Type: w.Filter.Type, ID: w.Filter.ID}
	if filter == (filterWrite{}) {
		filter.Type = "account_reference"
	}
	r := request{
		op: op, method: http.MethodPost, path: "/webhook_subscriptions",
		body: subscriptionWrite{subscriptionWriteContent{
			Type: "webhook_subscription",
			DeliveryMethod: deliveryMethod{
				Type: "http_delivery_method", URL: w.URL, Headers: headerWrites(w.Headers),
			},
			Events: w.Events, Filter: filter, Description: w.Description,
		}},
		secrets: secretsOf(w.URL, w.Headers),
	}
	return c.answeredSubscription(ctx, r)
}

// WebhookSubscriptions lists the account's webhook subscriptions, without their secrets.
//
// See listWebhookSubscriptions in https://developer.pagerduty.com/api-reference/.
func (c *Client) WebhookSubscriptions(ctx context.Context) ([]WebhookSubscription, error) {
	var found []WebhookSubscription
	r := request{op: "list webhook subscriptions", path: "/webhook_subscriptions"}
	err := c.forEach(ctx, r, "webhook_subscriptions", func(entry lenientjson.Object) bool {
		if s := decodeSubscription(entry); s.ID != "" {
			found = append(found, *s)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// EnableWebhookSubscription makes PagerDuty send again after it disabled the
// subscription. The events in between are lost.
//
// See enableWebhookSubscription in https://developer.pagerduty.com/api-reference/.
func (c *Client) EnableWebhookSubscription(ctx context.Context, id string) error {
	return c.postEmpty(ctx, "enable webhook subscription", "/webhook_subscriptions/", id, "/enable")
}

// PingWebhookSubscription makes PagerDuty send a "pagey.ping" event.
//
// See testWebhookSubscription in https://developer.pagerduty.com/api-reference/.
func (c *Client) PingWebhookSubscription(ctx context.Context, id string) error {
	return c.postEmpty(ctx, "ping webhook subscription", "/webhook_subscriptions/", id, "/ping")
}

// DeleteWebhookSubscription ends a subscription. One that is already gone counts as
// deleted.
//
// See deleteWebhookSubscription in https://developer.pagerduty.com/api-reference/.
func (c *Client) DeleteWebhookSubscription(ctx context.Context, id string) error {
	const op = "delete webhook subscription"
	if !validID(id) {
		return invalid(op, "", "the id must be letters and digits")
	}
	return c.delete(ctx, op, "/webhook_subscriptions/"+id)
}

func (c *Client) answeredSubscription(ctx context.Context, r request) (*WebhookSubscription, error) {
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	subscription := decodeSubscription(answer.Object("webhook_subscription"))
	if !validID(subscription.ID) {
		return nil, unreadable(r, errors.New("no webhook subscription in the answer"))
	}
	return subscription, nil
}

func decodeSubscription(o lenientjson.Object) *WebhookSubscription {
	delivery, filter := o.Object("delivery_method"), o.Object("filter")
	return &WebhookSubscription{
		ID:          o.String("id"),
		URL:         delivery.String("url"),
		Events:      o.Strings("events"),
		Filter:      Reference{ID: filter.String("id"), Type: filter.String("type")},
		Description: o.String("description"),
		Active:      o.Bool("active"),
		Disabled:    delivery.Bool("temporarily_disabled"),
		Secret:      Secret(delivery.String("secret")),
	}
}

// isReceiverURL reports whether events may be sent there: by https, or inside a test to a
// loopback address. A query and a password are allowed.
func isReceiverURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && urlcheck.IsSecure(u)
}

func headerWrites(headers map[string]Secret) []headerWrite {
	var writes []headerWrite
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		writes = append(writes, headerWrite{name, string(headers[name])})
	}
	return writes
}

// secretsOf returns the parts of a set-up call that no error may repeat.
func secretsOf(target string, headers map[string]Secret) []string {
	secrets := []string{target}
	for _, value := range headers {
		secrets = append(secrets, strings.Fields(string(value))...) // "Bearer x" may come back as x
	}
	return secrets
}
