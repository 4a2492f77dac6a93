package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
	"github.com/incidentbridge/incidentbridge/internal/onetoken"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

const (
	defaultOAuth = "https://identity.pagerduty.com/oauth" // of both regions

	// tokenLife is what PagerDuty documents for scoped OAuth, for an answer that does not say. Classic tokens live longer.
	tokenLife = 24 * time.Hour
)

type appCredentials struct {
	id        string
	secret    redact.SecretFunc
	subdomain string
}

// appSource is the TokenSource of an app: it asks the token endpoint and keeps what it gets.
type appSource struct {
	credentials *appCredentials
	client      *httpx.Client
	endpoint    string
	account     string // the scope that names the account, without which no other counts
	scopes      []string
	tokens      *onetoken.Cache

	mu      sync.Mutex
	missing []string // of the last token
}

func newAppSource(credentials *appCredentials, settings *config, client *httpx.Client) *appSource {
	source := &appSource{
		credentials: credentials,
		client:      client,
		endpoint:    settings.oauthURL() + "/token",
		account:     fmt.Sprintf("as_account-%s.%s", settings.regionOrUS(), credentials.subdomain),
		scopes:      settings.wanted(),
	}
	source.tokens = onetoken.New(source.fetch)
	return source
}

// Token returns the kept token, or a new one.
func (s *appSource) Token(ctx context.Context) (*oauth2.Token, error) { return s.tokens.Token(ctx) }

// Invalidate forgets a token that PagerDuty refused. A newer one that a sibling call brought meanwhile stays.
func (s *appSource) Invalidate(_ context.Context, refused *oauth2.Token) {
	s.tokens.Invalidate(refused)
}

func (s *appSource) missingScopes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.missing)
}

// fetch brings the cache a token, and leaves here what the token lacks.
func (s *appSource) fetch(ctx context.Context) (*oauth2.Token, error) {
	token, missing, err := s.request(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing = missing
	return token, nil
}

// request asks the token endpoint. An app may hold several tokens at once, so asking twice does no harm.
func (s *appSource) request(ctx context.Context) (token *oauth2.Token, missing []string, err error) {
	r := request{op: "app token"}
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {s.credentials.id},
		"client_secret": {s.credentials.secret()},
		"scope":         {strings.Join(append([]string{s.account}, s.scopes...), " ")},
	}
	sent, err := http.NewRequestWithContext(
		httpx.Idempotent(ctx, true), http.MethodPost, s.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, nil, invalid(r.op, "", "the request cannot be built")
	}
	sent.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sent.Header.Set("Accept", "application/json")

	asked := time.Now()
	answer, body, err := exchange(s.client, sent)
	if err != nil {
		return nil, nil, unansweredError(ctx, r, err)
	}
	if answer.StatusCode/100 != 2 {
		return nil, nil, s.refusal(r, answer, body)
	}
	content, _ := lenientjson.Parse(body)
	access := content.String("access_token")
	if !httpx.IsHeaderValue(access) {
		return nil, nil, unreadableError(r)
	}
	return &oauth2.Token{
		AccessToken: access,
		TokenType:   "Bearer",
		Expiry:      asked.Add(tokenLifeOf(content)).Round(0), // the wall clock alone: the other stops while a machine sleeps
	}, withheld(content, s.scopes), nil
}

// refusal is what PagerDuty says when it gives no token.
func (s *appSource) refusal(r request, answer *http.Response, body []byte) *Error {
	e, _ := tokenRefusal(r, answer, body, []string{s.credentials.secret()})
	if !errors.Is(e, ErrUnavailable) && !errors.Is(e, ErrRateLimited) {
		e.Err = ErrCredentials
	}
	return e
}

func tokenLifeOf(content lenientjson.Object) time.Duration {
	if !content.Has("expires_in") {
		return tokenLife
	}
	seconds := min(max(content.Int("expires_in"), 0), int64((366 * 24 * time.Hour).Seconds()))
	return time.Duration(seconds) * time.Second
}

// withheld are the scopes that were asked for and not granted. An answer that does not speak of scopes granted them all.
func withheld(content lenientjson.Object, asked []string) []string {
	if !content.Has("scope") {
		return nil
	}
	return lacking(strings.Fields(content.String("scope")), asked)
}

// MissingScopes names the scopes that an [AppToken] was asked for and not granted, or that the grant of a [UserToken]
// lacks of those of [WithScopes], by default [RunScopes]; nil when none is missing, and for a key. It asks for a token
// when there is none yet. PagerDuty grants partially and says nothing.
func (c *Client) MissingScopes(ctx context.Context) ([]string, error) {
	if c.auth.tokens == nil {
		return nil, nil
	}
	token, err := c.auth.tokens.Token(ctx)
	if err != nil {
		return nil, unansweredError(ctx, request{op: "check scopes"}, &tokenError{err})
	}
	return c.auth.missingScopes(token), nil
}
