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

// Config is how a Client calls one vendor. A zero field takes its default.
type Config struct {
	// Transport carries the requests. The default is a clone of http.DefaultTransport,
	// with the environment's proxy and HTTP/2, that also finds dead HTTP/2 connections.
	// Any other is used as it is.
	Transport http.RoundTripper

	// Domains are the vendor's own, such as "zoom.us". A redirect is followed,
	// Authorization included, to them and the hosts below them by https, and to the
	// origin of the first request. No other redirect is followed.
	Domains []string

	// MaxAttempts is how often a request is sent in all, the first time included. Default
	// 4.
	MaxAttempts int

	// AttemptTimeout limits one attempt, from dialing to the last byte of the body, its
	// redirects included. Default 10s.
	AttemptTimeout time.Duration

	// TotalTimeout limits the whole call with its waits; an earlier deadline of the
	// context wins. Default 30s.
	TotalTimeout time.Duration

	// MaxWait is the longest wait a vendor may ask for. When it asks for more there is no
	// further attempt. Default 10s.
	MaxWait time.Duration

	// Refused reports whether a 429 is one that no short wait can cure, such as a daily
	// limit. Default: none is.
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

// New returns a Client. It does no I/O. It returns an error for a negative limit and for
// a domain that is not a plain host name.
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

// Do sends req, again when that is safe, and returns the vendor's answer whatever its
// status. The answer's body is complete and in memory (at most 1 MiB, else ErrTooLarge);
// closing it is allowed, not needed. req is not changed; its body is read and closed.
// Every error is an *Error.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), c.config.TotalTimeout)
	defer cancel()

	r := &request{client: c, idempotent: isIdempotent(req)}
	resp, err := r.do(ctx, req)
	if err != nil {
		return nil, newError(req, r.sent, err)
	}
	return resp, nil
}

// CloseIdleConnections closes the connections that are not in use.
func (c *Client) CloseIdleConnections() {
	if idler, ok := c.config.Transport.(interface{ CloseIdleConnections() }); ok {
		idler.CloseIdleConnections()
	}
}

// fullJitter returns a random wait up to d. It is seeded by the clock, so that a test
// with a clock of its own can be repeated.
func fullJitter(d time.Duration) time.Duration {
	spread := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(d))) //nolint:gosec // guards nothing
	return time.Duration(spread.Int64N(int64(d) + 1))
}
