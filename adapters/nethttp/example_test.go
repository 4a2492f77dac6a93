package nethttp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/incidentbridge/incidentbridge/adapters/nethttp"
	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func Example() {
	// Two fakes stand in for the vendors; leave WithTransport out to talk to the real
	// ones.
	fakePagerDuty := pagerdutytest.New()
	fakeZoom := zoomtest.New(zoomtest.WithUsers("host@example.com"))
	incident := fakePagerDuty.AddIncident("The shop is down")

	pd, err := pagerduty.NewClient(pagerduty.APIKey(fakePagerDuty.Key(), fakePagerDuty.From()),
		pagerduty.WithTransport(fakePagerDuty.Transport()))
	if err != nil {
		panic(err)
	}
	zc, err := zoom.NewClient(zoom.ServerToServer(fakeZoom.AccountCredentials()),
		zoom.WithTransport(fakeZoom.Transport()))
	if err != nil {
		panic(err)
	}
	svc, err := bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, "host@example.com"), tokenstore.NewMemory())
	if err != nil {
		panic(err)
	}
	handler, err := nethttp.NewHandler(svc, nethttp.PagerDutySecrets("signing-secret"), nethttp.ActionTokens("action-token"))
	if err != nil {
		panic(err)
	}

	// The handler is for an http.Server or any mux. Here is what a program would send to
	// it.
	for range 2 {
		click := httptest.NewRequest(http.MethodPost, "/api/v1/incidents/"+incident+"/bridge", nil)
		click.Header.Set("Authorization", "Bearer action-token")
		reply := httptest.NewRecorder()
		handler.ServeHTTP(reply, click)
		fmt.Println(reply.Code, len(fakeZoom.Meetings()), "meeting")
	}
	// Output:
	// 201 1 meeting
	// 200 1 meeting
}

func ExampleWithLogin() {
	fakePagerDuty := pagerdutytest.New()
	fakeZoom := zoomtest.New(zoomtest.WithUsers("host@example.com"))
	incident := fakePagerDuty.AddIncident("The shop is down")

	pd, err := pagerduty.NewClient(pagerduty.APIKey(fakePagerDuty.Key(), fakePagerDuty.From()),
		pagerduty.WithTransport(fakePagerDuty.Transport()))
	if err != nil {
		panic(err)
	}
	zc, err := zoom.NewClient(zoom.ServerToServer(fakeZoom.AccountCredentials()),
		zoom.WithTransport(fakeZoom.Transport()))
	if err != nil {
		panic(err)
	}
	store := tokenstore.NewMemory()
	svc, err := bridge.New(bridge.PagerDuty(pd), bridge.Zoom(zc, "host@example.com"), store)
	if err != nil {
		panic(err)
	}

	// The app at PagerDuty that people log in with; its redirect URL is below the address
	// of the pages.
	const publicURL = "https://bridge.example.com"
	id, secret, _ := fakePagerDuty.Credentials()
	app, err := pagerduty.NewOAuth(id, secret, publicURL+"/oauth/pagerduty/callback",
		pagerduty.WithScopes("openid"), pagerduty.WithTransport(fakePagerDuty.Transport()))
	if err != nil {
		panic(err)
	}
	handler, err := nethttp.NewHandler(svc, nethttp.WithPages(publicURL, store), nethttp.WithLogin(app, pd))
	if err != nil {
		panic(err)
	}

	// A browser that nobody is logged in with.
	reply := httptest.NewRecorder()
	handler.ServeHTTP(reply, httptest.NewRequest(http.MethodGet, "/incidents/"+incident, nil))
	fmt.Println(reply.Code, reply.Header().Get("Location"))
	// Output:
	// 303 /login?back=%2Fincidents%2FQINCIDENT0001
}
