package httpx

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// call is the life of one Do: all its attempts, one after the other, in one goroutine.
type call struct {
	client     *Client
	idempotent bool

	attempts int           // that have ended
	deadline time.Time     // of the running attempt; zero between attempts
	wait     time.Duration // before the next attempt
	sent     bool          // the vendor may have seen the request
	hopeless bool          // the last fault would only repeat itself
	content  []byte        // of the last answer's body
}

func (c *call) do(ctx context.Context, req *http.Request) (*http.Response, error) {
	out, err := c.prepare(ctx, req)
	if err != nil {
		return nil, err
	}
	// A fresh client per call: go-retryablehttp tells Backoff nothing about the request. It stays quiet
	// (no Logger), and when attempts run out it hands over what net/http said.
	retrying := &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: c, CheckRedirect: c.client.checkRedirect},
		RetryMax:     c.client.config.MaxAttempts,
		CheckRetry:   c.checkRetry,
		Backoff:      c.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return retrying.Do(out)
}

// prepare copies req, so that the caller's stays untouched, with a body that can be replayed.
func (c *call) prepare(ctx context.Context, req *http.Request) (*retryablehttp.Request, error) {
	body, err := readBody(req)
	if err != nil {
		return nil, fmt.Errorf("reading the request's body: %w", err)
	}
	if req.URL == nil {
		return nil, errors.New("the request has no URL")
	}
	out := &retryablehttp.Request{Request: req.Clone(ctx)}
	out.Body, out.GetBody, out.ContentLength = nil, nil, 0
	if len(body) > 0 {
		return out, out.SetBody(body)
	}
	if !c.idempotent {
		hideIdempotencyKey(out.Header)
	}
	return out, nil
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer func() { _ = req.Body.Close() }()

	var body bytes.Buffer
	if req.ContentLength > 0 && req.ContentLength <= maxAnswer {
		body.Grow(int(req.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(req.Body)
	return body.Bytes(), err
}

// RoundTrip makes one hop of an attempt and reads the whole answer within the attempt's time: an answer that
// breaks off is a failed attempt.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.deadline.IsZero() {
		c.deadline = time.Now().Add(c.client.config.AttemptTimeout)
	}
	ctx, cancel := context.WithDeadline(req.Context(), c.deadline)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, err // a context that is over leaves the transport unasked
	}

	var leaving leaving
	out := req.WithContext(httptrace.WithClientTrace(ctx, leaving.trace()))
	if !c.idempotent {
		sendOnce(out)
	}
	resp, err := c.client.config.Transport.RoundTrip(out)
	if err == nil && resp == nil {
		err = errors.New("the transport returned neither an answer nor an error")
	}
	if err != nil {
		c.sent = c.sent || leaving.left(c.client.traced, err)
		c.hopeless = c.client.traced && !leaving.asked.Load() || isCertificate(err)
		return nil, withContextError(ctx, err)
	}
	c.sent = true
	if c.content, err = readAnswer(resp); err != nil {
		c.hopeless = errors.Is(err, ErrTooLarge)
		return nil, withContextError(ctx, err)
	}
	dropBadLocation(resp)
	return resp, nil
}

func isCertificate(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}

// withContextError makes the context's own error visible to errors.Is, since a transport may report a cause
// or words of its own instead.
func withContextError(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}
