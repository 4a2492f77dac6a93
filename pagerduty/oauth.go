package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/authcode"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// openID makes PagerDuty add an ID token, with who agreed and in which region.
const openID = "openid"

// OAuth is an app that acts for people who agree to it, or lets them log in: scoped
// OAuth, or classic user OAuth with the scopes "read" and "write". It gets tokens by an
// authorization code, always with PKCE (S256), and refreshes them; it keeps none. It is
// safe for concurrent use, prints without the secret, and there is nothing to close.
//
// PagerDuty documents no way to revoke one token. An administrator revokes all of an
// app's on its page in PagerDuty.
type OAuth struct{ app *authcode.App }

// NewOAuth returns the app with that client id and secret. The redirect URL is exactly
// one of those that the app has at PagerDuty: https, or http on a loopback address. The
// options may be [WithScopes], by default [RunScopes], [WithOAuthURL] and
// [WithTransport]. The scope "openid" is always requested as well: see [IdentityOf]. To
// request different scopes, to install and to log in, make several. It does no I/O.
//
// See https://developer.pagerduty.com/docs/user-oauth-token-via-code-grant.
func NewOAuth(clientID, clientSecret, redirectURL string, opts ...Option) (*OAuth, error) {
	settings, transport, err := configure(opts)
	if err != nil {
		return nil, err
	}
	if settings.baseURL != "" || settings.region != "" || settings.from != "" || settings.subdomain != "" {
		return nil, errors.New("pagerduty: an OAuth app takes scopes, an OAuth URL and a transport, the rest is for NewClient")
	}
	app := &authcode.App{
		ClientID: clientID, ClientSecret: redact.NewSecretFunc(clientSecret),
		RedirectURL: redirectURL, BaseURL: settings.oauthURL,
		AuthStyle: oauth2.AuthStyleInParams, Scopes: settings.scopes, TokenLife: tokenLife, HTTP: transport,
	}
	if !slices.Contains(app.Scopes, openID) {
		app.Scopes = append(app.Scopes, openID)
	}
	if err := app.Check(); err != nil {
		return nil, fmt.Errorf("pagerduty: OAuth app: %w", err)
	}
	return &OAuth{app}, nil
}

// AuthCodeURL returns the page of PagerDuty where somebody logs in and agrees. It sends
// the browser back to the redirect URL with a code and this state, or with
// error=access_denied. The state is a random string that the callback must receive in the
// same browser; the verifier, from oauth2.GenerateVerifier, is for this one flow and
// stays on the server until Exchange.
func (o *OAuth) AuthCodeURL(state, verifier string) string { return o.app.AuthCodeURL(state, verifier) }

// Exchange turns the code of a callback into the tokens of a new consent, for
// tokenstore.TokenSource.Save. A code is valid once, for 30 seconds, and is sent once.
// The token's extras are "scope", which may be less than was requested ([CheckScopes]),
// "id_token" ([IdentityOf]) and "api_url", the region's host that a [Client] of a
// [UserToken] calls.
//
// [ErrGrant] means that PagerDuty does not accept the code, or that it belongs to another
// verifier: start again.
func (o *OAuth) Exchange(ctx context.Context, code, verifier string) (*oauth2.Token, error) {
	token, err := o.app.Exchange(ctx, code, verifier)
	if err != nil {
		return nil, o.failed(ctx, request{op: "exchange code"}, err, code, verifier)
	}
	return withRegion(token), nil
}

// Refresh turns a refresh token into its successors, and is a tokenstore.RefreshFunc: the
// old token is sent once, and is to be taken for worthless afterwards. Whether PagerDuty
// ends the whole grant when one comes a second time is not known: give the source
// tokenstore.WithReuseDetection. [ErrGrant] means that the grant is lost and somebody
// must agree again, unless another process was faster; a *oauth2.RetrieveError, without
// the answer's text, is found in every refusal.
func (o *OAuth) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	r := request{op: "refresh token"}
	if old == nil {
		return nil, invalid(r.op, "", "there is no token")
	}
	token, err := o.app.Refresh(ctx, old.RefreshToken)
	if err != nil {
		return nil, o.failed(ctx, r, err, old.RefreshToken)
	}
	return withRegion(token), nil
}

// failed turns an error of the token endpoint into an Error.
func (o *OAuth) failed(ctx context.Context, r request, err error, secrets ...string) *Error {
	rejected, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case ok:
		return o.refused(r, rejected.Response, rejected.Body, secrets...)
	case errors.Is(err, authcode.ErrInvalid):
		return &Error{Op: r.op, Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
	}
	return unanswered(ctx, r, err)
}

// refused returns the error for an answer that is not a success. Only what PagerDuty has
// surely decided is a refusal to a token store: after any other answer the refresh token
// may be used up or not.
func (o *OAuth) refused(r request, resp *http.Response, body []byte, secrets ...string) *Error {
	answer := readTokenRefusal(resp, body, append(secrets, o.app.ClientSecret())...)
	decided := answer.status/100 == 4 || answer.status/100 == 2 && answer.kind != ""
	if !decided || answer.status == http.StatusRequestTimeout {
		return answer.newError(r, answer.reason())
	}
	return answer.newError(r, authcode.Refused(answer.oauthReason(), answer.status, answer.kind))
}

// withRegion sets the region's host as the token's api_url, where a token store keeps it.
// Only the ID token names it.
func withRegion(token *oauth2.Token) *oauth2.Token {
	extras := map[string]any{"scope": token.Extra("scope"), "id_token": token.Extra("id_token"), "api_url": ""}
	if identity, err := IdentityOf(token); err == nil {
		extras["api_url"] = identity.Region.apiURL()
	}
	return token.WithExtra(extras)
}
