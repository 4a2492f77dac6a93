package settings

import (
	"fmt"
	"strings"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// pages returns what the pages and their login need; nothing without an OAuth app at PagerDuty.
func (s *Settings) pages(store tokenstore.Store) ([]nethttp.Option, error) {
	if s.PagerDutyClientID == "" {
		return nil, nil
	}
	if why := pagesURL(s.PublicURL); why != "" { // as it follows from ADDR
		return nil, fmt.Errorf("PUBLIC_URL %s", why)
	}
	publicURL := strings.TrimRight(s.PublicURL, "/")
	opts := []pagerduty.Option{pagerduty.WithScopes("openid")}
	if s.PagerDutyOAuthURL != "" {
		opts = append(opts, pagerduty.WithOAuthURL(s.PagerDutyOAuthURL))
	}
	app, err := pagerduty.NewOAuth(s.PagerDutyClientID, string(s.PagerDutyClientSecret),
		publicURL+"/oauth/pagerduty/callback", opts...)
	if err != nil {
		return nil, err
	}
	account, err := s.pagerDuty()
	if err != nil {
		return nil, err
	}
	return []nethttp.Option{nethttp.WithPages(publicURL, store), nethttp.WithLogin(app, account)}, nil
}
