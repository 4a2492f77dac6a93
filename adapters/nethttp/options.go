package nethttp

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// Option changes what a Handler serves. Options may come in any order and more than once; a bad one makes NewHandler
// fail.
type Option func(*settings) error

type settings struct {
	pagerDutySecrets []string
	zoomSecrets      []string
	actionTokens     []string
	site             *site
	login            *login
	installation     *installer
	logger           *slog.Logger
}

// PagerDutySecrets opens /webhooks/pagerduty to what any of these signing secrets signed; several allow a rotation.
func PagerDutySecrets(secrets ...string) Option {
	return func(s *settings) error {
		s.pagerDutySecrets = append(s.pagerDutySecrets, secrets...)
		return nil
	}
}

// ZoomSecrets opens /webhooks/zoom to what any of these secret tokens signed; several allow a rotation.
func ZoomSecrets(secrets ...string) Option {
	return func(s *settings) error {
		s.zoomSecrets = append(s.zoomSecrets, secrets...)
		return nil
	}
}

// ActionTokens opens /actions/pagerduty, /api/… and /metrics to whoever sends one of these as a bearer token; several
// allow a rotation. Their holders are trusted: they may name any requester, or none.
func ActionTokens(tokens ...string) Option {
	return func(s *settings) error {
		s.actionTokens = append(s.actionTokens, tokens...)
		return nil
	}
}

// WithPages serves pages for browsers. publicURL is where the world reaches them: a scheme and a host, https, or http on a
// loopback address. Sessions and what else a browser has under way are kept in store, so that they survive a restart and
// count in every replica. Who may see them is for [WithLogin] to say; without that they answer 404.
func WithPages(publicURL string, store tokenstore.Store) Option {
	return func(s *settings) (err error) {
		s.site, err = newSite(publicURL, store)
		return err
	}
}

// WithLogin lets the users of account's PagerDuty account log in to the pages, through app, which asks for the scope
// "openid" alone and has publicURL + "/oauth/pagerduty/callback" as its redirect URL. Somebody who is logged in may do
// there what their role at PagerDuty allows, which the service asks for each time. It needs [WithPages].
func WithLogin(app *pagerduty.OAuth, account *pagerduty.Client) Option {
	return func(s *settings) error {
		if app == nil || account == nil {
			return errors.New("nethttp: WithLogin: it needs an app and a client")
		}
		s.login = &login{app, account}
		return nil
	}
}

// WithInstallation opens the install flow at /install, and takes what the installation has PagerDuty send as if its
// secrets were given to [PagerDutySecrets] and [ActionTokens], the latter for /actions/pagerduty alone. Zoom's word of the
// app's removal ends it, for which [ZoomSecrets] is needed. The redirect URLs of the two apps are publicURL +
// "/oauth/zoom/callback" and publicURL + "/oauth/pagerduty/callback". It needs [WithPages], with a sealed store.
//
// PagerDuty is asked for the events of the whole account that end a bridge or guard it, and for those given here, such as
// the ones that open one.
func WithInstallation(i *install.Installation, events ...string) Option {
	return func(s *settings) error {
		if i == nil {
			return errors.New("nethttp: WithInstallation: nil installation")
		}
		wanted := append([]string{eventBridgeUpdated, eventReopened, eventResolved}, events...)
		slices.Sort(wanted)
		s.installation = &installer{Installation: i, events: slices.Compact(wanted)}
		return nil
	}
}

// WithLogger logs one line per request. Default: no log.
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) error {
		if logger == nil {
			return errors.New("nethttp: WithLogger: nil logger")
		}
		s.logger = logger
		return nil
	}
}

// config is what the settings amount to.
type config struct {
	pagerDuty *pagerduty.Verifier
	zoom      *zoom.Verifier
	tokens    bearerTokens
	site      *site
	login     *login
	install   *installer
	logger    *slog.Logger
}

func newConfig(opts []Option) (config, error) {
	s := settings{logger: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		if err := opt(&s); err != nil {
			return config{}, err
		}
	}
	c := config{site: s.site, login: s.login, install: s.installation, logger: s.logger}
	if c.install != nil && c.site == nil {
		return config{}, errors.New("nethttp: WithInstallation needs WithPages")
	}
	if c.login != nil && c.site == nil {
		return config{}, errors.New("nethttp: WithLogin needs WithPages")
	}
	var err error
	if len(s.pagerDutySecrets) > 0 {
		if c.pagerDuty, err = pagerduty.NewVerifier(s.pagerDutySecrets); err != nil {
			return config{}, fmt.Errorf("nethttp: PagerDutySecrets: %w", err)
		}
	}
	if len(s.zoomSecrets) > 0 {
		if c.zoom, err = zoom.NewVerifier(s.zoomSecrets); err != nil {
			return config{}, fmt.Errorf("nethttp: ZoomSecrets: %w", err)
		}
	}
	if c.tokens, err = newBearerTokens(s.actionTokens); err != nil {
		return config{}, fmt.Errorf("nethttp: ActionTokens: %w", err)
	}
	return c, nil
}
