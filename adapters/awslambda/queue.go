package awslambda

import (
	"context"
	"net/http"
)

// Routes of package nethttp that messages and partner events are sent to.
const (
	pagerDutyWebhooks = "/webhooks/pagerduty"
	pagerDutyActions  = "/actions/pagerduty"
	zoomWebhooks      = "/webhooks/zoom"
)

// Headers that identify the kind of a message.
const (
	pagerDutySignature = "X-Pagerduty-Signature"
	zoomSignature      = "X-Zm-Signature"
	webhookID          = "X-Webhook-Id"
)

// trustedQueue is the queue whose messages need no credentials of their own.
type trustedQueue struct{ arn, token string }

// message is a record of an SQS event.
type message struct {
	MessageID  string `json:"messageId"`
	Body       string `json:"body"`
	Attributes map[string]struct {
		StringValue string `json:"stringValue"`
	} `json:"messageAttributes"`
	EventSource    string `json:"eventSource"`
	EventSourceARN string `json:"eventSourceARN"`
}

// request returns the request that the message stands for: its body, with its attributes
// as headers. A message from the trusted queue is given that queue's token.
func (m message) request(ctx context.Context, trusted *trustedQueue) *http.Request {
	header := make(http.Header, len(m.Attributes)+3)
	for name, attribute := range m.Attributes {
		appendHeader(header, name, attribute.StringValue)
	}
	if header.Get(webhookID) == "" {
		header.Set(webhookID, m.MessageID) // the same for every delivery of the message
	}
	path := pagerDutyActions
	switch {
	case header.Get(pagerDutySignature) != "":
		path = pagerDutyWebhooks
	case header.Get(zoomSignature) != "":
		path = zoomWebhooks
	case trusted != nil && trusted.arn == m.EventSourceARN:
		header.Set("Authorization", "Bearer "+trusted.token)
	}
	return newRequest(ctx, http.MethodPost, path, header, []byte(m.Body))
}

// recordsKind returns queue if all records are SQS messages, else unknown: other services
// send records, too.
func recordsKind(records []message) kind {
	for _, r := range records {
		if r.EventSource != "aws:sqs" {
			return unknown
		}
	}
	return queue
}

// batchResponse names the messages that SQS must deliver again.
type batchResponse struct {
	Failures []batchFailure `json:"batchItemFailures"`
}

type batchFailure struct {
	MessageID string `json:"itemIdentifier"`
}

func newBatchResponse(messages []message, failed []bool) batchResponse {
	response := batchResponse{Failures: []batchFailure{}} // an empty list, not null
	for i, m := range messages {
		if failed[i] {
			response.Failures = append(response.Failures, batchFailure{m.MessageID})
		}
	}
	return response
}
