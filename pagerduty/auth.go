package pagerduty

import (
	"context"
	"errors"
	"net/http"
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

// TokenSource gives the access token of a PagerDuty user. One that also has Invalidate(ctx, *oauth2.Token) is told of
// the token that PagerDuty answered with 401, and asked once more. It must be safe for concurrent use.
type TokenSource interface {
	Token(ctx context.Context) (*oauth2.Token, error)
}

// invalidator is a TokenSource that wants to hear of a refused token.
type invalidator interface {
	Invalidate(ctx context.Context, token *oauth2.Token)
}

// Auth is a way to authenticate, made by [APIKey], [AppToken] or [UserToken]. It prints no secret. The zero Auth is
// refused by [NewClient].
type Auth struct {
	key    redact.SecretFunc
	app    *appCredentials
	tokens TokenSource
	scopes []string // that a user's token should have
	from   string
}

// APIKey authenticates with a REST API key and writes as the user whose e-mail is from. PagerDuty wants that address
// on writes with an account's key, so it is required. See https://developer.pagerduty.com/docs/authentication.
func APIKey(key, from string) Auth { return Auth{key: redact.NewSecretFunc(key), from: from} }

// AppToken authenticates as an app of the account with that subdomain ("acme" of acme.pagerduty.com), by the client
// credentials of scoped OAuth. The token is asked for when it is first needed, kept until a minute before its end and
// shared by all calls. It has no user, so [NewClient] wants [WithFrom] beside it.
//
// PagerDuty does not refuse scopes that the app lacks, it leaves them out: [Client.MissingScopes] names them, and so
// does the error of a call that fails for want of one.
// See https://developer.pagerduty.com/docs/app-oauth-token.
func AppToken(clientID, clientSecret, subdomain string) Auth {
	return Auth{app: &appCredentials{clientID, redact.NewSecretFunc(clientSecret), strings.ToLower(subdomain)}}
}

// UserToken authenticates with the OAuth token of a user, who is also the one that writes. The source is mostly a
// tokenstore.TokenSource over [OAuth.Refresh]. Without [WithBaseURL] and [WithRegion] calls go to the region that the
// token's extra "api_url" names.
func UserToken(source TokenSource) Auth { return Auth{tokens: source} }

// StaticToken returns a source that always gives this token: for the calls that follow a consent or a login, before or
// without the token being stored.
func StaticToken(token *oauth2.Token) TokenSource {
	return authcode.NewStaticToken(token)
}

// bind checks the Auth, completes it from the settings and lets it ask for tokens through client.
func (a Auth) bind(settings *config, client *httpx.Client) (Auth, error) {
	if a.from != "" && settings.from != "" {
		return Auth{}, errors.New("pagerduty: an API key brings its own from: leave WithFrom out")
	}
	if a.key == nil {
		a.from = settings.from
	}
	switch {
	case a.tokens != nil:
		a.scopes = settings.wanted()
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
	case strings.TrimSpace(a.app.id) == "":
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
	a.tokens = newAppSource(a.app, settings, client)
	return a, nil
}

// authorize signs the request and answers the token it used, if it was one.
func (a Auth) authorize(r *http.Request) (*oauth2.Token, error) {
	if a.from != "" {
		r.Header.Set("From", a.from)
	}
	if a.tokens == nil {
		r.Header.Set("Authorization", "Token token="+a.key())
		return nil, nil
	}
	token, err := a.tokens.Token(r.Context())
	if err != nil {
		return nil, &tokenError{err}
	}
	if token == nil || !httpx.IsHeaderValue(token.AccessToken) {
		return nil, &tokenError{errors.New("token source gave no usable access token")}
	}
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	return token, nil
}

// refuse tells the token source of a refused token; false when there is nobody to tell.
func (a Auth) refuse(ctx context.Context, token *oauth2.Token) bool {
	source, ok := a.tokens.(invalidator)
	if !ok || token == nil {
		return false
	}
	source.Invalidate(ctx, token)
	return true
}

// missingScopes are the scopes that the token lacks: of an app what it was asked for and did not get. A key has none.
func (a Auth) missingScopes(token *oauth2.Token) []string {
	if source, isApp := a.tokens.(*appSource); isApp {
		return source.missingScopes()
	}
	return lackedBy(token, a.scopes)
}

// tokenError says that the request was never sent, since there was no token to send it with.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "no access token: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// plausibleEmail keeps what cannot be an address out of headers and queries. PagerDuty knows which ones exist.
func plausibleEmail(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	return found && local != "" && domain != "" && len(s) <= 254 && httpx.IsHeaderValue(s)
}
