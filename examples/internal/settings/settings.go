package settings

import (
	"maps"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/internal/redact"
)

// Settings has the settings of the examples. All values are valid.
type Settings struct {
	Demo bool // no vendor setting was given

	Addr      HostPort      `env:"ADDR" envDefault:"127.0.0.1:8080"`
	PublicURL WebURL        `env:"PUBLIC_URL"` // empty: http:// and the listen address
	StoreURL  redact.Secret `env:"STORE_URL"`  // default: sqlite:incidentbridge.db, in the demo memory:
	StoreKeys redact.Secret `env:"STORE_KEYS"`

	ZoomAccountID      ID             `env:"ZOOM_ACCOUNT_ID"` // empty: OAuth install flow
	ZoomClientID       ID             `env:"ZOOM_CLIENT_ID"`
	ZoomClientSecret   Secret         `env:"ZOOM_CLIENT_SECRET"`
	ZoomHosts          List[ZoomHost] `env:"ZOOM_HOSTS"`
	ZoomHostLimit      int            `env:"ZOOM_HOST_LIMIT" envDefault:"2"`
	ZoomWebhookSecrets List[Secret]   `env:"ZOOM_WEBHOOK_SECRETS"`
	ZoomAPIURL         SecureURL      `env:"ZOOM_API_URL"`   // empty: Zoom's
	ZoomOAuthURL       SecureURL      `env:"ZOOM_OAUTH_URL"` // empty: Zoom's

	PagerDutyToken          Secret       `env:"PAGERDUTY_TOKEN"`
	PagerDutyFrom           Email        `env:"PAGERDUTY_FROM"`
	PagerDutyClientID       ID           `env:"PAGERDUTY_CLIENT_ID"`
	PagerDutyClientSecret   Secret       `env:"PAGERDUTY_CLIENT_SECRET"`
	PagerDutySubdomain      Subdomain    `env:"PAGERDUTY_SUBDOMAIN"`
	PagerDutyRegion         Region       `env:"PAGERDUTY_REGION"`    // empty: the installed grant's, else us
	PagerDutyAPIURL         SecureURL    `env:"PAGERDUTY_API_URL"`   // empty: the region's
	PagerDutyOAuthURL       SecureURL    `env:"PAGERDUTY_OAUTH_URL"` // empty: PagerDuty's
	PagerDutyWebhookSecrets List[Secret] `env:"PAGERDUTY_WEBHOOK_SECRETS"`

	ActionTokens List[Secret] `env:"ACTION_TOKENS"`

	OpenOn         List[EventType] `env:"OPEN_ON"`
	OpenWorkflows  List[string]    `env:"OPEN_WORKFLOWS"`
	OpenPriorities List[string]    `env:"OPEN_PRIORITIES"`
	OpenUrgencies  List[Urgency]   `env:"OPEN_URGENCIES"`
	OpenServices   List[string]    `env:"OPEN_SERVICES"`
	TriggerMaxAge  time.Duration   `env:"TRIGGER_MAX_AGE" envDefault:"15m"`
	CloseOnResolve bool            `env:"CLOSE_ON_RESOLVE" envDefault:"true"`
	CloseGrace     time.Duration   `env:"CLOSE_GRACE" envDefault:"10m"`
	MaxAge         time.Duration   `env:"MAX_AGE" envDefault:"24h"`
	Retention      time.Duration   `env:"RETENTION" envDefault:"720h"`

	FallbackURL     RoomURL     `env:"FALLBACK_URL"`
	FallbackNumber  PhoneNumber `env:"FALLBACK_NUMBER"`
	DialInCountries Countries   `env:"DIAL_IN_COUNTRIES"` // "none" alone: link only

	Overwrite Overwrite `env:"OVERWRITE" envDefault:"never"`
	Notes     Notes     `env:"NOTES" envDefault:"summary"`
	Recording Recording `env:"RECORDING"` // empty: the account's own setting
	Topic     Topic     `env:"TOPIC"`     // empty: bridge.DefaultTopic

	LogLevel  LogLevel  `env:"LOG_LEVEL" envDefault:"info"`
	LogFormat LogFormat `env:"LOG_FORMAT" envDefault:"json"`
}

// Load reads the settings from environ and the files that X_FILE variables name. An error
// is an *[Error] with everything that is wrong.
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
		problems.addParseErrors(err)
	}
	s.fillDefaults()
	s.check(problems)
	problems.Missing = s.missing(given)

	if len(problems.Missing)+len(problems.Invalid) > 0 {
		return nil, problems
	}
	return s, nil
}

// fillDefaults sets defaults that depend on other settings or packages.
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
