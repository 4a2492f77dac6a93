package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/authcode"
	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/tokencache"
)

// tokenLife is what PagerDuty documents for scoped OAuth, for an answer that does not
// say. Classic tokens live longer.
const tokenLife = 24 * time.Hour

// appSource is the TokenSource of an app: it asks the token endpoint and keeps the token.
type appSource struct {
	app    *authcode.App
	scope  string
	tokens *tokencache.Cache
}

func newAppSource(credentials *appCredentials, settings *config, client *httpx.Client) *appSource {
	// The scope that names the account comes first: without it no other counts.
	account := fmt.Sprintf("as_account-%s.%s", settings.regionOrUS(), credentials.subdomain)
	source := &appSource{
		app: &authcode.App{
			ClientID: credentials.clientID, ClientSecret: credentials.secret, BaseURL: settings.oauthURL,
			AuthStyle: oauth2.AuthStyleInParams, TokenLife: tokenLife, HTTP: client,
		},
		scope: strings.Join(append([]string{account}, settings.scopes...), " "),
	}
	source.tokens = tokencache.New(source.fetch)
	return source
}

// Token returns the kept token, or a new one.
func (s *appSource) Token(ctx context.Context) (*oauth2.Token, error) { return s.tokens.Token(ctx) }

// Invalidate drops a token that PagerDuty rejected, unless a concurrent call has already
// replaced it.
func (s *appSource) Invalidate(_ context.Context, rejected *oauth2.Token) {
	s.tokens.Invalidate(rejected)
}

// fetch asks the token endpoint.
func (s *appSource) fetch(ctx context.Context) (*oauth2.Token, error) {
	token, err := s.app.ClientCredentials(ctx, url.Values{"scope": {s.scope}})
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	return token, nil
}

// failed turns an error of the token endpoint into an Error.
func (s *appSource) failed(ctx context.Context, err error) *Error {
	r := request{op: "app token"}
	rejected, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return unanswered(ctx, r, err)
	}
	answer := readTokenRefusal(rejected.Response, rejected.Body, s.app.ClientSecret())
	reason := answer.reason()
	if !errors.Is(reason, ErrUnavailable) && !errors.Is(reason, ErrRateLimited) {
		reason = ErrCredentials
	}
	return answer.newError(r, reason)
}
