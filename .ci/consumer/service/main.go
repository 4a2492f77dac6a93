// A program of somebody who runs the bridge behind a mux of his own.
package main

import (
	"log"
	"net/http"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
)

func main() {
	handler, err := newHandler()
	if err != nil {
		log.Fatal(err)
	}
	http.NewServeMux().Handle("/", handler)
}

func newHandler() (http.Handler, error) {
	calls, err := zoom.NewClient(zoom.ServerToServer("account", "client", "secret"))
	if err != nil {
		return nil, err
	}
	incidents, err := pagerduty.NewClient(pagerduty.APIKey("key", "oncall@example.com"))
	if err != nil {
		return nil, err
	}
	svc, err := bridge.New(
		bridge.PagerDuty(incidents), bridge.Zoom(calls, "host@example.com"), tokenstore.NewMemory(),
	)
	if err != nil {
		return nil, err
	}
	return nethttp.NewHandler(svc, nethttp.ActionTokens("token"))
}
