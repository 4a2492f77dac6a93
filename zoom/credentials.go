package zoom

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
	"github.com/incidentbridge/incidentbridge/internal/onetoken"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// tokenLife is what Zoom documents, for an answer that does not say.
const tokenLife = time.Hour

// AccountCredentials are those of a server-to-server OAuth app, which acts for its own Zoom account. They are a
// TokenSource for NewClient, safe for concurrent use, and print without the secret.
type AccountCredentials struct {
	accountID, clientID string
	clientSecret        redact.SecretFunc

	// The rest is nil until bound.
	client   *httpx.Client
	tokenURL string
	tokens   *onetoken.Cache
}

// ServerToServer returns the credentials of a server-to-server OAuth app. NewClient refuses them when one is missing,
// and works on a copy that shares the client's transport and OAuth URL.
//
// See https://developers.zoom.us/docs/internal-apps/s2s-oauth/.
func ServerToServer(accountID, clientID, clientSecret string) *AccountCredentials {
	return &AccountCredentials{
		accountID: accountID, clientID: clientID,
		clientSecret: redact.NewSecretFunc(clientSecret),
	}
}

func (a *AccountCredentials) bind(client *httpx.Client, oauthURL string) (*AccountCredentials, error) {
	if a == nil || a.clientSecret == nil {
		return nil, errors.New("zoom: account credentials must come from ServerToServer")
	}
	var missing []string
	for _, field := range []struct{ name, value string }{
		{"account id", a.accountID}, {"client id", a.clientID}, {"client secret", a.clientSecret()},
	} {
		if strings.TrimSpace(field.value) == "" {
			missing = append(missing, field.name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("zoom: server-to-server credentials lack the %s", strings.Join(missing, " and the "))
	}
	bound := &AccountCredentials{
		accountID: a.accountID, clientID: a.clientID, clientSecret: a.clientSecret,
		client: client, tokenURL: oauthURL + "/token",
	}
	bound.tokens = onetoken.New(bound.request)
	return bound, nil
}

// Token returns the cached token until a minute before it expires, then a new one. Concurrent callers share one request
// for it, which goes on when one of them gives up. Credentials that no client uses yet have none to give.
func (a *AccountCredentials) Token(ctx context.Context) (*oauth2.Token, error) {
	if a.tokens == nil {
		return nil, invalid("token", errors.New("the credentials belong to no client: pass them to NewClient"))
	}
	token, err := a.tokens.Token(ctx)
	if _, answered := errors.AsType[*Error](err); err != nil && !answered { // the caller gave up
		return nil, &Error{Op: "token", Err: err}
	}
	return token, err
}

// Invalidate forgets a token that Zoom refused. A newer one that a sibling call brought meanwhile stays.
func (a *AccountCredentials) Invalidate(_ context.Context, refused *oauth2.Token) {
	if a.tokens != nil {
		a.tokens.Invalidate(refused)
	}
}

// request asks the token endpoint. Several tokens may be good at once, so asking twice does no harm.
func (a *AccountCredentials) request(ctx context.Context) (*oauth2.Token, error) {
	const op = "token"
	form := url.Values{"grant_type": {"account_credentials"}, "account_id": {a.accountID}}
	ctx = httpx.Idempotent(ctx, true)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, invalid(op, err)
	}
	request.SetBasicAuth(a.clientID, a.clientSecret())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "incidentbridge")

	asked := time.Now()
	resp, body, err := exchange(a.client, request)
	if err != nil {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: %w", ErrUnavailable, err)}
	}
	if resp.StatusCode/100 != 2 {
		return nil, a.refusal(resp, body)
	}
	token, err := parseToken(body, asked)
	if err != nil {
		return nil, unreadable(op, err)
	}
	return token, nil
}

// refusal is what Zoom says when it gives no token.
func (a *AccountCredentials) refusal(resp *http.Response, body []byte) *Error {
	e, kind := tokenRefusal("token", resp, body, a.clientSecret())
	if kind != "" && !errors.Is(e, ErrUnavailable) && !errors.Is(e, ErrRateLimited) {
		e.Err = ErrCredentials
	}
	return e
}

func parseToken(body []byte, asked time.Time) (*oauth2.Token, error) {
	o, err := lenientjson.Parse(body)
	if err != nil {
		return nil, err
	}
	access := o.String("access_token")
	if access == "" {
		return nil, errors.New("no access token in the answer")
	}
	life := tokenLife
	if seconds := o.IntPtr("expires_in"); seconds != nil {
		life = time.Duration(min(max(*seconds, 0), 24*60*60)) * time.Second
	}
	// Round(0) leaves the wall clock alone in charge: the monotonic one stands still while a machine sleeps.
	token := &oauth2.Token{AccessToken: access, TokenType: "Bearer", Expiry: asked.Add(life).Round(0)}
	return token.WithExtra(map[string]any{"api_url": o.String("api_url"), "scope": o.String("scope")}), nil
}
