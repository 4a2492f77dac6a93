package settings

import (
	"errors"
	"io"
	"log/slog"
	"slices"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

// Logger returns a logger that writes to w as LOG_LEVEL and LOG_FORMAT say.
func (s *Settings) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}

// Unserved says, in one line, which of the settings this version understands but cannot serve yet; nil: none.
func (s *Settings) Unserved() error {
	switch {
	case s.PagerDutyClientID != "":
		return errors.New("PAGERDUTY_CLIENT_ID: OAuth comes with a later release; use PAGERDUTY_TOKEN and PAGERDUTY_FROM")
	case s.ZoomClientID != "" && s.ZoomAccountID == "":
		return errors.New("ZOOM_ACCOUNT_ID is not set: the OAuth install flow comes with a later release")
	}
	return nil
}

// Service returns the service over both vendors and the store.
func (s *Settings) Service(store tokenstore.Store, logger *slog.Logger) (*bridge.Service, error) {
	zc, err := s.zoom()
	if err != nil {
		return nil, err
	}
	pd, err := s.pagerDuty()
	if err != nil {
		return nil, err
	}
	provider := bridge.Zoom(zc, s.ZoomHosts[0], s.ZoomHosts[1:]...)
	return bridge.New(bridge.PagerDuty(pd), provider, store, s.ServiceOptions(logger)...)
}

func (s *Settings) zoom() (*zoom.Client, error) {
	var opts []zoom.Option
	if s.ZoomAPIURL != "" {
		opts = append(opts, zoom.WithBaseURL(s.ZoomAPIURL))
	}
	if s.ZoomOAuthURL != "" {
		opts = append(opts, zoom.WithOAuthURL(s.ZoomOAuthURL))
	}
	credentials := zoom.ServerToServer(s.ZoomAccountID, s.ZoomClientID, string(s.ZoomClientSecret))
	return zoom.NewClient(credentials, opts...)
}

func (s *Settings) pagerDuty() (*pagerduty.Client, error) {
	opts := []pagerduty.Option{pagerduty.WithRegion(pagerduty.Region(s.PagerDutyRegion))}
	if s.PagerDutyAPIURL != "" {
		opts = append(opts, pagerduty.WithBaseURL(s.PagerDutyAPIURL))
	}
	if s.PagerDutySubdomain != "" {
		opts = append(opts, pagerduty.WithSubdomain(s.PagerDutySubdomain))
	}
	return pagerduty.NewClient(pagerduty.APIKey(string(s.PagerDutyToken), s.PagerDutyFrom), opts...)
}

// ServiceOptions returns the policy that the settings describe.
func (s *Settings) ServiceOptions(logger *slog.Logger) []bridge.Option {
	opts := []bridge.Option{
		bridge.WithLogger(logger),
		bridge.WithTopic(s.Topic),
		bridge.WithRecording(s.Recording),
		bridge.WithNotes(s.Notes),
		bridge.WithOpenOn(bridge.OpenOn{
			Events:     s.OpenOn,
			Workflows:  s.OpenWorkflows,
			Priorities: s.OpenPriorities,
			Urgencies:  s.OpenUrgencies,
			Services:   s.OpenServices,
		}),
		bridge.WithTriggerMaxAge(s.TriggerMaxAge),
		bridge.WithCloseOnResolve(s.CloseOnResolve),
		bridge.WithGrace(s.CloseGrace),
		bridge.WithMaxAge(s.MaxAge),
		bridge.WithRetention(s.Retention),
	}
	if s.FallbackURL != "" || s.FallbackNumber != "" {
		opts = append(opts, bridge.WithFallback(bridge.StaticRoom(s.FallbackURL, s.FallbackNumber)))
	}
	if s.Overwrite == "always" {
		opts = append(opts, bridge.WithOverwrite())
	}
	if slices.Equal(s.DialInCountries, []string{"none"}) {
		return append(opts, bridge.WithoutDialIn())
	}
	return append(opts, bridge.WithDialIn(s.DialInCountries...))
}

// Handler returns the routes of nethttp over the service.
func (s *Settings) Handler(svc nethttp.Service, logger *slog.Logger) (*nethttp.Handler, error) {
	return nethttp.NewHandler(
		svc,
		nethttp.PagerDutySecrets(plain(s.PagerDutyWebhookSecrets)...),
		nethttp.ZoomSecrets(plain(s.ZoomWebhookSecrets)...),
		nethttp.ActionTokens(plain(s.ActionTokens)...),
		nethttp.WithLogger(logger),
	)
}

func plain(secrets []Secret) []string {
	texts := make([]string, len(secrets))
	for i, secret := range secrets {
		texts[i] = string(secret)
	}
	return texts
}
