package authcode

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/redact"
	"github.com/incidentbridge/incidentbridge/internal/urlcheck"
)

var (
	// ErrInvalid reports a value with which nothing was sent.
	ErrInvalid = errors.New("invalid")

	// ErrUnreadable reports a success without a usable token. The vendor may have used up
	// what it was sent.
	ErrUnreadable = errors.New("no access token in the answer")
)

// App is an app as one vendor knows it. Every field but Scopes is needed;
// [App.ClientCredentials] does not need RedirectURL either.
type App struct {
	ClientID     string
	ClientSecret redact.SecretFunc
	RedirectURL  string
	BaseURL      string           // of the vendor's OAuth; "/authorize" and "/token" are added
	AuthStyle    oauth2.AuthStyle // where the vendor wants the id and the secret
	Scopes       []string         // asked for at the authorize page; none: the parameter is left out
	TokenLife    time.Duration    // of an access token whose answer does not say
	HTTP         *httpx.Client
}

// Check returns an error for an id, a secret or a redirect URL that cannot be right.
func (a *App) Check() error {
	switch {
	case strings.TrimSpace(a.ClientID) == "":
		return errors.New("client id is empty")
	case strings.TrimSpace(a.ClientSecret()) == "":
		return errors.New("client secret is empty")
	}
	u, err := url.Parse(a.RedirectURL) // its own error repeats the value
	switch {
	case err != nil, u.Hostname() == "", u.User != nil, u.Fragment != "":
		return errors.New("redirect URL must be absolute, without userinfo and fragment")
	case !urlcheck.IsSecure(u):
		return errors.New("redirect URL must be https, or http on a loopback address")
	}
	return nil
}

// AuthCodeURL returns the vendor's page where somebody agrees. An empty state is left
// out.
func (a *App) AuthCodeURL(state, verifier string) string {
	return a.config().AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))
}

// Exchange sends the code and its verifier, once.
func (a *App) Exchange(ctx context.Context, code, verifier string) (*oauth2.Token, error) {
	switch {
	case code == "":
		return nil, fmt.Errorf("%w: the code is empty", ErrInvalid)
	case !isVerifier(verifier):
		return nil, fmt.Errorf("%w: the verifier must be 43 to 128 letters, digits, '-', '.', '_' and '~'", ErrInvalid)
	}
	sent := time.Now()
	token, err := a.config().Exchange(a.withTransport(ctx), code, oauth2.VerifierOption(verifier))
	return a.normalizeToken(token, sent, err)
}

// Refresh sends the refresh token, once.
//
// The usual call, oauth2.Config.TokenSource(ctx, &oauth2.Token{RefreshToken:
// refreshToken}).Token(), would send the same form. It is not used because a TokenSource
// is made to be kept: the second call on it would use the rotated refresh token, which is
// then in this process's memory alone and never reached the store.
func (a *App) Refresh(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	if refreshToken == "" {
		return nil, fmt.Errorf("%w: there is no refresh token", ErrInvalid)
	}
	return a.postForm(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
}

// ClientCredentials asks for a token of the app itself. The form is what the vendor wants
// besides the credentials; its grant_type, if it has one, replaces "client_credentials".
// An app may have several tokens at once, so asking twice does no harm and the request is
// repeated on faults.
func (a *App) ClientCredentials(ctx context.Context, form url.Values) (*oauth2.Token, error) {
	return a.postForm(httpx.Idempotent(ctx, true), form)
}

// postForm uses the part of x/oauth2 that sends one form with a context and keeps
// nothing. It takes any grant type.
func (a *App) postForm(ctx context.Context, form url.Values) (*oauth2.Token, error) {
	config := clientcredentials.Config{
		ClientID: a.ClientID, ClientSecret: a.ClientSecret(),
		TokenURL: a.BaseURL + "/token", AuthStyle: a.AuthStyle, EndpointParams: form,
	}
	sent := time.Now()
	token, err := config.Token(a.withTransport(ctx))
	return a.normalizeToken(token, sent, err)
}

// config is made anew each time, so that no field holds the secret.
func (a *App) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: a.ClientID, ClientSecret: a.ClientSecret(), RedirectURL: a.RedirectURL, Scopes: a.Scopes,
		Endpoint: oauth2.Endpoint{
			AuthURL: a.BaseURL + "/authorize", TokenURL: a.BaseURL + "/token", AuthStyle: a.AuthStyle,
		},
	}
}

// withTransport makes x/oauth2 send through httpx, which follows the vendor's redirects
// itself.
func (a *App) withTransport(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport:     httpxTransport{a},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

// httpxTransport sends the requests of x/oauth2 with the headers of our other requests.
type httpxTransport struct{ app *App }

func (t httpxTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "incidentbridge")
	if t.app.AuthStyle == oauth2.AuthStyleInHeader {
		// x/oauth2 escapes both parts, as RFC 6749 says. The vendors document them as
		// they are.
		r.SetBasicAuth(t.app.ClientID, t.app.ClientSecret())
	}
	return t.app.HTTP.Do(r)
}

// isVerifier reports whether s is a verifier as RFC 7636 has them: a shorter one could be
// guessed from its challenge.
func isVerifier(s string) bool {
	const unreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
	return len(s) >= 43 && len(s) <= 128 && strings.Trim(s, unreserved) == ""
}
