package bridge_test

import (
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

func TestABadOptionMakesNewFail(t *testing.T) {
	t.Parallel()
	tests := map[string]bridge.Option{
		"nil fallback":        bridge.WithFallback(nil),
		"hostile namespace":   bridge.WithNamespace("a/b"),
		"nil logger":          bridge.WithLogger(nil),
		"nil event handler":   bridge.WithEventHandler(nil),
		"broken topic":        bridge.WithTopic("{{.Number"),
		"unknown field":       bridge.WithTopic("{{.Passcode}}"),
		"unknown recording":   bridge.WithRecording("tape"),
		"no country":          bridge.WithDialIn("USA"),
		"unknown notes":       bridge.WithNotes("all"),
		"workflows not named": bridge.WithOpenOn(bridge.OpenOn{Events: []string{bridge.WorkflowStarted}}),
		"no trigger age":      bridge.WithTriggerMaxAge(0),
		"negative grace":      bridge.WithGrace(-time.Second),
		"no maximum age":      bridge.WithMaxAge(0),
		"short retention":     bridge.WithRetention(time.Hour),
		"no openings":         bridge.WithMaxOpenings(0),
	}
	for name, option := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := newService(option); err == nil {
				t.Error("New took it")
			}
		})
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	room := bridge.StaticRoom(roomURL, "")
	zc, err := zoom.NewClient(zoom.ServerToServer("account", "id", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		incidents bridge.Incidents
		provider  bridge.Provider
		opts      []bridge.Option
		want      string
	}{
		{"no incidents", nil, room, nil, "bridge: New needs incidents, a provider and a store"},
		{"no PagerDuty client", bridge.PagerDuty(nil), room, nil, "bridge: PagerDuty: nil client"},
		{"no Zoom client", noIncidents{}, bridge.Zoom(nil, host), nil, "bridge: Zoom: nil client"},
		{"no host", noIncidents{}, bridge.Zoom(zc, ""), nil, "bridge: Zoom: host is empty"},
		{"an empty host", noIncidents{}, bridge.InstalledZoom(zc, host, ""), nil, "bridge: Zoom: host is empty"},
		{
			"a fallback without a host",
			noIncidents{},
			room,
			[]bridge.Option{bridge.WithFallback(bridge.Zoom(zc, ""))},
			"bridge: Zoom: host is empty",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := bridge.New(test.incidents, test.provider, tokenstore.NewMemory(), test.opts...)
			if err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func newService(opts ...bridge.Option) (*bridge.Service, error) {
	return bridge.New(noIncidents{}, bridge.StaticRoom(roomURL, ""), tokenstore.NewMemory(), opts...)
}

// idle is for services that are never asked anything.
type noIncidents struct{ bridge.Incidents }
