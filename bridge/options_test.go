package bridge_test

import (
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func TestABadOptionMakesNewFail(t *testing.T) {
	t.Parallel()
	tests := map[string]bridge.Option{
		"nil fallback":         bridge.WithFallback(nil),
		"hostile installation": bridge.WithNamespace("a/b"),
		"nil logger":           bridge.WithLogger(nil),
		"nil observer":         bridge.WithEventHandler(nil),
		"broken topic":         bridge.WithTopic("{{.Number"),
		"unknown field":        bridge.WithTopic("{{.Passcode}}"),
		"unknown recording":    bridge.WithRecording("tape"),
		"no country":           bridge.WithDialIn("USA"),
		"unknown notes":        bridge.WithNotes("all"),
		"workflows not named":  bridge.WithOpenOn(bridge.OpenOn{Events: []string{bridge.WorkflowStarted}}),
		"no trigger age":       bridge.WithTriggerMaxAge(0),
		"negative grace":       bridge.WithGrace(-time.Second),
		"no maximum age":       bridge.WithMaxAge(0),
		"short retention":      bridge.WithRetention(time.Hour),
		"no openings":          bridge.WithMaxOpenings(0),
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

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := bridge.New(nil, bridge.StaticRoom(roomURL, ""), tokenstore.NewMemory()); err == nil {
		t.Error("New took no incidents")
	}
	if _, err := bridge.New(bridge.PagerDuty(nil), bridge.Zoom(nil, host), tokenstore.NewMemory()); err == nil {
		t.Error("New took no clients")
	}
}

func newService(opts ...bridge.Option) (*bridge.Service, error) {
	return bridge.New(idle{}, bridge.StaticRoom(roomURL, ""), tokenstore.NewMemory(), opts...)
}

// idle is for services that are never asked anything.
type idle struct{ bridge.Incidents }
