package zoom

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
	"github.com/incidentbridge/incidentbridge/internal/urlcheck"
)

// Option changes one thing about a [Client] or an [OAuth]. Options do not depend on their
// order.
type Option func(*config) error

type config struct {
	baseURL   string // "": the regional host that the token names, or the default
	oauthURL  string
	transport http.RoundTripper
}

// WithBaseURL sets the API base, version included, such as "https://api.zoomgov.com/v2".
// It takes precedence over the regional host that a token answer names. Only https is
// accepted, or http on a loopback address.
func WithBaseURL(url string) Option {
	return func(c *config) (err error) {
		if c.baseURL, err = urlcheck.Base(url); err != nil {
			return fmt.Errorf("zoom: base URL: %w", err)
		}
		return nil
	}
}

// WithOAuthURL sets the OAuth base, "https://zoom.us/oauth" by default,
// "https://zoomgov.com/oauth" for ZoomGov; "/authorize", "/token" and "/revoke" are added
// to it. Only https is accepted, or http on a loopback address.
func WithOAuthURL(url string) Option {
	return func(c *config) (err error) {
		if c.oauthURL, err = urlcheck.Base(url); err != nil {
			return fmt.Errorf("zoom: OAuth URL: %w", err)
		}
		return nil
	}
}

// WithTransport sends all requests, those for tokens included, through transport: a
// proxy, an instrumented one, or that of zoomtest. The default is a clone of
// http.DefaultTransport. Retries and limits are applied above it.
func WithTransport(transport http.RoundTripper) Option {
	return func(c *config) error {
		if transport == nil {
			return errors.New("zoom: transport is nil")
		}
		c.transport = transport
		return nil
	}
}

// configure applies the options, and makes the transport that they ask for.
func configure(opts []Option) (config, *httpx.Client, error) {
	settings := config{oauthURL: defaultOAuthURL}
	for _, opt := range opts {
		if err := opt(&settings); err != nil {
			return config{}, nil, err
		}
	}
	transport, err := httpx.New(httpx.Config{
		Transport: settings.transport,
		Domains:   vendorDomains(),
		Refused:   lastsUntilMidnight,
	})
	if err != nil {
		return config{}, nil, fmt.Errorf("zoom: %w", err)
	}
	return settings, transport, nil
}
