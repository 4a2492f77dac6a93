package pagerduty

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/urlcheck"
)

// Option changes one thing about a [Client] or an [OAuth]. Options do not depend on their
// order.
type Option func(*config) error

const defaultOAuthURL = "https://identity.pagerduty.com/oauth" // of both regions

type config struct {
	region    Region // "": by token, else US
	baseURL   string // "": by region
	oauthURL  string
	from      string
	subdomain string
	scopes    []string
	transport http.RoundTripper
}

// WithRegion chooses the service region. The default is that of a [UserToken] that names
// one, else [US].
func WithRegion(region Region) Option {
	return func(c *config) error {
		if region != US && region != EU {
			return fmt.Errorf("pagerduty: region %q is neither us nor eu", region)
		}
		c.region = region
		return nil
	}
}

// WithBaseURL sets where calls are sent, such as a proxy or a fake; it takes precedence
// over [WithRegion]. Only https is accepted, or http on a loopback address.
func WithBaseURL(base string) Option {
	return func(c *config) (err error) {
		if c.baseURL, err = urlcheck.Base(base); err != nil {
			return fmt.Errorf("pagerduty: base URL: %w", err)
		}
		return nil
	}
}

// WithOAuthURL sets the OAuth base, "https://identity.pagerduty.com/oauth" in both
// regions; "/authorize" and "/token" are added to it. Only https is accepted, or http on
// a loopback address. An [AppToken] and an [OAuth] use it.
func WithOAuthURL(base string) Option {
	return func(c *config) (err error) {
		if c.oauthURL, err = urlcheck.Base(base); err != nil {
			return fmt.Errorf("pagerduty: OAuth URL: %w", err)
		}
		return nil
	}
}

// WithFrom sets the e-mail address of the user that writes are made as. An [AppToken]
// needs it, a [UserToken] may have it, and an [APIKey] has its own.
func WithFrom(email string) Option {
	return func(c *config) error {
		if !plausibleEmail(email) {
			return errBadFrom
		}
		c.from = email
		return nil
	}
}

// WithScopes sets the scopes that an [AppToken] or an [OAuth] requests, such as
// "incidents.write", and that a [UserToken] should have, instead of [RunScopes]. See
// [Client.MissingScopes].
func WithScopes(scopes ...string) Option {
	return func(c *config) error {
		isBad := func(scope string) bool { return !httpx.IsHeaderValue(scope) }
		if len(scopes) == 0 || slices.ContainsFunc(scopes, isBad) {
			return errors.New("pagerduty: scopes must be words, and at least one")
		}
		c.scopes = slices.Clone(scopes)
		return nil
	}
}

// WithSubdomain sets the account's subdomain, "acme" of acme.pagerduty.com, so that
// [Client.ParseIncidentID] accepts only the links of that account. An [AppToken] sets it
// too.
func WithSubdomain(subdomain string) Option {
	return func(c *config) error {
		subdomain = strings.ToLower(subdomain)
		if !validSubdomain(subdomain) {
			return errBadSubdomain
		}
		c.subdomain = subdomain
		return nil
	}
}

// WithTransport sends all requests, those for tokens included, through transport: a
// proxy, an instrumented one, or that of pagerdutytest. The default is a clone of
// http.DefaultTransport. Retries and limits are applied above it.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *config) error {
		if transport == nil {
			return errors.New("pagerduty: transport is nil")
		}
		c.transport = transport
		return nil
	}
}

func (c *config) baseURLOrDefault() string {
	if c.baseURL != "" {
		return c.baseURL
	}
	return c.regionOrUS().apiURL()
}

func (c *config) regionOrUS() Region {
	if c.region == "" {
		return US
	}
	return c.region
}

// configure applies the options, and makes the transport that they ask for.
func configure(opts []Option) (config, *httpx.Client, error) {
	settings := config{oauthURL: defaultOAuthURL, scopes: RunScopes()}
	for _, opt := range opts {
		if err := opt(&settings); err != nil {
			return config{}, nil, err
		}
	}
	transport, err := httpx.New(httpx.Config{Transport: settings.transport, Domains: []string{"pagerduty.com"}})
	if err != nil {
		return config{}, nil, fmt.Errorf("pagerduty: %w", err)
	}
	return settings, transport, nil
}
