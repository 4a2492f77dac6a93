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
	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// Client calls the Zoom API. It is safe for concurrent use, and there is nothing to
// close.
type Client struct {
	http    *httpx.Client
	tokens  TokenSource
	baseURL string // "": by token
}

// NewClient returns a client that authenticates with auth, such as ServerToServer(...).
// It checks its arguments and makes no call.
func NewClient(auth Auth, opts ...Option) (*Client, error) {
	settings, transport, err := configure(opts)
	if err != nil {
		return nil, err
	}
	tokens, err := auth.bind(settings, transport)
	if err != nil {
		return nil, err
	}
	return &Client{http: transport, tokens: tokens, baseURL: settings.baseURL}, nil
}

// Authorize gets an access token ahead of the first call that needs one, or finds the
// kept one. It lets the round trip for the token run while the caller waits for something
// else.
func (c *Client) Authorize(ctx context.Context) error {
	_, err := c.token(ctx, "authorize")
	return err
}

// do sends the request and returns the JSON object of a good answer. A token that Zoom
// rejects as expired is replaced once: that answer is a definite refusal, after which
// even a create may be sent again.
func (c *Client) do(ctx context.Context, r request) (lenientjson.Object, error) {
	token, err := c.token(ctx, r.op)
	if err != nil {
		return nil, err
	}
	answer, err := c.send(ctx, r, token)
	source, canInvalidate := c.tokens.(invalidator)
	if !canInvalidate || !isExpired(err) {
		return answer, err
	}
	source.Invalidate(ctx, token)
	fresh, tokenErr := c.token(ctx, r.op)
	if tokenErr != nil {
		return nil, tokenErr
	}
	if fresh.AccessToken == token.AccessToken {
		return nil, err
	}
	return c.send(ctx, r, fresh)
}

// token asks the source. When it fails, nothing of the call itself has been sent.
func (c *Client) token(ctx context.Context, op string) (*oauth2.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	token, err := c.tokens.Token(ctx)
	if e, ok := err.(*Error); ok { //nolint:errorlint // another error around it would be lost with its meaning
		refusal := *e
		refusal.Op = op + ": " + e.Op
		return nil, &refusal
	}
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	if token == nil || token.AccessToken == "" {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: the token source returned none", ErrUnauthorized)}
	}
	return token, nil
}

// send makes one exchange as far as this package sees. The transport repeats what may be
// repeated.
func (c *Client) send(ctx context.Context, r request, token *oauth2.Token) (lenientjson.Object, error) {
	sent, err := c.newRequest(ctx, r, token)
	if err != nil {
		return nil, invalid(r.op, err)
	}
	resp, body, err := exchange(c.http, sent)
	if err != nil {
		return nil, unanswered(r, err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, answerError(r, resp, body, token.AccessToken)
	}
	if r.empty && len(body) == 0 {
		return lenientjson.Object{}, nil
	}
	// Even where no body is needed, one that is no JSON came from something between us
	// and Zoom.
	answer, err := lenientjson.Parse(body)
	if err != nil {
		return nil, unreadable(r, err)
	}
	return answer, nil
}

func (c *Client) newRequest(ctx context.Context, r request, token *oauth2.Token) (*http.Request, error) {
	target := c.baseURL
	if target == "" {
		apiURL, _ := token.Extra("api_url").(string)
		target = regionalBaseURL(apiURL)
	}
	target += r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var body io.Reader // a nil one, not a nil *bytes.Reader: no body
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	out, err := http.NewRequestWithContext(ctx, r.method, target, body) //mutant:create-once
	if err != nil {
		return nil, err
	}
	if body != nil {
		out.Header.Set("Content-Type", "application/json")
	}
	out.Header.Set("Accept", "application/json")
	out.Header.Set("User-Agent", "incidentbridge")
	out.Header.Set("Authorization", "Bearer "+token.AccessToken)
	return out, nil
}

// request is one call of the API, before it has a token and a host. Paths are made of
// constants and of escaped values only.
type request struct {
	op     string
	method string
	path   string // below the base URL, escaped
	query  url.Values
	body   any  // sent as JSON; nil: none
	empty  bool // a good answer needs no body: 204 has none
	once   bool // a second run would do harm, so an unknown outcome is ErrInDoubt
}

// inDoubtIf adds ErrInDoubt to the reason when the request may have been carried out and
// must not be twice.
func (r request) inDoubtIf(maybeDone bool, reason error) error {
	if !maybeDone || !r.once {
		return reason
	}
	return fmt.Errorf("%w: %w", ErrInDoubt, reason)
}

// exchange sends the request and reads the answer, which is in memory already.
func exchange(client *httpx.Client, r *http.Request) (*http.Response, []byte, error) {
	resp, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func isExpired(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode == http.StatusUnauthorized && e.Code == 124
}
