package zoom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

// TokenSource gives the access token for a call. It must be safe for concurrent use.
//
// A source that also has the method Invalidate(context.Context, *oauth2.Token) is told of a token that Zoom refuses as
// expired, and asked for another one, once per call. A token's extra field "api_url" (oauth2.Token.WithExtra) picks the
// regional host.
type TokenSource interface {
	Token(ctx context.Context) (*oauth2.Token, error)
}

// StaticToken returns a source that always gives this token: for the calls that follow a consent, before it is stored.
func StaticToken(token *oauth2.Token) TokenSource {
	return staticToken(func() *oauth2.Token { return token })
}

// staticToken is a closure because fmt looks into structs, and not into functions.
type staticToken func() *oauth2.Token

func (s staticToken) Token(context.Context) (*oauth2.Token, error) { return s(), nil }

type invalidator interface {
	Invalidate(ctx context.Context, refused *oauth2.Token)
}

// Client calls the Zoom API. It is safe for concurrent use, and there is nothing to close.
type Client struct {
	http    *httpx.Client
	source  TokenSource
	baseURL string // "": by token
}

// NewClient returns a client that authenticates with source, which is mostly ServerToServer(...).
// It does no I/O. It fails on an option that cannot be used and on half-set credentials.
func NewClient(source TokenSource, opts ...Option) (*Client, error) {
	if source == nil {
		return nil, errors.New("zoom: token source is nil")
	}
	cfg, transport, err := configure(opts)
	if err != nil {
		return nil, err
	}
	if credentials, ok := source.(*AccountCredentials); ok {
		if source, err = credentials.bind(transport, cfg.oauthURL); err != nil {
			return nil, err
		}
	}
	return &Client{http: transport, source: source, baseURL: cfg.baseURL}, nil
}

// configure applies the options, and makes the transport that they ask for.
func configure(opts []Option) (config, *httpx.Client, error) {
	cfg := config{oauthURL: defaultOAuthURL}
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return config{}, nil, err
		}
	}
	transport, err := httpx.New(httpx.Config{
		Transport: cfg.transport,
		Domains:   vendorDomains(),
		Refused:   refusedForTheDay,
	})
	if err != nil {
		return config{}, nil, fmt.Errorf("zoom: %w", err)
	}
	return cfg, transport, nil
}

// call is one request to the API, before it has a token and a host.
type call struct {
	op     string
	method string
	path   string // below the base URL, escaped
	query  url.Values
	body   any  // sent as JSON; nil: none
	once   bool // a second run would do harm, and so an unknown outcome is ErrInDoubt
}

// do makes the call and gives the body of a 2xx answer. A token that Zoom calls expired is renewed once: such an
// answer is a definite refusal, after which even a create may be sent again.
func (c *Client) do(ctx context.Context, call call) ([]byte, error) {
	var payload []byte
	if call.body != nil {
		var err error
		if payload, err = json.Marshal(call.body); err != nil {
			return nil, invalid(call.op, fmt.Errorf("encode: %w", err))
		}
	}
	token, err := c.token(ctx, call.op)
	if err != nil {
		return nil, err
	}
	body, err := c.send(ctx, call, payload, token)
	source, canInvalidate := c.source.(invalidator)
	if !canInvalidate || !isExpired(err) {
		return body, err
	}
	source.Invalidate(ctx, token)
	fresh, tokenErr := c.token(ctx, call.op)
	if tokenErr != nil {
		return nil, tokenErr
	}
	if fresh.AccessToken == token.AccessToken {
		return body, err
	}
	return c.send(ctx, call, payload, fresh)
}

// read gets an object.
func (c *Client) read(ctx context.Context, op, path string) (object, error) {
	body, err := c.do(ctx, call{op: op, method: http.MethodGet, path: path})
	if err != nil {
		return nil, err
	}
	o, err := parseObject(body)
	if err != nil {
		return nil, unreadable(op, err)
	}
	return o, nil
}

// change makes a call that Zoom answers with nothing at all (204). A page in its place is no success, whatever its
// status: somebody else between us and Zoom made it.
func (c *Client) change(ctx context.Context, call call) error {
	body, err := c.do(ctx, call)
	if err != nil {
		return err
	}
	if _, err := parseObject(body); len(body) > 0 && err != nil {
		return unreadable(call.op, err)
	}
	return nil
}

func isExpired(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode == http.StatusUnauthorized && e.Code == 124
}

// Authorize gets an access token ahead of the first call that needs one, or finds the one that is there. Use it to
// have the token's round trip over while something else is waited for.
func (c *Client) Authorize(ctx context.Context) error {
	_, err := c.token(ctx, "authorize")
	return err
}

// token asks the source. Nothing of the call itself has left when it fails.
func (c *Client) token(ctx context.Context, op string) (*oauth2.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	token, err := c.source.Token(ctx)
	if e, ok := err.(*Error); ok { //nolint:errorlint // another error around it would be lost with its meaning
		refusal := *e
		refusal.Op = op + ": " + e.Op
		return nil, &refusal
	}
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	if token == nil || token.AccessToken == "" {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: the token source gave none", ErrUnauthorized)}
	}
	return token, nil
}

// send makes one exchange as far as this package sees; the transport repeats what may be repeated.
func (c *Client) send(ctx context.Context, call call, payload []byte, token *oauth2.Token) ([]byte, error) {
	request, err := c.request(ctx, call, payload, token)
	if err != nil {
		return nil, invalid(call.op, err)
	}
	resp, body, err := exchange(c.http, request)
	if err != nil {
		e := &Error{Op: call.op, Err: fmt.Errorf("%w: %w", ErrUnavailable, err)}
		return nil, e.inDoubtIf(call.once && maybeSent(err))
	}
	if resp.StatusCode/100 != 2 {
		e := answerError(call.op, resp, body, token.AccessToken)
		return nil, e.inDoubtIf(call.once && errors.Is(e, ErrUnavailable))
	}
	return body, nil
}

func (c *Client) request(
	ctx context.Context, call call, payload []byte, token *oauth2.Token,
) (*http.Request, error) {
	target := c.baseURL
	if target == "" {
		apiURL, _ := token.Extra("api_url").(string)
		target = regionalBaseURL(apiURL)
	}
	target += call.path
	if len(call.query) > 0 {
		target += "?" + call.query.Encode()
	}
	var body io.Reader // a nil one, not a nil *bytes.Reader: no body
	if payload != nil {
		body = bytes.NewReader(payload)
	}
	request, err := http.NewRequestWithContext(ctx, call.method, target, body) //mutant:create-once
	if err != nil {
		return nil, err
	}
	if payload != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "incidentbridge")
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	return request, nil
}

// exchange sends the request and reads the whole answer, which the transport keeps within its limit.
func exchange(client *httpx.Client, request *http.Request) (*http.Response, []byte, error) {
	resp, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	return resp, body, nil
}

// maybeSent is true unless the transport knows that the request never left.
func maybeSent(err error) bool {
	var fault *httpx.Error
	return !errors.As(err, &fault) || fault.Sent
}
