package settings

import (
	"fmt"
	"strings"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// pages returns what the pages, their login and the install flow need; nothing without an OAuth app.
func (s *Settings) pages(v vendors, store tokenstore.Store) ([]nethttp.Option, error) {
	if !s.hasPages() {
		return nil, nil
	}
	if why := pagesURL(s.PublicURL); why != "" { // as it follows from ADDR
		return nil, fmt.Errorf("PUBLIC_URL %s", why)
	}
	opts := []nethttp.Option{nethttp.WithPages(strings.TrimRight(s.PublicURL, "/"), store)}
	if v.installation != nil {
		opts = append(opts, nethttp.WithInstallation(v.installation, s.OpenOn...))
	}
	if s.PagerDutyClientID == "" {
		return opts, nil
	}
	app, err := s.pagerDutyOAuth(pagerduty.WithScopes("openid"))
	if err != nil {
		return nil, err
	}
	return append(opts, nethttp.WithLogin(app, v.pagerDuty)), nil
}

// hasPages says whether people come with a browser: to log in, or to install.
func (s *Settings) hasPages() bool { return s.PagerDutyClientID != "" || s.installsZoom() }
