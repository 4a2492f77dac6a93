package settings

import (
	"maps"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/incidentbridge/incidentbridge/bridge"
)

// Settings is everything the examples can be told. All values are checked; lists hold trimmed, non-empty entries.
type Settings struct {
	// Demo says that no vendor setting was given.
	Demo bool

	Addr      string `env:"ADDR" envDefault:"127.0.0.1:8080"`
	PublicURL string `env:"PUBLIC_URL"` // empty: http:// and where it listens

	StoreURL  Secret `env:"STORE_URL"` // default: sqlite:incidentbridge.db, in the demo memory:
	StoreKeys Secret `env:"STORE_KEYS"`

	ZoomAccountID      string   `env:"ZOOM_ACCOUNT_ID"` // empty: OAuth install flow
	ZoomClientID       string   `env:"ZOOM_CLIENT_ID"`
	ZoomClientSecret   Secret   `env:"ZOOM_CLIENT_SECRET"`
	ZoomHosts          []string `env:"ZOOM_HOSTS"`
	ZoomHostLimit      int      `env:"ZOOM_HOST_LIMIT" envDefault:"2"`
	ZoomWebhookSecrets []Secret `env:"ZOOM_WEBHOOK_SECRETS"`
	ZoomAPIURL         string   `env:"ZOOM_API_URL"`   // empty: Zoom's own
	ZoomOAuthURL       string   `env:"ZOOM_OAUTH_URL"` // empty: Zoom's own

	PagerDutyToken          Secret   `env:"PAGERDUTY_TOKEN"`
	PagerDutyFrom           string   `env:"PAGERDUTY_FROM"`
	PagerDutyClientID       string   `env:"PAGERDUTY_CLIENT_ID"`
	PagerDutyClientSecret   Secret   `env:"PAGERDUTY_CLIENT_SECRET"`
	PagerDutySubdomain      string   `env:"PAGERDUTY_SUBDOMAIN"`
	PagerDutyRegion         string   `env:"PAGERDUTY_REGION"`    // empty: the installed grant's, else us
	PagerDutyAPIURL         string   `env:"PAGERDUTY_API_URL"`   // empty: the region's
	PagerDutyOAuthURL       string   `env:"PAGERDUTY_OAUTH_URL"` // empty: PagerDuty's own
	PagerDutyWebhookSecrets []Secret `env:"PAGERDUTY_WEBHOOK_SECRETS"`

	ActionTokens []Secret `env:"ACTION_TOKENS"`

	OpenOn         []string      `env:"OPEN_ON"`
	OpenWorkflows  []string      `env:"OPEN_WORKFLOWS"`
	OpenPriorities []string      `env:"OPEN_PRIORITIES"`
	OpenUrgencies  []string      `env:"OPEN_URGENCIES"`
	OpenServices   []string      `env:"OPEN_SERVICES"`
	TriggerMaxAge  time.Duration `env:"TRIGGER_MAX_AGE" envDefault:"15m"`

	CloseOnResolve bool          `env:"CLOSE_ON_RESOLVE" envDefault:"true"`
	CloseGrace     time.Duration `env:"CLOSE_GRACE" envDefault:"10m"`
	MaxAge         time.Duration `env:"MAX_AGE" envDefault:"24h"`
	Retention      time.Duration `env:"RETENTION" envDefault:"720h"`

	FallbackURL     string   `env:"FALLBACK_URL"`
	FallbackNumber  string   `env:"FALLBACK_NUMBER"`
	DialInCountries []string `env:"DIAL_IN_COUNTRIES"` // "none" alone: link only

	Overwrite string           `env:"OVERWRITE" envDefault:"never"`
	Notes     bridge.Notes     `env:"NOTES" envDefault:"summary"`
	Recording bridge.Recording `env:"RECORDING"` // empty: the account's own setting
	Topic     string           `env:"TOPIC"`     // empty: bridge.DefaultTopic

	LogLevel  string `env:"LOG_LEVEL" envDefault:"info"`
	LogFormat string `env:"LOG_FORMAT" envDefault:"json"`
}

// Load reads settings out of environ. An error is an *[Error] with everything that is wrong.
//
// The only thing it touches besides environ are the files that an X_FILE names.
func Load(environ map[string]string) (*Settings, error) {
	given := maps.Clone(environ)
	maps.DeleteFunc(given, func(_, value string) bool { return value == "" })
	if given == nil {
		given = map[string]string{}
	}

	problems := &Error{}
	readFiles(given, problems)

	s := &Settings{Demo: isDemo(given)}
	if err := env.ParseWithOptions(s, env.Options{Environment: given}); err != nil {
		problems.addUnparsed(err)
	}
	s.fillDefaults()
	s.check(problems)
	problems.Missing = s.missing(given)

	if len(problems.Missing)+len(problems.Invalid) > 0 {
		return nil, problems
	}
	return s, nil
}

// fillDefaults sets the defaults that depend on other settings.
func (s *Settings) fillDefaults() {
	if s.StoreURL == "" && s.Demo {
		s.StoreURL = "memory:"
	}
	if s.StoreURL == "" {
		s.StoreURL = "sqlite:incidentbridge.db"
	}
	if s.Topic == "" {
		s.Topic = bridge.DefaultTopic
	}
}
