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

	// ErrUnreadable reports a success that holds no token. The vendor may have used up what it was sent.
	ErrUnreadable = errors.New("no token in the answer")
)

// App is an app as one vendor knows it. Every field but Scopes is needed.
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

// Check reports what a person may have set wrong: the id, the secret and the redirect URL.
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

// AuthCodeURL is the vendor's page where somebody agrees. An empty state is sent as none.
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
	asked := time.Now()
	token, err := a.config().Exchange(a.through(ctx), code, oauth2.VerifierOption(verifier))
	return a.settle(token, asked, err)
}

// Refresh sends the refresh token, once.
func (a *App) Refresh(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	if refreshToken == "" {
		return nil, fmt.Errorf("%w: there is no refresh token", ErrInvalid)
	}
	// The part of x/oauth2 that sends one form, with a context, and keeps nothing. It takes any grant type.
	form := clientcredentials.Config{
		ClientID: a.ClientID, ClientSecret: a.ClientSecret(), TokenURL: a.BaseURL + "/token", AuthStyle: a.AuthStyle,
		EndpointParams: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}},
	}
	asked := time.Now()
	token, err := form.Token(a.through(ctx))
	return a.settle(token, asked, err)
}

// config is made anew each time, so that the secret stands in no field.
func (a *App) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: a.ClientID, ClientSecret: a.ClientSecret(), RedirectURL: a.RedirectURL, Scopes: a.Scopes,
		Endpoint: oauth2.Endpoint{
			AuthURL: a.BaseURL + "/authorize", TokenURL: a.BaseURL + "/token", AuthStyle: a.AuthStyle,
		},
	}
}

// through makes x/oauth2 send by our transport, which follows the vendor's redirects itself.
func (a *App) through(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport:     road{a.HTTP},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

type road struct{ client *httpx.Client }

func (r road) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "incidentbridge")
	return r.client.Do(request)
}

// isVerifier holds a verifier to RFC 7636: a short one could be guessed from its challenge.
func isVerifier(s string) bool {
	const unreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
	return len(s) >= 43 && len(s) <= 128 && strings.Trim(s, unreserved) == ""
}
