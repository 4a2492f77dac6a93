package install_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// Administrators of both accounts consent, and later the app is removed at Zoom. The
// fakes stand for the vendors; leave the transports out to call those.
func Example() {
	fakeZoom := zoomtest.New()
	fakeZoom.AddUser("zoom-admin@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	fakeZoom.SignIn("zoom-admin@example.com")
	fakePagerDuty := pagerdutytest.New()
	fakePagerDuty.SignIn(fakePagerDuty.AddUser("pd-admin@example.com", func(u *pagerdutytest.User) { u.Role = "owner" }))
	installation, err := exampleInstallation(fakeZoom, fakePagerDuty)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	fakes := map[install.Vendor]http.RoundTripper{
		install.VendorZoom: fakeZoom.Transport(), install.VendorPagerDuty: fakePagerDuty.Transport(),
	}
	var authorizations []*install.Authorization
	for _, vendor := range installation.Vendors() {
		verifier := oauth2.GenerateVerifier()
		page := installation.AuthCodeURL(vendor, "a random state", verifier)
		code := visit(fakes[vendor], page) // in a browser
		authorization, err := installation.Authorize(ctx, vendor, code, verifier)
		if err != nil {
			log.Fatal(err)
		}
		authorizations = append(authorizations, authorization)
	}
	info, err := installation.Install(ctx, authorizations...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("installed by", info.Zoom.Email, "and", info.PagerDuty.Email)

	_, uninstalled, err := installation.Uninstall(ctx, install.Deauthorization{
		ClientID: "APP-CLIENT", AccountID: info.Zoom.ID, At: time.Now(), // as Zoom's webhook reports it
	})
	fmt.Println("uninstalled:", uninstalled, err)
	fmt.Println("not installed:", errors.Is(installation.Check(ctx), install.ErrNotInstalled))
	// Output:
	// installed by zoom-admin@example.com and pd-admin@example.com
	// uninstalled: true <nil>
	// not installed: true
}

func exampleInstallation(
	fakeZoom *zoomtest.Server, fakePagerDuty *pagerdutytest.Server,
) (*install.Installation, error) {
	id, secret := fakeZoom.AppCredentials()
	zoomApp, err := zoom.NewOAuth(id, secret, "https://bridge.example.com/oauth/zoom/callback",
		zoom.WithTransport(fakeZoom.Transport()))
	if err != nil {
		return nil, err
	}
	id, secret, _ = fakePagerDuty.Credentials()
	scopes := append(pagerduty.RunScopes(), pagerduty.SetUpScopes()...)
	pagerDutyApp, err := pagerduty.NewOAuth(id, secret, "https://bridge.example.com/oauth/pagerduty/callback",
		pagerduty.WithTransport(fakePagerDuty.Transport()), pagerduty.WithScopes(scopes...))
	if err != nil {
		return nil, err
	}
	return install.New(tokenstore.NewMemory(), // in production a sealed store: see tokenstore.Sealed
		install.WithZoom(zoomApp, zoom.WithTransport(fakeZoom.Transport())),
		install.WithPagerDuty(pagerDutyApp, pagerduty.WithTransport(fakePagerDuty.Transport())))
}

// visit opens a vendor's page and returns the code that it sends the browser back with.
func visit(fake http.RoundTripper, page string) string {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, page, http.NoBody)
	if err != nil {
		log.Fatal(err)
	}
	response, err := fake.RoundTrip(request)
	if err != nil {
		log.Fatal(err)
	}
	_ = response.Body.Close()
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil {
		log.Fatal(err)
	}
	return back.Query().Get("code")
}
