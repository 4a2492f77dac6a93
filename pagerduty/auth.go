package pagerduty

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/authcode"
	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

var (
	errBadFrom      = errors.New("pagerduty: from must be the e-mail address of a PagerDuty user")
	errBadSubdomain = errors.New("pagerduty: subdomain must be the account's alone, as acme of acme.pagerduty.com")
)

// TokenSource returns the access token for a call. It must be safe for concurrent use.
//
// If a source also has the method Invalidate(context.Context, *oauth2.Token), it is
// called with a token that PagerDuty answered with 401, and then Token once more, once
// per call.
type TokenSource interface {
	Token(ctx context.Context) (*oauth2.Token, error)
}

// invalidator is a TokenSource that wants to know of rejected tokens.
type invalidator interface {
	Invalidate(ctx context.Context, rejected *oauth2.Token)
}

// StaticToken returns a source that always returns this token: for the calls that follow
// a consent or a login, before or without the token being stored.
func StaticToken(token *oauth2.Token) TokenSource { return authcode.NewStaticToken(token) }

// Auth is a way to authenticate, made by [APIKey], [AppToken] or [UserToken]. It prints
// no secret. [NewClient] returns an error for the zero Auth.
type Auth struct {
	key    redact.SecretFunc
	app    *appCredentials
	tokens TokenSource
	scopes []string // that the token should have
	from   string
}

type appCredentials struct {
	clientID  string
	secret    redact.SecretFunc
	subdomain string
}

// APIKey authenticates with a REST API key and writes as the user whose e-mail is from.
// PagerDuty wants that address on writes with an account's key, so it is required. See
// https://developer.pagerduty.com/docs/authentication.
func APIKey(key, from string) Auth { return Auth{key: redact.NewSecretFunc(key), from: from} }

// AppToken authenticates as an app of the account with that subdomain ("acme" of
// acme.pagerduty.com), by the client credentials of scoped OAuth. The token is requested
// when it is first needed, kept until a minute before it expires and shared by all calls.
// It has no user, so [NewClient] wants [WithFrom] as well.
//
// PagerDuty does not refuse scopes that the app lacks, it leaves them out:
// [Client.MissingScopes] names them, and so does the error of a call that fails for want
// of one.
// See https://developer.pagerduty.com/docs/app-oauth-token.
func AppToken(clientID, clientSecret, subdomain string) Auth {
	return Auth{app: &appCredentials{clientID, redact.NewSecretFunc(clientSecret), strings.ToLower(subdomain)}}
}

// UserToken authenticates with the OAuth token of a user, who is also the one that
// writes. The source is mostly a tokenstore.TokenSource over [OAuth.Refresh]. Without
// [WithBaseURL] and [WithRegion] calls go to the region that the token's extra "api_url"
// names.
func UserToken(source TokenSource) Auth { return Auth{tokens: source} }

// bind checks the Auth, completes it from the settings and lets it ask for tokens through
// client.
func (a Auth) bind(settings *config, client *httpx.Client) (Auth, error) {
	if a.from != "" && settings.from != "" {
		return Auth{}, errors.New("pagerduty: an API key brings its own from: leave WithFrom out")
	}
	if a.key == nil {
		a.from = settings.from
	}
	switch {
	case a.tokens != nil:
		a.scopes = settings.scopes
		return a, nil
	case a.app != nil:
		return a.bindApp(settings, client)
	case a.key == nil:
		return Auth{}, errors.New("pagerduty: authentication is missing")
	case a.key() == "":
		return Auth{}, errors.New("pagerduty: API key is empty")
	case !httpx.IsHeaderValue(a.key()):
		return Auth{}, errors.New("pagerduty: API key has a blank or a control character")
	case !plausibleEmail(a.from):
		return Auth{}, errBadFrom
	}
	return a, nil
}

func (a Auth) bindApp(settings *config, client *httpx.Client) (Auth, error) {
	switch {
	case strings.TrimSpace(a.app.clientID) == "":
		return Auth{}, errors.New("pagerduty: client id is empty")
	case strings.TrimSpace(a.app.secret()) == "":
		return Auth{}, errors.New("pagerduty: client secret is empty")
	case !validSubdomain(a.app.subdomain):
		return Auth{}, errBadSubdomain
	case settings.subdomain != "" && settings.subdomain != a.app.subdomain:
		return Auth{}, errors.New("pagerduty: the app token is of another subdomain than WithSubdomain says")
	case a.from == "":
		return Auth{}, errors.New("pagerduty: an app token writes as a user: WithFrom is missing")
	}
	settings.subdomain = a.app.subdomain
	a.scopes = settings.scopes
	a.tokens = newAppSource(a.app, settings, client)
	return a, nil
}

// authorize adds the credentials to the request. It returns the token that they are, or
// nil for a key.
func (a Auth) authorize(r *http.Request) (*oauth2.Token, error) {
	if a.from != "" {
		r.Header.Set("From", a.from)
	}
	if a.tokens == nil {
		r.Header.Set("Authorization", "Token token="+a.key())
		return nil, nil //nolint:nilnil // a key is no token
	}
	token, err := a.tokens.Token(r.Context())
	if err != nil {
		return nil, &tokenError{err}
	}
	if token == nil || !httpx.IsHeaderValue(token.AccessToken) {
		return nil, &tokenError{errors.New("token source returned no usable access token")}
	}
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	return token, nil
}

// invalidate passes a rejected token to the token source, and reports whether the source
// takes it.
func (a Auth) invalidate(ctx context.Context, token *oauth2.Token) bool {
	source, ok := a.tokens.(invalidator)
	if !ok || token == nil {
		return false
	}
	source.Invalidate(ctx, token)
	return true
}

// missingScopes returns the scopes that the token should have and lacks. For an app's
// token an answer with an empty list of scopes granted none; a user's token may come from
// a store, which writes an unknown list so.
func (a Auth) missingScopes(token *oauth2.Token) []string {
	scope, told := token.Extra("scope").(string)
	if a.app != nil && told && strings.TrimSpace(scope) == "" {
		return slices.Clone(a.scopes)
	}
	return missingScopes(token, a.scopes)
}

// tokenError means that the request was never sent, because there was no token to send it
// with.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "no access token: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// plausibleEmail keeps what cannot be an address out of headers and queries. PagerDuty
// knows which ones exist.
func plausibleEmail(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	return found && local != "" && domain != "" && len(s) <= 254 && httpx.IsHeaderValue(s)
}
