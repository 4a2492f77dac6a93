package settings

import (
	"io"
	"log/slog"
	"slices"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Logger returns a logger that writes to w with LOG_LEVEL and LOG_FORMAT.
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

// Assemble returns the service over both vendors and the store, and the routes of nethttp
// over it. Sessions and installations are kept in the store.
func (s *Settings) Assemble(store tokenstore.Store, logger *slog.Logger) (*bridge.Service, *nethttp.Handler, error) {
	v, err := s.vendors(store)
	if err != nil {
		return nil, nil, err
	}
	opts := s.ServiceOptions(logger)
	if v.installation != nil {
		opts = append(opts, bridge.WithInstallation(v.installation))
	}
	provider := bridge.Zoom
	if s.installsZoom() {
		provider = bridge.InstalledZoom
	}
	svc, err := bridge.New(bridge.PagerDuty(v.pagerDuty), provider(v.zoom, v.hosts[0], v.hosts[1:]...), store, opts...)
	if err != nil {
		return nil, nil, err
	}
	pages, err := s.pages(v, store)
	if err != nil {
		return nil, nil, err
	}
	handler, err := s.Handler(svc, logger, pages...)
	return svc, handler, err
}

// Handler returns the routes of nethttp over a service, with the secrets and tokens of
// the settings.
func (s *Settings) Handler(svc nethttp.Service, logger *slog.Logger, more ...nethttp.Option) (*nethttp.Handler, error) {
	return nethttp.NewHandler(svc, append(
		more,
		nethttp.PagerDutySecrets(stringsOf(s.PagerDutyWebhookSecrets)...),
		nethttp.ZoomSecrets(stringsOf(s.ZoomWebhookSecrets)...),
		nethttp.ActionTokens(stringsOf(s.ActionTokens)...),
		nethttp.WithLogger(logger),
	)...)
}

// ServiceOptions returns the options of bridge.New that the settings describe.
func (s *Settings) ServiceOptions(logger *slog.Logger) []bridge.Option {
	opts := []bridge.Option{
		bridge.WithLogger(logger),
		bridge.WithTopic(string(s.Topic)),
		bridge.WithRecording(bridge.Recording(s.Recording)),
		bridge.WithNotes(s.Notes.bridge()),
		bridge.WithOpenOn(bridge.OpenOn{
			Events:     stringsOf(s.OpenOn),
			Workflows:  s.OpenWorkflows,
			Priorities: s.OpenPriorities,
			Urgencies:  stringsOf(s.OpenUrgencies),
			Services:   s.OpenServices,
		}),
		bridge.WithTriggerMaxAge(s.TriggerMaxAge),
		bridge.WithCloseOnResolve(s.CloseOnResolve),
		bridge.WithGrace(s.CloseGrace),
		bridge.WithMaxAge(s.MaxAge),
		bridge.WithRetention(s.Retention),
	}
	if s.FallbackURL != "" || s.FallbackNumber != "" {
		opts = append(opts, bridge.WithFallback(bridge.StaticRoom(string(s.FallbackURL), string(s.FallbackNumber))))
	}
	if s.Overwrite == "always" {
		opts = append(opts, bridge.WithOverwrite())
	}
	if slices.Equal(s.DialInCountries, Countries{noCountry}) {
		return append(opts, bridge.WithoutDialIn())
	}
	return append(opts, bridge.WithDialIn(stringsOf(s.DialInCountries)...))
}
