package zoom

import (
	"context"
	"errors"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/authcode"
	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/tokencache"
)

const (
	// tokenLife is what Zoom documents, for an answer that does not say.
	tokenLife = time.Hour

	// maxAppTokenLife is more than Zoom gives. An answer with more is not believed.
	maxAppTokenLife = 24 * time.Hour
)

// appSource is the TokenSource of a server-to-server app: it asks the token endpoint and
// keeps the token.
type appSource struct {
	app       *authcode.App
	accountID string
	tokens    *tokencache.Cache
}

func newAppSource(credentials *appCredentials, settings config, client *httpx.Client) *appSource {
	source := &appSource{
		app: &authcode.App{
			ClientID: credentials.clientID, ClientSecret: credentials.secret, BaseURL: settings.oauthURL,
			AuthStyle: oauth2.AuthStyleInHeader, TokenLife: tokenLife, HTTP: client,
		},
		accountID: credentials.accountID,
	}
	source.tokens = tokencache.New(source.fetch)
	return source
}

// Token returns the kept token, or a new one.
func (s *appSource) Token(ctx context.Context) (*oauth2.Token, error) { return s.tokens.Token(ctx) }

// Invalidate drops a token that Zoom rejected, unless a concurrent call has already
// replaced it.
func (s *appSource) Invalidate(_ context.Context, rejected *oauth2.Token) {
	s.tokens.Invalidate(rejected)
}

// fetch asks the token endpoint.
func (s *appSource) fetch(ctx context.Context) (*oauth2.Token, error) {
	form := url.Values{"grant_type": {"account_credentials"}, "account_id": {s.accountID}}
	token, err := s.app.ClientCredentials(ctx, form)
	if err != nil {
		return nil, s.failed(err)
	}
	if latest := time.Now().Add(maxAppTokenLife).Round(0); token.Expiry.After(latest) {
		token.Expiry = latest
	}
	return token, nil
}

// failed turns an error of the token endpoint into an Error.
func (s *appSource) failed(err error) *Error {
	r := request{op: "token"}
	rejected, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return unanswered(r, err)
	}
	answer := readTokenRefusal(rejected.Response, rejected.Body, s.app.ClientSecret())
	reason := answer.reason()
	if answer.kind != "" && !errors.Is(reason, ErrUnavailable) && !errors.Is(reason, ErrRateLimited) {
		reason = ErrCredentials
	}
	return answer.newError(r, reason)
}
