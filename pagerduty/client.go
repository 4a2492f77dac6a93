package pagerduty

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	gopagerduty "github.com/PagerDuty/go-pagerduty"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// Client calls PagerDuty's REST API. Make one with [NewClient]; it is safe for concurrent use and needs no closing.
//
// Each call takes 30 seconds at most, waits and repeats included, or until the context's deadline if that is earlier.
// Reads, deletions and the idempotent [Client.SetConferenceBridge] are repeated on faults. What makes something new
// ([Client.AddNote], [Client.CreateWebhookSubscription] and the like) is sent once.
type Client struct {
	api  *gopagerduty.Client
	auth Auth
	base string

	region    Region
	subdomain string // "": unknown
}

// NewClient returns a client that authenticates with auth. It checks its arguments and makes no call.
func NewClient(auth Auth, opts ...Option) (*Client, error) {
	settings, transport, err := configure(opts)
	if err != nil {
		return nil, err
	}
	if auth, err = auth.bind(&settings, transport); err != nil {
		return nil, err
	}
	api := gopagerduty.NewClient("") // the stack has the key
	api.HTTPClient = &stack{http: transport, auth: auth, byToken: settings.base == "" && settings.region == ""}
	return &Client{
		api: api, auth: auth, base: settings.baseURL(),
		region: settings.regionOrUS(), subdomain: settings.subdomain,
	}, nil
}

// configure applies the options, and makes the transport that they ask for.
func configure(opts []Option) (config, *httpx.Client, error) {
	var settings config
	for _, opt := range opts {
		if err := opt(&settings); err != nil {
			return config{}, nil, err
		}
	}
	transport, err := httpx.New(httpx.Config{Transport: settings.transport, Domains: []string{"pagerduty.com"}})
	return settings, transport, err
}

// stack is the HTTPClient that go-pagerduty sends through: credentials, then retries and limits.
type stack struct {
	http    *httpx.Client
	auth    Auth
	byToken bool // the token may name the region
}

// authorize signs the request, and directs it to the token's region if nobody has said another. It answers the token that
// it used, if it was one.
func (s *stack) authorize(r *http.Request) (*oauth2.Token, error) {
	token, err := s.auth.authorize(r)
	if err != nil || token == nil || !s.byToken {
		return token, err
	}
	apiURL, _ := token.Extra("api_url").(string)
	if region := regionOfAPI(apiURL); region != "" {
		r.URL.Host = strings.TrimPrefix(region.apiURL(), "https://")
		r.Host = r.URL.Host
	}
	return token, nil
}

func (s *stack) Do(r *http.Request) (*http.Response, error) {
	token, err := s.authorize(r)
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
	if _, err := s.authorize(r); err != nil {
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
	empty      bool     // a good answer needs no body: 202 and 204 have none
	sensitive  []string // values that must not come back in an error
}

// writes reports whether the request changes something. One for a token, which has no method here, does not.
func (r request) writes() bool { return r.method != "" && r.method != http.MethodGet }

// call sends the request and answers the JSON object of a good answer; what else may come is an *Error.
func (c *Client) call(ctx context.Context, r request) (lenientjson.Object, error) {
	sent, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, invalid(r.op, r.incidentID, "the request cannot be built")
	}
	answer, body, err := exchange(doer{c.api}, sent)
	if err != nil {
		return nil, unansweredError(ctx, r, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		secrets := append([]string{credential(sent)}, r.sensitive...)
		return nil, answerError(r, answer, body, secrets).scopedBy(func() []string {
			missing, _ := c.MissingScopes(ctx)
			return missing
		})
	}
	if r.empty {
		return nil, nil
	}
	content, err := lenientjson.Parse(body)
	if err != nil {
		return nil, unreadableError(r)
	}
	return content, nil
}

// doer sends as go-pagerduty does, which sets the headers of the API.
type doer struct{ api *gopagerduty.Client }

func (d doer) Do(r *http.Request) (*http.Response, error) { return d.api.Do(r, false) }

// exchange sends the request and reads the answer, which is in memory already.
func exchange(client interface {
	Do(r *http.Request) (*http.Response, error)
}, r *http.Request,
) (*http.Response, []byte, error) {
	answer, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, body, err
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

// remove deletes what the request names. What is gone already is as good as deleted.
func (c *Client) remove(ctx context.Context, r request) error {
	r.method, r.empty = http.MethodDelete, true
	_, err := c.call(ctx, r)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// credential is the secret part of the Authorization header that was sent.
func credential(r *http.Request) string {
	value := r.Header.Get("Authorization")
	if key, isKey := strings.CutPrefix(value, "Token token="); isKey {
		return key
	}
	return strings.TrimPrefix(value, "Bearer ")
}
