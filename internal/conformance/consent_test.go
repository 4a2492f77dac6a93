package conformance

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// consentPage is an app at a vendor that asks in a form, on a socket.
type consentPage struct {
	authCodeURL string
	user        string // whom to choose in the form
	who         func(ctx context.Context, code string) (string, error)
}

func zoomConsent(t *testing.T, callback string) consentPage {
	t.Helper()
	fake := zoomtest.New(zoomtest.WithConsentPage(), zoomtest.WithAdminApp(), zoomtest.WithUsers("host@example.com"))
	t.Cleanup(fake.Close)
	boss := fake.AddUser("boss@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	id, secret := fake.AppCredentials()
	app, err := zoom.NewOAuth(id, secret, callback, zoom.WithOAuthURL(fake.URL()+"/oauth"))
	if err != nil {
		t.Fatal(err)
	}
	return consentPage{app.AuthCodeURL("state", verifier), boss, func(ctx context.Context, code string) (string, error) {
		token, err := app.Exchange(ctx, code, verifier)
		if err != nil {
			return "", err
		}
		client, err := zoom.NewClient(zoom.UserToken(zoom.StaticToken(token)), zoom.WithBaseURL(fake.URL()+"/v2"))
		if err != nil {
			return "", err
		}
		user, err := client.User(ctx, zoom.Me)
		if err != nil {
			return "", err
		}
		return user.Email, nil
	}}
}

func pagerDutyConsent(t *testing.T, callback string) consentPage {
	t.Helper()
	fake := pagerdutytest.New(pagerdutytest.WithConsentPage(), pagerdutytest.WithRedirectURIs(callback))
	t.Cleanup(fake.Close)
	boss := fake.AddUser("boss@example.com", func(u *pagerdutytest.User) { u.Role = "owner" })
	id, secret, _ := fake.Credentials()
	app, err := pagerduty.NewOAuth(id, secret, callback, pagerduty.WithOAuthURL(fake.URL()+"/oauth"))
	if err != nil {
		t.Fatal(err)
	}
	return consentPage{app.AuthCodeURL("state", verifier), boss, func(ctx context.Context, code string) (string, error) {
		token, err := app.Exchange(ctx, code, verifier)
		if err != nil {
			return "", err
		}
		client, err := pagerduty.NewClient(
			pagerduty.UserToken(pagerduty.StaticToken(token)), pagerduty.WithBaseURL(fake.URL()))
		if err != nil {
			return "", err
		}
		user, err := client.CurrentUser(ctx)
		if err != nil {
			return "", err
		}
		return user.Email, nil
	}}
}

// A browser without script reads the page, chooses who it is, presses a button and
// follows where that leads.
func TestConsentInABrowserWithoutScript(t *testing.T) {
	t.Parallel()
	for vendor, open := range map[string]func(*testing.T, string) consentPage{"zoom": zoomConsent, "pagerduty": pagerDutyConsent} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			came := make(chan url.Values, 1)
			app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came <- r.URL.Query() }))
			t.Cleanup(app.Close)
			page := open(t, app.URL+"/callback")

			shown := visit(t, http.MethodGet, page.authCodeURL, nil)
			buttons := regexp.MustCompile(`<button id="(\w+)" name="consent" value="(\w+)"`).FindAllStringSubmatch(shown, -1)
			if len(buttons) != 2 || !strings.Contains(shown, `<option value="`+page.user+`"`) || strings.Contains(shown, "<script") {
				t.Fatalf("the page is %s", shown)
			}
			allow, refuse := buttons[0][2], buttons[1][2]

			visit(t, http.MethodPost, page.authCodeURL, url.Values{"user": {page.user}, "consent": {refuse}})
			want := url.Values{"error": {"access_denied"}, "state": {"state"}}
			if diff := cmp.Diff(want, <-came); diff != "" {
				t.Errorf("%s comes back with (-want +got):\n%s", refuse, diff)
			}
			visit(t, http.MethodPost, page.authCodeURL, url.Values{"user": {page.user}, "consent": {allow}})
			back := <-came
			if who, err := page.who(t.Context(), back.Get("code")); who != "boss@example.com" || err != nil || back.Get("state") != "state" {
				t.Errorf("%s comes back with %v, as %q, %v", allow, back, who, err)
			}
		})
	}
}

// visit opens an address, or sends the form there, follows redirects and gives the page
// at the end.
func visit(t *testing.T, method, address string, form url.Values) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := new(http.Client).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d, %v: %s", method, address, answer.StatusCode, err, body)
	}
	return string(body)
}
