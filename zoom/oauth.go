package zoom

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/authcode"
	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// OAuth is an app that people install: a General app of the Zoom Marketplace. It gets
// tokens by an authorization code, always with PKCE (S256), and refreshes and revokes
// them; it keeps none. It is safe for concurrent use, prints without the secret, and
// there is nothing to close.
type OAuth struct{ app *authcode.App }

// NewOAuth returns the app with that client id and secret. The redirect URL is exactly
// one of those that the app has at Zoom: https, or http on a loopback address. The
// options may be [WithOAuthURL], for ZoomGov ("https://zoomgov.com/oauth") or a test, and
// [WithTransport]. It does no I/O.
//
// See https://developers.zoom.us/docs/integrations/oauth/.
func NewOAuth(clientID, clientSecret, redirectURL string, opts ...Option) (*OAuth, error) {
	settings, transport, err := configure(opts)
	if err != nil {
		return nil, err
	}
	if settings.baseURL != "" {
		return nil, errors.New("zoom: an OAuth app has no base URL: WithBaseURL is for NewClient")
	}
	app := &authcode.App{
		ClientID: clientID, ClientSecret: redact.NewSecretFunc(clientSecret), RedirectURL: redirectURL,
		BaseURL: settings.oauthURL, AuthStyle: oauth2.AuthStyleInHeader, TokenLife: tokenLife, HTTP: transport,
	}
	if err := app.Check(); err != nil {
		return nil, fmt.Errorf("zoom: OAuth app: %w", err)
	}
	return &OAuth{app}, nil
}

// ClientID returns the app's id. Event.ClientID of EventAppDeauthorized has it when
// somebody removes the app.
func (o *OAuth) ClientID() string { return o.app.ClientID }

// AuthCodeURL returns the page of Zoom where somebody agrees to the app. It sends the
// browser back to the redirect URL with a code and this state, or with
// error=access_denied. The state is a random string that the callback must receive in the
// same browser; the verifier, from oauth2.GenerateVerifier, is for this one flow and
// stays on the server until Exchange.
//
// No scopes are requested: Zoom grants those that the app has there, and refuses some
// apps that request any. See [CheckScopes].
func (o *OAuth) AuthCodeURL(state, verifier string) string { return o.app.AuthCodeURL(state, verifier) }

// Exchange turns the code of a callback into the tokens of a new consent, for
// tokenstore.TokenSource.Save. A code is valid once, for five minutes, and is sent once.
// The token's extras are "scope" and "api_url", the regional host that a [Client] calls.
//
// [ErrGrant] means that Zoom does not accept the code, or that it belongs to another
// verifier: start again.
func (o *OAuth) Exchange(ctx context.Context, code, verifier string) (*oauth2.Token, error) {
	token, err := o.app.Exchange(ctx, code, verifier)
	if err != nil {
		return nil, o.failed(request{op: "exchange code"}, err, code, verifier)
	}
	return token, nil
}

// Refresh turns a refresh token into its successors, and is a tokenstore.RefreshFunc: the
// old token is sent once, and is worthless afterwards. Store the new ones before using
// them. [ErrGrant] means that the grant is lost and somebody must agree again, unless
// another process was faster; a *oauth2.RetrieveError, without the answer's text, is
// found in every refusal.
func (o *OAuth) Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	r := request{op: "refresh token"}
	if old == nil {
		return nil, invalid(r.op, errors.New("there is no token"))
	}
	token, err := o.app.Refresh(ctx, old.RefreshToken)
	if err != nil {
		return nil, o.failed(r, err, old.RefreshToken)
	}
	return token, nil
}

// Revoke ends the consent of the user whom the access token was issued for, its refresh
// token with it. Zoom wants a token that is still good, and the app's own Basic header.
// It may be repeated.
func (o *OAuth) Revoke(ctx context.Context, token *oauth2.Token) error {
	r := request{op: "revoke token"}
	if token == nil || token.AccessToken == "" {
		return invalid(r.op, errors.New("there is no access token"))
	}
	form := url.Values{"token": {token.AccessToken}}
	out, err := http.NewRequestWithContext(
		httpx.Idempotent(ctx, true), http.MethodPost, o.app.BaseURL+"/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		return invalid(r.op, err)
	}
	out.SetBasicAuth(o.app.ClientID, o.app.ClientSecret())
	out.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out.Header.Set("Accept", "application/json")
	out.Header.Set("User-Agent", "incidentbridge")

	resp, body, err := exchange(o.app.HTTP, out)
	if err != nil {
		return unanswered(r, err)
	}
	if resp.StatusCode/100 != 2 {
		return o.refused(r, resp, body, token.AccessToken)
	}
	if answer, err := lenientjson.Parse(body); err != nil || answer.String("status") != "success" {
		return unreadable(r, errors.New("the answer does not say that the token is revoked"))
	}
	return nil
}

// failed turns an error of the token endpoint into an Error.
func (o *OAuth) failed(r request, err error, secrets ...string) *Error {
	rejected, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case ok:
		return o.refused(r, rejected.Response, rejected.Body, secrets...)
	case errors.Is(err, authcode.ErrInvalid):
		return invalid(r.op, err)
	}
	return unanswered(r, err)
}

// refused returns the error for an answer that is not a success. Only what Zoom has
// surely decided is a refusal to a token store: after any other answer the refresh token
// may be used up or not.
func (o *OAuth) refused(r request, resp *http.Response, body []byte, secrets ...string) *Error {
	answer := readTokenRefusal(resp, body, append(secrets, o.app.ClientSecret())...)
	decided := answer.status/100 == 4 || answer.status/100 == 2 && answer.kind != ""
	if !decided || answer.status == http.StatusRequestTimeout {
		return answer.newError(r, answer.reason())
	}
	reason, code := answer.oauthReason(), answer.kind
	if errors.Is(reason, ErrGrant) {
		code = "invalid_grant" // which Zoom also says by other codes
	}
	return answer.newError(r, authcode.Refused(reason, answer.status, code))
}
