package awslambda

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
)

// Where the routes of package nethttp are.
const (
	pagerDutyWebhooks = "/webhooks/pagerduty"
	pagerDutyActions  = "/actions/pagerduty"
	zoomWebhooks      = "/webhooks/zoom"
)

// The headers that tell what a message is.
const (
	pagerDutySignature = "X-Pagerduty-Signature"
	zoomSignature      = "X-Zm-Signature"
	webhookID          = "X-Webhook-Id"
)

// sideBySide bounds how many messages are at work at once.
const sideBySide = 8

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

// trustedQueue is one whose senders AWS has looked at.
type trustedQueue struct{ arn, token string }

// batchFailures names the messages that SQS shall deliver again.
type batchFailures struct {
	Failures []batchFailure `json:"batchItemFailures"`
}

type batchFailure struct {
	MessageID string `json:"itemIdentifier"`
}

// answerQueue does what each message asks for and names those that are to come again. The messages of a first-in-first-out
// queue are done one after the other, up to the first that fails: what follows may not overtake it.
func (h *Handler) answerQueue(ctx context.Context, messages []message) ([]byte, error) {
	failed := make([]bool, len(messages))
	if strings.HasSuffix(messages[0].EventSourceARN, ".fifo") {
		stopped := false
		for i, m := range messages {
			stopped = stopped || !h.deliver(ctx, m)
			failed[i] = stopped
		}
	} else {
		var all sync.WaitGroup
		slots := make(chan struct{}, sideBySide)
		for i, m := range messages {
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				failed[i] = !h.deliver(ctx, m)
			})
		}
		all.Wait()
	}
	answer := batchFailures{Failures: []batchFailure{}}
	for i, m := range messages {
		if failed[i] {
			answer.Failures = append(answer.Failures, batchFailure{m.MessageID})
		}
	}
	return json.Marshal(answer)
}

// deliver hands a message to the routes; false: it shall come again.
func (h *Handler) deliver(ctx context.Context, m message) bool {
	if ctx.Err() != nil {
		return false
	}
	rec := newRecorder()
	h.serve(rec, h.messageRequest(ctx, m))
	return h.done(ctx, rec, slog.String("message_id", m.MessageID))
}

// messageRequest is the request that a message stands for: its body, with its attributes as headers.
func (h *Handler) messageRequest(ctx context.Context, m message) *http.Request {
	header := make(http.Header, len(m.Attributes)+3)
	for name, attribute := range m.Attributes {
		put(header, name, []string{attribute.StringValue})
	}
	if header.Get(webhookID) == "" {
		header.Set(webhookID, m.MessageID) // the same at every delivery of the message
	}
	path := pagerDutyActions
	switch {
	case header.Get(pagerDutySignature) != "":
		path = pagerDutyWebhooks
	case header.Get(zoomSignature) != "":
		path = zoomWebhooks
	case h.queue != nil && h.queue.arn == m.EventSourceARN:
		header.Set("Authorization", "Bearer "+h.queue.token)
	}
	return newRequest(ctx, http.MethodPost, path, header, []byte(m.Body))
}

// done says whether nothing is left to do about a trigger, and logs what was refused.
func (h *Handler) done(ctx context.Context, rec *recorder, trigger slog.Attr) bool {
	rec.WriteHeader(http.StatusOK)
	code := rec.code()
	if rec.status < http.StatusMultipleChoices && !lost(rec.status, code) {
		return true
	}
	outcome := "failed; it shall come again"
	if refusedForGood(code) {
		outcome = "refused for good"
	}
	h.logger.LogAttrs(ctx, slog.LevelWarn, "a trigger was not served", trigger,
		slog.String("outcome", outcome), slog.Int("status", rec.status), slog.String("code", code))
	return refusedForGood(code)
}

// lost says whether a route accepted what it could do nothing with, so that PagerDuty does not send it again: nobody could
// read it, or nobody has installed the app. A queue keeps such a thing until somebody has looked.
func lost(status int, code string) bool {
	return status == http.StatusOK && (code == "bad_request" || code == "not_installed")
}

// refusedForGood says whether a trigger was understood, and will never succeed. Whatever else is wrong, such as a body
// that nobody can read, ends in the dead-letter queue, where somebody sees it.
func refusedForGood(code string) bool {
	switch code {
	case "forbidden", "incident_not_found", "incident_resolved":
		return true
	default:
		return false
	}
}

// code is the one of the problem that was answered.
func (rec *recorder) code() string {
	var problem struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(rec.body.Bytes(), &problem); err != nil {
		return ""
	}
	return problem.Code
}
