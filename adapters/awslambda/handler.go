package awslambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// ErrUnknownEvent says that an event is of no kind that is served. Look at what triggers the function.
var ErrUnknownEvent = errors.New("awslambda: not an event of API Gateway, a function URL, a load balancer, SQS, " +
	"a schedule or PagerDuty's partner event source")

// Service is what a Handler needs of a *bridge.Service besides its routes.
type Service interface {
	// Reconcile does what is due; a schedule asks for it.
	Reconcile(ctx context.Context) (bridge.Report, error)
	// Wait returns when nothing is at work any more. Where tokens are refreshed in the background it waits for them, too.
	Wait(ctx context.Context) error
}

// Handler turns events into requests. Make one with [NewHandler]; it is safe for concurrent use.
type Handler struct {
	routes  http.Handler
	service Service
	logger  *slog.Logger
	margin  time.Duration
	partner *partnerSource // nil: partner events are refused
	queue   *trustedQueue  // nil: every message needs credentials of its own
}

// NewHandler returns a handler that answers requests with routes, which is a *nethttp.Handler or a mux that holds one. It
// does no I/O and starts no goroutine; a bad option makes it fail, and names itself.
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

// Invoke answers one event, and returns when nothing is at work for it any more: what would run on after the return would
// be frozen with the function. It is what aws-lambda-go calls a Handler. An error makes Lambda, where it was invoked
// asynchronously, invoke again; it never holds the event.
//
// A caller whose call is still in the making when the routes answer hears of it only then. [Handler.Respond] does not
// keep them waiting.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	answering, cancel := h.inTime(ctx)
	defer cancel()
	answer, err := h.answer(answering, payload)
	h.settle(ctx, answering)
	return answer, err
}

// Respond is Invoke for lambda.Start of aws-lambda-go, which sends what the reader holds, closes it, and only then tells
// Lambda that this invocation is over. Close waits for what is still at work, so that a webhook is answered in its time
// although its call is not there yet.
func (h *Handler) Respond(ctx context.Context, payload json.RawMessage) (io.Reader, error) {
	answering, cancel := h.inTime(ctx)
	answer, err := h.answer(answering, payload)
	if err != nil {
		h.settle(ctx, answering)
		cancel()
		return nil, err
	}
	return &response{Reader: *bytes.NewReader(answer), close: func() {
		h.settle(ctx, answering)
		cancel()
	}}, nil
}

// response is an answer that is followed by waiting.
type response struct {
	bytes.Reader
	close func()
}

// Close waits for what is still at work.
func (r *response) Close() error {
	r.close()
	return nil
}

// ContentType is what aws-lambda-go asks for.
func (r *response) ContentType() string { return "application/json" }

// inTime returns the context of whatever answers the event. It ends a margin before Lambda's deadline; openings outlive it,
// and end before the deadline all the same:
//
//	|-------- answering --------|-- giving back --|- return -|
//	                            '---------- margin ----------' deadline
func (h *Handler) inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(bridge.WithHardDeadline(ctx, h.end(deadline)), deadline.Add(-h.margin))
}

// end is when nothing is at work any more.
func (h *Handler) end(deadline time.Time) time.Time { return deadline.Add(-h.margin / 5) }

// settle waits for what is still at work. Openings end in time by themselves; a refresh that does not is waited for to the
// end, and goes on when the process does.
func (h *Handler) settle(ctx, answering context.Context) {
	err := h.service.Wait(answering) // mostly there is nothing to wait for
	if deadline, ok := ctx.Deadline(); ok && err != nil {
		ctx, cancel := context.WithDeadline(ctx, h.end(deadline))
		defer cancel()
		err = h.service.Wait(ctx)
	}
	if err != nil {
		h.logger.WarnContext(ctx, "something is still at work", "error", err)
	}
}

func (h *Handler) answer(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := parseEvent(payload)
	if err != nil {
		return nil, err
	}
	switch e.kind() {
	case httpAPI, restAPI, loadBalancer:
		return h.answerHTTP(ctx, e)
	case queue:
		return h.answerQueue(ctx, e.Records)
	case schedule:
		return h.reconcile(ctx)
	case partner:
		return h.answerPartner(ctx, e)
	default:
		return nil, ErrUnknownEvent
	}
}
