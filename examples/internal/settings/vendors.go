package settings

import (
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// vendors has the clients of both vendors, with their own credentials or an installed
// grant.
type vendors struct {
	zoom         *zoom.Client
	hosts        []string
	pagerDuty    *pagerduty.Client
	installation *install.Installation // nil: both vendors have credentials of their own
}

// installsZoom reports whether the Zoom app is installed by consent.
func (s *Settings) installsZoom() bool { return s.ZoomClientID != "" && s.ZoomAccountID == "" }

// installsPagerDuty reports whether the PagerDuty app is installed by consent, not only
// for its login or its own token.
func (s *Settings) installsPagerDuty() bool {
	return s.PagerDutyClientID != "" && s.PagerDutyToken == "" && s.PagerDutySubdomain == ""
}

func (s *Settings) vendors(store tokenstore.Store) (v vendors, err error) {
	if s.installsZoom() || s.installsPagerDuty() {
		if v.installation, err = s.installation(store); err != nil {
			return v, err
		}
	}
	v.hosts = stringsOf(s.ZoomHosts)
	if s.installsZoom() {
		v.zoom = v.installation.Zoom()
		v.hosts = append(v.hosts, zoom.Me) // the administrator who installed it
	} else if v.zoom, err = s.zoom(); err != nil {
		return v, err
	}
	if s.installsPagerDuty() {
		v.pagerDuty = v.installation.PagerDuty()
		return v, nil
	}
	v.pagerDuty, err = s.pagerDuty()
	return v, err
}

// installation returns the installation of the apps that are installed by consent.
func (s *Settings) installation(store tokenstore.Store) (*install.Installation, error) {
	var apps []install.Option
	if s.installsZoom() {
		app, err := zoom.NewOAuth(
			string(s.ZoomClientID), string(s.ZoomClientSecret), s.callback("zoom"), s.zoomOAuthOptions()...)
		if err != nil {
			return nil, err
		}
		apps = append(apps, install.WithZoom(app, s.zoomOptions()...))
	}
	if s.installsPagerDuty() {
		scopes := pagerduty.WithScopes(s.pagerDutyScopes()...)
		app, err := s.pagerDutyOAuth(scopes)
		if err != nil {
			return nil, err
		}
		apps = append(apps, install.WithPagerDuty(app, append(s.pagerDutyOptions(), scopes)...))
	}
	return install.New(store, apps...)
}

// callback returns the redirect URL of the vendor's app.
func (s *Settings) callback(vendor string) string {
	return strings.TrimRight(string(s.PublicURL), "/") + "/oauth/" + vendor + "/callback"
}

// pagerDutyScopes returns the scopes for running and setting up the service, and for
// workflow events.
func (s *Settings) pagerDutyScopes() []string {
	scopes := append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)
	isWorkflow := func(event EventType) bool { return strings.HasPrefix(string(event), "incident.workflow.") }
	if slices.ContainsFunc(s.OpenOn, isWorkflow) {
		scopes = append(scopes, "incident_workflows.read")
	}
	return scopes
}

func (s *Settings) pagerDutyOAuth(scopes pagerduty.Option) (*pagerduty.OAuth, error) {
	opts := []pagerduty.Option{scopes}
	if s.PagerDutyOAuthURL != "" {
		opts = append(opts, pagerduty.WithOAuthURL(string(s.PagerDutyOAuthURL)))
	}
	return pagerduty.NewOAuth(string(s.PagerDutyClientID), string(s.PagerDutyClientSecret), s.callback("pagerduty"), opts...)
}

func (s *Settings) zoom() (*zoom.Client, error) {
	credentials := zoom.ServerToServer(string(s.ZoomAccountID), string(s.ZoomClientID), string(s.ZoomClientSecret))
	return zoom.NewClient(credentials, append(s.zoomOptions(), s.zoomOAuthOptions()...)...)
}

func (s *Settings) zoomOptions() []zoom.Option {
	if s.ZoomAPIURL == "" {
		return nil
	}
	return []zoom.Option{zoom.WithBaseURL(string(s.ZoomAPIURL))}
}

func (s *Settings) zoomOAuthOptions() []zoom.Option {
	if s.ZoomOAuthURL == "" {
		return nil
	}
	return []zoom.Option{zoom.WithOAuthURL(string(s.ZoomOAuthURL))}
}

func (s *Settings) pagerDuty() (*pagerduty.Client, error) {
	opts := s.pagerDutyOptions()
	if s.PagerDutySubdomain != "" && s.PagerDutyToken != "" {
		opts = append(opts, pagerduty.WithSubdomain(string(s.PagerDutySubdomain)))
	}
	if s.PagerDutyToken != "" {
		return pagerduty.NewClient(pagerduty.APIKey(string(s.PagerDutyToken), string(s.PagerDutyFrom)), opts...)
	}
	if s.PagerDutyOAuthURL != "" {
		opts = append(opts, pagerduty.WithOAuthURL(string(s.PagerDutyOAuthURL)))
	}
	auth := pagerduty.AppToken(string(s.PagerDutyClientID), string(s.PagerDutyClientSecret), string(s.PagerDutySubdomain))
	return pagerduty.NewClient(auth, append(opts, pagerduty.WithFrom(string(s.PagerDutyFrom)))...)
}

// pagerDutyOptions leaves the region to the grant if it is not set.
func (s *Settings) pagerDutyOptions() []pagerduty.Option {
	var opts []pagerduty.Option
	if s.PagerDutyRegion != "" {
		opts = append(opts, pagerduty.WithRegion(pagerduty.Region(s.PagerDutyRegion)))
	}
	if s.PagerDutyAPIURL != "" {
		opts = append(opts, pagerduty.WithBaseURL(string(s.PagerDutyAPIURL)))
	}
	return opts
}
