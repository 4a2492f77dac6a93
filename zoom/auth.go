package zoom

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/authcode"
	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// TokenSource returns the access token for a call. It must be safe for concurrent use.
//
// If a source also has the method Invalidate(context.Context, *oauth2.Token), it is
// called with a token that Zoom rejects as expired, and then Token once more, once per
// call. A token's extra field "api_url" (oauth2.Token.WithExtra) selects the regional
// host.
type TokenSource interface {
	Token(ctx context.Context) (*oauth2.Token, error)
}

// invalidator is a TokenSource that wants to know of rejected tokens.
type invalidator interface {
	Invalidate(ctx context.Context, rejected *oauth2.Token)
}

// StaticToken returns a source that always returns this token: for the calls that follow
// a consent, before the token is stored.
func StaticToken(token *oauth2.Token) TokenSource { return authcode.NewStaticToken(token) }

// Auth is a way to authenticate, made by [ServerToServer] or [UserToken]. It prints no
// secret. [NewClient] returns an error for the zero Auth.
type Auth struct {
	app    *appCredentials
	tokens TokenSource
}

type appCredentials struct {
	accountID string
	clientID  string
	secret    redact.SecretFunc
}

// ServerToServer authenticates as a server-to-server OAuth app, which acts for its own
// Zoom account. The token is requested when it is first needed, kept until a minute
// before it expires and shared by all calls.
//
// See https://developers.zoom.us/docs/internal-apps/s2s-oauth/.
func ServerToServer(accountID, clientID, clientSecret string) Auth {
	return Auth{app: &appCredentials{accountID, clientID, redact.NewSecretFunc(clientSecret)}}
}

// UserToken authenticates with the OAuth token of a user who installed an app. The source
// is mostly a tokenstore.TokenSource over [OAuth.Refresh].
func UserToken(source TokenSource) Auth { return Auth{tokens: source} }

// bind checks the Auth and returns the source of its tokens, which asks for them through
// client.
func (a Auth) bind(settings config, client *httpx.Client) (TokenSource, error) {
	if a.tokens != nil {
		return a.tokens, nil
	}
	if a.app == nil {
		return nil, errors.New("zoom: authentication is missing")
	}
	var missing []string
	for _, field := range []struct{ name, value string }{
		{"account id", a.app.accountID}, {"client id", a.app.clientID}, {"client secret", a.app.secret()},
	} {
		if strings.TrimSpace(field.value) == "" {
			missing = append(missing, field.name)
		}
	}
	if len(missing) > 0 {
		list := strings.Join(missing, " and the ")
		return nil, fmt.Errorf("zoom: server-to-server credentials lack the %s", list)
	}
	return newAppSource(a.app, settings, client), nil
}
