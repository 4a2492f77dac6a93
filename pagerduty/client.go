package pagerduty

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	gopagerduty "github.com/PagerDuty/go-pagerduty"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// Client calls PagerDuty's REST API. Make one with [NewClient]; it is safe for concurrent
// use and needs no closing.
//
// Each call takes 30 seconds at most, waits and repeats included, or until the context's
// deadline if that is earlier. Reads, deletions and the idempotent
// [Client.SetConferenceBridge] are repeated on faults. What makes something new
// ([Client.AddNote], [Client.CreateWebhookSubscription] and the like) is sent once.
type Client struct {
	api     *gopagerduty.Client
	auth    Auth
	baseURL string

	region    Region
	subdomain string // "": unknown
}

// NewClient returns a client that authenticates with auth, such as APIKey(...). It checks
// its arguments and makes no call.
func NewClient(auth Auth, opts ...Option) (*Client, error) {
	settings, transport, err := configure(opts)
	if err != nil {
		return nil, err
	}
	if auth, err = auth.bind(&settings, transport); err != nil {
		return nil, err
	}
	api := gopagerduty.NewClient("") // authTransport has the key
	api.HTTPClient = &authTransport{
		http: transport, auth: auth,
		regionByToken: settings.baseURL == "" && settings.region == "",
	}
	return &Client{
		api: api, auth: auth, baseURL: settings.baseURLOrDefault(),
		region: settings.regionOrUS(), subdomain: settings.subdomain,
	}, nil
}

// MissingScopes returns the scopes of [WithScopes], by default [RunScopes], that the
// token of an [AppToken] or a [UserToken] was not granted: PagerDuty grants a part of
// them without an error. It returns nil when none is missing, and for a key. It requests
// a token when there is none yet.
func (c *Client) MissingScopes(ctx context.Context) ([]string, error) {
	if c.auth.tokens == nil {
		return nil, nil
	}
	r := request{op: "check scopes"}
	token, err := c.auth.tokens.Token(ctx)
	if err != nil {
		return nil, unanswered(ctx, r, &tokenError{err})
	}
	if token == nil {
		return nil, unanswered(ctx, r, &tokenError{errors.New("token source returned none")})
	}
	return c.auth.missingScopes(token), nil
}

// do sends the request and returns the JSON object of a good answer.
func (c *Client) do(ctx context.Context, r request) (lenientjson.Object, error) {
	sent, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, invalid(r.op, r.incidentID, "the request cannot be built")
	}
	resp, body, err := exchange(c.api, sent)
	if err != nil {
		return nil, unanswered(ctx, r, err)
	}
	if resp.StatusCode/100 != 2 {
		secrets := append([]string{credential(sent)}, r.secrets...)
		return nil, answerError(r, resp, body, secrets, func() []string {
			missing, _ := c.MissingScopes(ctx)
			return missing
		})
	}
	if r.empty {
		return lenientjson.Object{}, nil
	}
	answer, err := lenientjson.Parse(body)
	if err != nil {
		return nil, unreadable(r, err)
	}
	return answer, nil
}

// postEmpty posts nothing to an object's action, and reads nothing back.
func (c *Client) postEmpty(ctx context.Context, op, collection, id, action string) error {
	if !validID(id) {
		return invalid(op, "", "the id must be letters and digits")
	}
	_, err := c.do(ctx, request{op: op, method: http.MethodPost, path: collection + id + action, empty: true})
	return err
}

// delete removes the object at path. One that is already gone counts as deleted.
func (c *Client) delete(ctx context.Context, op, path string) error {
	_, err := c.do(ctx, request{op: op, method: http.MethodDelete, path: path, empty: true})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	target := c.baseURL + r.path
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

// request is one call of the API. Paths are made of constants and validated ids only.
type request struct {
	op         string
	incidentID string
	method     string
	path       string // below the base URL
	query      url.Values
	body       any      // sent as JSON; nil: none
	empty      bool     // a good answer needs no body: 202 and 204 have none
	secrets    []string // values that must not come back in an error
}

// writes reports whether the request changes something. A request for a token, which has
// no method here, does not.
func (r request) writes() bool { return r.method != "" && r.method != http.MethodGet }

// inDoubtIf adds ErrInDoubt to the reason when the request writes and may have been
// carried out.
func (r request) inDoubtIf(maybeDone bool, reason error) error {
	if !maybeDone || !r.writes() {
		return reason
	}
	return fmt.Errorf("%w: %w", ErrInDoubt, reason)
}

// authTransport is the HTTP client that go-pagerduty sends through. It adds the
// credentials; retries and limits are below it, in httpx.
type authTransport struct {
	http          *httpx.Client
	auth          Auth
	regionByToken bool
}

// Do sends the request, a second time with a fresh token when PagerDuty rejects the first
// one.
func (t *authTransport) Do(r *http.Request) (*http.Response, error) {
	token, err := t.authorize(r)
	if err != nil {
		return nil, err
	}
	resp, err := t.http.Do(r)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !t.auth.invalidate(r.Context(), token) {
		return resp, err
	}
	if r.GetBody != nil {
		if r.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	if _, err := t.authorize(r); err != nil {
		return nil, err
	}
	return t.http.Do(r)
}

// authorize adds the credentials, and directs the request to the token's region unless an
// option has set another. It returns the token, or nil for a key.
func (t *authTransport) authorize(r *http.Request) (*oauth2.Token, error) {
	token, err := t.auth.authorize(r)
	if err != nil || token == nil || !t.regionByToken {
		return token, err
	}
	apiURL, _ := token.Extra("api_url").(string)
	if region := regionOfAPI(apiURL); region != "" {
		r.URL.Host = strings.TrimPrefix(region.apiURL(), "https://")
		r.Host = r.URL.Host
	}
	return token, nil
}

// exchange sends the request through go-pagerduty, which sets the headers of the API, and
// reads the answer, which is in memory already.
func exchange(api *gopagerduty.Client, r *http.Request) (*http.Response, []byte, error) {
	resp, err := api.Do(r, false)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// credential returns the secret part of the Authorization header that was sent.
func credential(r *http.Request) string {
	value := r.Header.Get("Authorization")
	if key, isKey := strings.CutPrefix(value, "Token token="); isKey {
		return key
	}
	return strings.TrimPrefix(value, "Bearer ")
}
