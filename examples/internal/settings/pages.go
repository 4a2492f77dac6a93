package settings

import (
	"fmt"
	"strings"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// pages returns the options for the pages, their login and the install flow. Without an
// OAuth app there are none.
func (s *Settings) pages(v vendors, store tokenstore.Store) ([]nethttp.Option, error) {
	if !s.hasPages() {
		return nil, nil
	}
	if why := pagesURLProblem(string(s.PublicURL)); why != "" { // it may have been derived from ADDR
		return nil, fmt.Errorf("PUBLIC_URL %s", why)
	}
	opts := []nethttp.Option{nethttp.WithPages(strings.TrimRight(string(s.PublicURL), "/"), store)}
	if v.installation != nil {
		opts = append(opts, nethttp.WithInstallation(v.installation, stringsOf(s.OpenOn)...))
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

// hasPages reports whether people use a browser: to log in, or to install.
func (s *Settings) hasPages() bool { return s.PagerDutyClientID != "" || s.installsZoom() }
