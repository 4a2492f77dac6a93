package awslambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
)

// ErrUnknownEvent is returned for an event of a kind that the handler does not serve.
// Check what triggers the function.
var ErrUnknownEvent = errors.New("awslambda: not an event of API Gateway, a function URL, a load balancer, SQS, " +
	"a schedule or PagerDuty's partner event source")

// maxConcurrentMessages bounds how many messages of a batch are processed at once.
const maxConcurrentMessages = 8

// Service is what a Handler needs of a *bridge.Service besides its routes.
type Service interface {
	// Reconcile does the work that is due. A schedule triggers it.
	Reconcile(ctx context.Context) (bridge.Report, error)
	// Wait returns once no background work is running, token refreshes included.
	Wait(ctx context.Context) error
}

// Handler turns events into requests. Make one with [NewHandler]; it is safe for
// concurrent use.
type Handler struct {
	routes  http.Handler
	service Service
	logger  *slog.Logger
	margin  time.Duration
	partner *partnerSource // nil: partner events are refused
	queue   *trustedQueue  // nil: every message needs its own credentials
}

// NewHandler returns a handler that answers requests with routes, which is a
// *nethttp.Handler or a mux that holds one. It does no I/O and starts no goroutine. An
// invalid option is an error that names the option.
func NewHandler(routes http.Handler, service Service, opts ...Option) (*Handler, error) {
	if routes == nil || service == nil {
		return nil, errors.New("awslambda: NewHandler needs routes and a service")
	}
	h := &Handler{routes: routes, service: service, logger: slog.New(slog.DiscardHandler), margin: defaultMargin}
	for _, opt := range opts {
		if err := opt(h); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Invoke serves one event and returns once no work for it is running any more, because
// Lambda freezes the process after the return. It is the method of aws-lambda-go's
// lambda.Handler. An error makes Lambda retry an asynchronous invocation; the error text
// never contains the event.
//
// A caller whose meeting is still being created waits for that, too. [Handler.Respond]
// sends the response first.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	eventCtx, cancel := h.eventContext(ctx)
	defer cancel()
	response, err := h.dispatch(eventCtx, payload)
	h.waitForWork(ctx, eventCtx)
	return response, err
}

// Respond is Invoke for lambda.Start of aws-lambda-go, which sends what the reader holds,
// then closes it, and only then asks for the next event. Close waits for the work that is
// still running, so a webhook is answered in time even if its meeting is not ready.
func (h *Handler) Respond(ctx context.Context, payload json.RawMessage) (io.Reader, error) {
	eventCtx, cancel := h.eventContext(ctx)
	response, err := h.dispatch(eventCtx, payload)
	if err != nil {
		h.waitForWork(ctx, eventCtx)
		cancel()
		return nil, err
	}
	return &responseReader{Reader: *bytes.NewReader(response), close: func() {
		h.waitForWork(ctx, eventCtx)
		cancel()
	}}, nil
}

// eventContext returns the context in which an event is served. It ends a margin before
// Lambda's deadline. Openings outlive it, but end before the deadline as well:
//
//	|-------- serving --------|-- handing back --|- return -|
//	                          '---------- margin -----------' deadline
func (h *Handler) eventContext(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(bridge.WithHardDeadline(ctx, h.hardDeadline(deadline)), deadline.Add(-h.margin))
}

// hardDeadline returns the time after which no work may run.
func (h *Handler) hardDeadline(deadline time.Time) time.Time { return deadline.Add(-h.margin / 5) }

// waitForWork waits until no work is running. Openings end in time by themselves. A token
// refresh that does not is waited for until the hard deadline, and resumes when the
// process is thawed.
func (h *Handler) waitForWork(ctx, eventCtx context.Context) {
	err := h.service.Wait(eventCtx) // mostly there is nothing to wait for
	if deadline, ok := ctx.Deadline(); ok && err != nil {
		ctx, cancel := context.WithDeadline(ctx, h.hardDeadline(deadline))
		defer cancel()
		err = h.service.Wait(ctx)
	}
	if err != nil {
		h.logger.WarnContext(ctx, "work still running at end of invocation", "error", err)
	}
}

// dispatch serves one event and returns the response that its sender expects.
func (h *Handler) dispatch(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := parseEvent(payload)
	if err != nil {
		return nil, err
	}
	switch e.kind() {
	case httpAPI, restAPI, loadBalancer:
		return h.serveHTTPEvent(ctx, e)
	case queue:
		return h.processBatch(ctx, e.Records)
	case schedule:
		return h.reconcile(ctx)
	case partner:
		return h.processPartnerEvent(ctx, e)
	default:
		return nil, ErrUnknownEvent
	}
}

// serveHTTPEvent serves an HTTP request and returns the response in the format of the
// gateway that sent the event.
func (h *Handler) serveHTTPEvent(ctx context.Context, e *event) ([]byte, error) {
	rec := newRecorder()
	r, err := e.request(ctx)
	if err != nil {
		rec.writeProblem(http.StatusBadRequest, "bad_request", "the body is not valid base64, although the event says so")
	} else {
		h.serve(rec, r)
		if r.Method == http.MethodHead {
			rec.body.Reset()
		}
	}
	response := newGatewayResponse(e, rec)
	if e.kind() == loadBalancer && response.MultiValueHeaders == nil && len(rec.sent[setCookie]) > 1 {
		h.logger.WarnContext(ctx, "cookie dropped: enable multi-value headers on the load balancer's target group")
	}
	return json.Marshal(response)
}

// processBatch processes the messages of an SQS batch and reports those that failed. The
// messages of a FIFO queue are processed in order, up to the first failure: those after
// it must not overtake it, so they are reported as failed, too.
func (h *Handler) processBatch(ctx context.Context, messages []message) ([]byte, error) {
	failed := make([]bool, len(messages))
	if strings.HasSuffix(messages[0].EventSourceARN, ".fifo") {
		stopped := false
		for i, m := range messages {
			stopped = stopped || !h.process(ctx, m)
			failed[i] = stopped
		}
	} else {
		var wg sync.WaitGroup
		slots := make(chan struct{}, maxConcurrentMessages)
		for i, m := range messages {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				failed[i] = !h.process(ctx, m)
			})
		}
		wg.Wait()
	}
	return json.Marshal(newBatchResponse(messages, failed))
}

// process serves one message. It returns false if SQS must deliver the message again.
func (h *Handler) process(ctx context.Context, m message) bool {
	if ctx.Err() != nil {
		return false
	}
	rec := newRecorder()
	h.serve(rec, m.request(ctx, h.queue))
	return h.isDone(ctx, rec, slog.String("message_id", m.MessageID))
}

// processPartnerEvent serves an event of PagerDuty's event source as a signed webhook.
func (h *Handler) processPartnerEvent(ctx context.Context, e *event) ([]byte, error) {
	if h.partner == nil || h.partner.name != e.Source {
		return nil, fmt.Errorf("awslambda: event source %.200q is not the one named by PartnerEvents", e.Source)
	}
	body := webhookBody(e.Detail)
	header := pagerduty.Sign(h.partner.secret, body)
	header.Set(webhookID, e.ID)
	rec := newRecorder()
	h.serve(rec, newRequest(ctx, http.MethodPost, pagerDutyWebhooks, header, body))
	if !h.isDone(ctx, rec, slog.String("event_id", e.ID)) {
		return nil, fmt.Errorf("awslambda: event %.100q failed: status %d, code %q", e.ID, rec.status, rec.code())
	}
	return json.Marshal(map[string]int{"status": rec.status})
}

// reconcile does the work that is due, for a schedule.
func (h *Handler) reconcile(ctx context.Context) ([]byte, error) {
	report, err := h.service.Reconcile(ctx)
	if err != nil {
		return nil, fmt.Errorf("awslambda: reconcile: %d of %d due records failed: %w", report.Failed, report.Due, err)
	}
	return json.Marshal(map[string]int{"due": report.Due, "failed": report.Failed})
}

// serve passes a request to the routes. A panic there becomes a 503.
func (h *Handler) serve(rec *recorder, r *http.Request) {
	defer func() { //nolint:contextcheck // the request carries it
		fault := recover()
		if fault == nil {
			return
		}
		h.logger.LogAttrs(r.Context(), slog.LevelError, "panic while answering",
			slog.String("reason", fmt.Sprintf("%T", fault)), slog.String("stack", string(debug.Stack())))
		*rec = *newRecorder()
		rec.writeProblem(http.StatusServiceUnavailable, "unavailable", "")
	}()
	h.routes.ServeHTTP(rec, r)
}

// isDone reports whether a trigger needs no further delivery, and logs it if it was not
// served.
func (h *Handler) isDone(ctx context.Context, rec *recorder, trigger slog.Attr) bool {
	rec.WriteHeader(http.StatusOK)
	code := rec.code()
	if rec.status < http.StatusMultipleChoices && !isUnprocessable(rec.status, code) {
		return true
	}
	outcome := "retry"
	if isPermanent(code) {
		outcome = "dropped"
	}
	h.logger.LogAttrs(ctx, slog.LevelWarn, "trigger not served", trigger,
		slog.String("outcome", outcome), slog.Int("status", rec.status), slog.String("code", code))
	return isPermanent(code)
}

// isUnprocessable reports whether a 200 means that the trigger was dropped: unreadable,
// or the app is not installed. The routes answer 200 so that PagerDuty does not disable
// the webhook; a queue keeps such a message for its dead-letter queue.
func isUnprocessable(status int, code string) bool {
	return status == http.StatusOK && (code == "bad_request" || code == "not_installed")
}

// isPermanent reports whether a trigger was understood and can never succeed. Every other
// failure, such as an unreadable body, is retried and ends in the dead-letter queue,
// where an operator sees it.
func isPermanent(code string) bool {
	switch code {
	case "forbidden", "incident_not_found", "incident_resolved":
		return true
	default:
		return false
	}
}

// responseReader is a response whose Close waits for background work.
type responseReader struct {
	bytes.Reader
	close func()
}

// Close waits for the work that is still running.
func (r *responseReader) Close() error {
	r.close()
	return nil
}

// ContentType is the media type that aws-lambda-go sends with the response.
func (r *responseReader) ContentType() string { return "application/json" }
