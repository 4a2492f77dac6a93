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

// Option configures a Handler. Options may come in any order; PagerDutySecrets,
// ZoomSecrets and ActionTokens add to what earlier ones gave. An invalid option makes
// NewHandler fail.
type Option func(*settings) error

type settings struct {
	pagerDutySecrets []string
	zoomSecrets      []string
	actionTokens     []string
	site             *site
	loginApp         *pagerduty.OAuth
	loginAccount     *pagerduty.Client
	installation     *install.Installation
	events           []string // that an installation subscribes to
	logger           *slog.Logger
}

// PagerDutySecrets opens /webhooks/pagerduty to requests signed with one of these
// secrets. Several secrets allow a rotation.
func PagerDutySecrets(secrets ...string) Option {
	return func(s *settings) error {
		s.pagerDutySecrets = append(s.pagerDutySecrets, secrets...)
		return nil
	}
}

// ZoomSecrets opens /webhooks/zoom to requests signed with one of these secret tokens.
// Several secrets allow a rotation.
func ZoomSecrets(secrets ...string) Option {
	return func(s *settings) error {
		s.zoomSecrets = append(s.zoomSecrets, secrets...)
		return nil
	}
}

// ActionTokens opens /actions/pagerduty, /api/… and /metrics to requests with one of
// these as a bearer token. Several tokens allow a rotation. Their holders are trusted:
// they may name any requester, or none.
func ActionTokens(tokens ...string) Option {
	return func(s *settings) error {
		s.actionTokens = append(s.actionTokens, tokens...)
		return nil
	}
}

// WithPages serves pages for browsers. publicURL is their address: a scheme and a host,
// https, or http on a loopback address. Sessions and OAuth flows are kept in store, so
// that they survive a restart and are valid in every replica. [WithLogin] decides who may
// see the pages; without it they answer 404.
func WithPages(publicURL string, store tokenstore.Store) Option {
	return func(s *settings) (err error) {
		s.site, err = newSite(publicURL, store)
		return err
	}
}

// WithLogin lets the users of account's PagerDuty account log in to the pages. app must
// ask for the scope "openid" alone and have publicURL + "/oauth/pagerduty/callback" as
// its redirect URL. What a person may do follows from their role at PagerDuty, which the
// service reads each time. WithLogin needs [WithPages].
func WithLogin(app *pagerduty.OAuth, account *pagerduty.Client) Option {
	return func(s *settings) error {
		if app == nil || account == nil {
			return errors.New("nethttp: WithLogin: nil app or account")
		}
		s.loginApp, s.loginAccount = app, account
		return nil
	}
}

// WithInstallation opens the install flow at /install. The secrets of the installation
// are accepted as if they were given to [PagerDutySecrets] and, for /actions/pagerduty
// alone, [ActionTokens]. When Zoom reports that the app was removed, the installation
// ends; that needs [ZoomSecrets]. The redirect URLs of the two apps are publicURL +
// "/oauth/zoom/callback" and publicURL + "/oauth/pagerduty/callback". WithInstallation
// needs [WithPages] with a sealed store.
//
// The installation subscribes to the events that end or change a bridge, for the whole
// account, and to the events given here, such as the ones that open a bridge.
func WithInstallation(i *install.Installation, events ...string) Option {
	return func(s *settings) error {
		if i == nil {
			return errors.New("nethttp: WithInstallation: nil installation")
		}
		all := append([]string{eventBridgeUpdated, eventReopened, eventResolved}, events...)
		slices.Sort(all)
		s.installation, s.events = i, slices.Compact(all)
		return nil
	}
}

// WithLogger logs one line per request, and what fails. Default: no log.
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) error {
		if logger == nil {
			return errors.New("nethttp: WithLogger: nil logger")
		}
		s.logger = logger
		return nil
	}
}

// config is the settings after validation.
type config struct {
	pagerDuty    *pagerduty.Verifier   // nil: no secrets
	zoom         *zoom.Verifier        // nil: no secrets
	tokens       bearerTokens          // empty: no tokens
	site         *site                 // nil: no pages
	loginApp     *pagerduty.OAuth      // nil: no login
	loginAccount *pagerduty.Client     // nil: no login
	installation *install.Installation // nil: the apps are not installed by consent
	events       []string
	logger       *slog.Logger
}

func newConfig(opts []Option) (config, error) {
	s := settings{logger: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		if err := opt(&s); err != nil {
			return config{}, err
		}
	}
	c := config{
		site: s.site, loginApp: s.loginApp, loginAccount: s.loginAccount,
		installation: s.installation, events: s.events, logger: s.logger,
	}
	if c.installation != nil && c.site == nil {
		return config{}, errors.New("nethttp: WithInstallation needs WithPages")
	}
	if c.loginApp != nil && c.site == nil {
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
