package httpx

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

const (
	defaultMaxAttempts    = 4
	defaultAttemptTimeout = 10 * time.Second
	defaultTotalTimeout   = 30 * time.Second
	defaultMaxWait        = 10 * time.Second
)

// Config says how a Client calls one vendor. A zero field takes its default.
type Config struct {
	// Transport carries the requests. The default is a clone of http.DefaultTransport, so that the
	// environment's proxy and HTTP/2 stay, and finds dead HTTP/2 connections; any other is used as it is.
	Transport http.RoundTripper

	// Domains are the vendor's own, such as "zoom.us": a redirect is followed, Authorization included, to these
	// and the hosts below them by https, and to the very origin first asked. No other redirect is followed.
	Domains []string

	// MaxAttempts is how often a request is tried in all, the first time included. Default 4.
	MaxAttempts int

	// AttemptTimeout limits one attempt, from dialing to the last byte of the body, its redirects
	// included. Default 10s.
	AttemptTimeout time.Duration

	// TotalTimeout limits the whole call with its waits; an earlier deadline of the context wins.
	// Default 30s.
	TotalTimeout time.Duration

	// MaxWait is the longest wait a vendor may ask for; one that asks for more gets no further
	// attempt. Default 10s.
	MaxWait time.Duration

	// Refused reports a 429 that no short wait can cure, such as a daily limit. Default: none is.
	Refused func(resp *http.Response, body []byte) bool

	// Jitter picks a wait between 0 and d. Default: uniformly at random.
	Jitter func(d time.Duration) time.Duration
}

// Client calls one vendor. It is safe for concurrent use.
type Client struct {
	config Config

	// traced: the transport is net/http's own, which reports every step to httptrace.
	traced bool
}

// New returns a Client. It does no I/O; a negative limit or a domain that is not a plain host name is an error.
func New(config Config) (*Client, error) {
	if config.MaxAttempts < 0 || config.AttemptTimeout < 0 || config.TotalTimeout < 0 || config.MaxWait < 0 {
		return nil, errors.New("httpx: negative limit")
	}
	domains := make([]string, len(config.Domains))
	for i, domain := range config.Domains {
		if domain == "" || strings.HasPrefix(domain, ".") || strings.ContainsAny(domain, "/:@*? ") {
			return nil, fmt.Errorf("httpx: %q is not a domain", domain)
		}
		domains[i] = strings.ToLower(domain)
	}
	config.Domains = domains

	if config.Transport == nil {
		config.Transport = defaultTransport()
	}
	if config.MaxAttempts == 0 {
		config.MaxAttempts = defaultMaxAttempts
	}
	if config.AttemptTimeout == 0 {
		config.AttemptTimeout = defaultAttemptTimeout
	}
	if config.TotalTimeout == 0 {
		config.TotalTimeout = defaultTotalTimeout
	}
	if config.MaxWait == 0 {
		config.MaxWait = defaultMaxWait
	}
	if config.Jitter == nil {
		config.Jitter = fullJitter
	}
	_, traced := config.Transport.(*http.Transport)
	return &Client{config: config, traced: traced}, nil
}

// Do sends req, again when that is safe, and returns the vendor's answer whatever its status. The answer's
// body is whole and in memory (at most 1 MiB, else ErrTooLarge); closing it is allowed, not needed. req is
// not edited; its body is read and closed. Every error is an *Error.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), c.config.TotalTimeout)
	defer cancel()

	call := &call{client: c, idempotent: idempotent(req)}
	resp, err := call.do(ctx, req)
	if err != nil {
		return nil, newError(req, call.sent, err)
	}
	return resp, nil
}

// CloseIdleConnections closes the connections that wait for a next request.
func (c *Client) CloseIdleConnections() {
	if idler, ok := c.config.Transport.(interface{ CloseIdleConnections() }); ok {
		idler.CloseIdleConnections()
	}
}

// fullJitter is seeded by the clock: that spreads load well enough, and a test with a clock of its own can be repeated.
func fullJitter(d time.Duration) time.Duration {
	spread := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(d))) //nolint:gosec // guards nothing
	return time.Duration(spread.Int64N(int64(d) + 1))
}
