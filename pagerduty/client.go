package pagerduty

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	gopagerduty "github.com/PagerDuty/go-pagerduty"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

// Region is one of PagerDuty's service regions. A key or token of one is unknown in the other.
type Region string

// The regions PagerDuty serves. See https://support.pagerduty.com/main/docs/service-regions.
const (
	US Region = "us"
	EU Region = "eu"
)

// Client calls PagerDuty's REST API. Make one with [NewClient]; it is safe for concurrent use and needs no closing.
//
// Each call takes 30 seconds at most, waits and repeats included, or until the context's deadline if that is earlier.
// Reads and the idempotent [Client.SetConferenceBridge] are repeated on faults; [Client.AddNote] is not.
type Client struct {
	api  *gopagerduty.Client
	base string
}

// Option changes one thing about a [Client]. Options do not depend on their order.
type Option func(*config) error

type config struct {
	region    Region
	base      string // "": by region
	transport http.RoundTripper
}

// WithRegion chooses the service region, [US] by default.
func WithRegion(region Region) Option {
	return func(c *config) error {
		if region != US && region != EU {
			return fmt.Errorf("pagerduty: region %q is neither us nor eu", region)
		}
		c.region = region
		return nil
	}
}

// WithBaseURL sends calls elsewhere, to a proxy or a fake; it wins over [WithRegion]. Only https is accepted, or http
// on a loopback address.
func WithBaseURL(base string) Option {
	return func(c *config) error {
		u, err := url.Parse(base)
		if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return errors.New("pagerduty: base URL must be a scheme, a host and perhaps a path")
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return errors.New("pagerduty: base URL must be https, or http on a loopback address")
		}
		c.base = strings.TrimRight(u.String(), "/")
		return nil
	}
}

// WithTransport sends requests through transport as it is: a proxy, an instrumented one, or that of pagerdutytest. The
// default is a clone of http.DefaultTransport. Retries and limits stay in front of it.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *config) error {
		if transport == nil {
			return errors.New("pagerduty: transport is nil")
		}
		c.transport = transport
		return nil
	}
}

// NewClient returns a client that authenticates with auth. It checks its arguments and makes no call.
func NewClient(auth Auth, opts ...Option) (*Client, error) {
	settings := config{region: US}
	for _, opt := range opts {
		if err := opt(&settings); err != nil {
			return nil, err
		}
	}
	if err := auth.validate(); err != nil {
		return nil, fmt.Errorf("pagerduty: %w", err)
	}
	transport, err := httpx.New(httpx.Config{Transport: settings.transport, Domains: []string{"pagerduty.com"}})
	if err != nil {
		return nil, fmt.Errorf("pagerduty: %w", err)
	}
	api := gopagerduty.NewClient("") // the stack has the key
	api.HTTPClient = &stack{http: transport, auth: auth}
	return &Client{api: api, base: settings.baseURL()}, nil
}

func (c *config) baseURL() string {
	switch {
	case c.base != "":
		return c.base
	case c.region == EU:
		return "https://api.eu.pagerduty.com"
	}
	return "https://api.pagerduty.com"
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// stack is the HTTPClient that go-pagerduty sends through: credentials, then retries and limits.
type stack struct {
	http *httpx.Client
	auth Auth
}

func (s *stack) Do(r *http.Request) (*http.Response, error) {
	token, err := s.auth.authorize(r)
	if err != nil {
		return nil, err
	}
	answer, err := s.http.Do(r)
	if err != nil || answer.StatusCode != http.StatusUnauthorized || !s.auth.refuse(r.Context(), token) {
		return answer, err
	}
	if r.GetBody != nil {
		if r.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	if _, err := s.auth.authorize(r); err != nil {
		return nil, err
	}
	return s.http.Do(r)
}

// request is one call of the API. Paths are made of constants and validated ids only.
type request struct {
	op         string
	incidentID string
	method     string
	path       string
	query      url.Values
	body       any
	sensitive  []string // values that must not come back in an error
}

func (r request) writes() bool { return r.method != http.MethodGet }

// call sends the request and answers the JSON object of a good answer; what else may come is an *Error.
func (c *Client) call(ctx context.Context, r request) (object, error) {
	sent, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, invalid(r.op, r.incidentID, "the request cannot be built")
	}
	answer, err := c.api.Do(sent, false)
	if err != nil {
		return nil, unansweredError(ctx, r, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, unansweredError(ctx, r, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		secrets := append([]string{credential(sent)}, r.sensitive...)
		return nil, answerError(r, answer, body, secrets)
	}
	content, ok := parseObject(body)
	if !ok {
		return nil, unreadableError(r)
	}
	return content, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	if r.body == nil {
		return http.NewRequestWithContext(ctx, r.method, target, http.NoBody)
	}
	body, err := json.Marshal(r.body)
	if err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(body))
}

// credential is the secret part of the Authorization header that was sent.
func credential(r *http.Request) string {
	value := r.Header.Get("Authorization")
	if key, isKey := strings.CutPrefix(value, "Token token="); isKey {
		return key
	}
	return strings.TrimPrefix(value, "Bearer ")
}
