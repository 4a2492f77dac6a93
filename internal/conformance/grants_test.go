package conformance

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// installed is an app that somebody has installed: its grant in a store, and a client
// that calls with it. The packages of the vendors and of the store do not know each
// other; here they are put together as a program does it.
type installed struct {
	call     func(context.Context) error // a read that wants a good access token
	expire   func()                      // the vendor forgets every access token
	kill     func()                      // the vendor forgets the grant
	requests func() int                  // for tokens, the one of the consent included
}

func installZoom(t *testing.T) installed {
	t.Helper()
	fake := zoomtest.New(zoomtest.WithUsers("host@example.com"), zoomtest.WithAPIURL("https://api-eu.zoom.us"))
	id, secret := fake.AppCredentials()
	app, err := zoom.NewOAuth(id, secret, "https://app.example.com/callback", zoom.WithTransport(fake.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	source, err := tokenstore.NewTokenSource(tokenstore.NewMemory(), "grant/test/zoom", app.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	token, err := app.Exchange(t.Context(), agree(t, fake.Transport(), app.AuthCodeURL("state", verifier)), verifier)
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Save(t.Context(), "installation-1", token); err != nil {
		t.Fatal(err)
	}
	client, err := zoom.NewClient(zoom.UserToken(source), zoom.WithTransport(fake.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	return installed{
		call: func(ctx context.Context) error {
			_, err := client.User(ctx, zoom.Me)
			for _, asked := range fake.Requests(zoomtest.GetUser) {
				if asked.Host != "api-eu.zoom.us" {
					t.Errorf("asked %s, want the region of the grant", asked.Host)
				}
			}
			return err
		},
		expire:   fake.ExpireTokens,
		kill:     func() { fake.Uninstall("host@example.com") },
		requests: func() int { return len(fake.Requests(zoomtest.GiveToken)) },
	}
}

func installPagerDuty(t *testing.T) installed {
	t.Helper()
	fake := pagerdutytest.New(pagerdutytest.WithEU())
	id, secret, _ := fake.Credentials()
	app, err := pagerduty.NewOAuth(id, secret, "https://app.example.com/callback", pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	source, err := tokenstore.NewTokenSource(tokenstore.NewMemory(), "grant/test/pagerduty", app.Refresh,
		tokenstore.WithReuseDetection(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	token, err := app.Exchange(t.Context(), agree(t, fake.Transport(), app.AuthCodeURL("state", verifier)), verifier)
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Save(t.Context(), "installation-1", token); err != nil {
		t.Fatal(err)
	}
	client, err := pagerduty.NewClient(pagerduty.UserToken(source), pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	return installed{
		call: func(ctx context.Context) error {
			_, err := client.CurrentUser(ctx)
			for _, asked := range fake.Requests(pagerdutytest.GetSelf) {
				if asked.Host != "api.eu.pagerduty.com" {
					t.Errorf("asked %s, want the region of the grant", asked.Host)
				}
			}
			return err
		},
		expire:   fake.ExpireTokens,
		kill:     fake.RevokeTokens,
		requests: func() int { return len(fake.Requests(pagerdutytest.GiveToken)) },
	}
}

// agree is a browser at the vendor's page, whose user agrees at once.
func agree(t *testing.T, transport http.RoundTripper, page string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("%s leads to %v, %v", page, back, err)
	}
	return back.Query().Get("code")
}

func vendors() map[string]func(*testing.T) installed {
	return map[string]func(*testing.T) installed{"zoom": installZoom, "pagerduty": installPagerDuty}
}

func TestAnExpiredAccessTokenIsRenewedOnceForAllCalls(t *testing.T) {
	t.Parallel()
	for name, install := range vendors() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				app := install(t)
				for round := range 3 {
					if round > 0 {
						app.expire()
					}
					var calls sync.WaitGroup
					for range 20 {
						calls.Go(func() {
							if err := app.call(t.Context()); err != nil {
								t.Errorf("round %d: %v", round, err)
							}
						})
					}
					calls.Wait()
				}
				if asked := app.requests(); asked != 3 {
					t.Errorf("%d token requests, want the consent's and one after each expiry", asked)
				}
			})
		})
	}
}

func TestAGrantIsRenewedAheadOfItsEnd(t *testing.T) {
	t.Parallel()
	for name, install := range vendors() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				app := install(t)
				for range 30 {
					time.Sleep(24 * time.Hour)
					if err := app.call(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if asked := app.requests(); asked != 31 {
					t.Errorf("%d token requests in 30 days, want one a day and the consent's", asked)
				}
			})
		})
	}
}

func TestADeadGrantIsToldAsSuchAndNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, install := range vendors() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				app := install(t)
				app.kill()
				for range 10 {
					if err := app.call(t.Context()); !errors.Is(err, tokenstore.ErrReauthorize) {
						t.Errorf("error %v, want ErrReauthorize", err)
					}
				}
				if asked := app.requests(); asked != 2 {
					t.Errorf("%d token requests, want the consent's and one that is refused", asked)
				}
			})
		})
	}
}

// Nobody listens where tokens are given for a moment. The first call after that asks at
// once: nothing was sent, so nothing is in doubt.
func TestATokenEndpointThatCannotBeReachedCostsNoWait(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	nowhere := "http://" + l.Addr().String() + "/oauth"
	z, err := zoom.NewOAuth("id", "secret", "https://app.example.com/callback", zoom.WithOAuthURL(nowhere))
	if err != nil {
		t.Fatal(err)
	}
	pd, err := pagerduty.NewOAuth("id", "secret", "https://app.example.com/callback", pagerduty.WithOAuthURL(nowhere))
	if err != nil {
		t.Fatal(err)
	}
	for name, refresh := range map[string]tokenstore.RefreshFunc{"zoom": z.Refresh, "pagerduty": pd.Refresh} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			away := true
			road := func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
				if away {
					return refresh(ctx, old)
				}
				return &oauth2.Token{AccessToken: "access-2", RefreshToken: "refresh-2", Expiry: time.Now().Add(time.Hour)}, nil
			}
			source, err := tokenstore.NewTokenSource(tokenstore.NewMemory(), "grant/test", road, tokenstore.WithReuseDetection(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			expired := &oauth2.Token{AccessToken: "access-1", RefreshToken: "refresh-1", Expiry: time.Now().Add(-time.Hour)}
			if err := source.Save(t.Context(), "installation-1", expired); err != nil {
				t.Fatal(err)
			}
			if token, err := source.Token(t.Context()); err == nil || errors.Is(err, tokenstore.ErrInDoubt) {
				t.Errorf("Token = %v, %v, want a fault that leaves no doubt", token, err)
			}
			away = false
			began := time.Now()
			if token, err := source.Token(t.Context()); err != nil || token.AccessToken != "access-2" {
				t.Errorf("Token = %v, %v, want access-2", token, err)
			}
			if waited := time.Since(began); waited > 5*time.Second {
				t.Errorf("the second call waited %v", waited)
			}
		})
	}
}
