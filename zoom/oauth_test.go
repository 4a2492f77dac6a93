package zoom_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const (
	callback = "https://app.example.com/oauth/zoom/callback"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B, as is the challenge of it
)

func newOAuth(t *testing.T, fake *zoomtest.Server, opts ...zoom.Option) *zoom.OAuth {
	t.Helper()
	id, secret := fake.AppCredentials()
	app, err := zoom.NewOAuth(id, secret, callback, append(opts, zoom.WithTransport(fake.Transport()))...)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// agree is a browser that goes to the authorize page and comes back with a code.
func agree(t *testing.T, fake *zoomtest.Server, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := fake.Transport().RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	back, err := answer.Location()
	if err != nil || !strings.HasPrefix(back.String(), callback) || back.Query().Get("state") != "state" {
		t.Fatalf("the page leads to %v, %v; want the callback with the state", back, err)
	}
	return back.Query().Get("code")
}

// consent is the token of a fresh consent.
func consent(t *testing.T, fake *zoomtest.Server, app *zoom.OAuth) *oauth2.Token {
	t.Helper()
	token, err := app.Exchange(t.Context(), agree(t, fake, app.AuthCodeURL("state", verifier)), verifier)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// errorCode is what a token store reads of a refusal; none when it must take the error for no answer.
func errorCode(err error) string {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Sprintf("%d %s", answer.Response.StatusCode, answer.ErrorCode)
	}
	return "none"
}

func TestNewOAuthChecksItsArguments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, id, secret, redirect string
		opts                       []zoom.Option
		want                       string
	}{
		{name: "no id", secret: "s", redirect: callback, want: "client id is empty"},
		{name: "no secret", id: "i", secret: " ", redirect: callback, want: "client secret is empty"},
		{name: "no redirect", id: "i", secret: "s", want: "must be absolute"},
		{name: "relative redirect", id: "i", secret: "s", redirect: "/callback", want: "must be absolute"},
		{name: "fragment", id: "i", secret: "s", redirect: callback + "#x", want: "fragment"},
		{name: "http", id: "i", secret: "s", redirect: "http://app.example.com/", want: "must be https"},
		{name: "not a URL", id: "i", secret: "s", redirect: "https://hunter2:%zz@x/", want: "must be absolute"},
		{name: "base URL", id: "i", secret: "s", redirect: callback, opts: []zoom.Option{zoom.WithBaseURL("https://api.zoom.us/v2")}, want: "WithBaseURL"},
		{name: "bad option", id: "i", secret: "s", redirect: callback, opts: []zoom.Option{zoom.WithOAuthURL("http://zoom.us")}, want: "OAuth URL"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := zoom.NewOAuth(test.id, test.secret, test.redirect, test.opts...)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
	for _, redirect := range []string{"http://127.0.0.1:8080/cb", "http://[::1]/cb", "http://localhost/cb", callback + "?from=zoom"} {
		app, err := zoom.NewOAuth("i", "hunter2", redirect)
		if err != nil {
			t.Errorf("%s: %v", redirect, err)
		}
		if text := fmt.Sprintf("%v %+v %#v", app, app, app); strings.Contains(text, "hunter2") {
			t.Errorf("the app prints as %s", text)
		}
	}
}

func TestAuthCodeURLAsksWithPKCEAndForNoScope(t *testing.T) {
	t.Parallel()
	for base, opts := range map[string][]zoom.Option{
		"https://zoom.us/oauth":        nil,
		"https://zoomgov.com/oauth":    {zoom.WithOAuthURL("https://zoomgov.com/oauth/")},
		"http://127.0.0.1:7777/oauth2": {zoom.WithOAuthURL("http://127.0.0.1:7777/oauth2")},
	} {
		app := newOAuth(t, zoomtest.New(), opts...)
		page, query, _ := strings.Cut(app.AuthCodeURL("st+te", verifier), "?")
		got, err := url.ParseQuery(query)
		want := url.Values{
			"response_type": {"code"}, "client_id": {"APP-CLIENT"}, "redirect_uri": {callback}, "state": {"st+te"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil || page != base+"/authorize" {
			t.Errorf("page %s, %v (-want +got):\n%s", page, err, diff)
		}
	}
}

func TestExchangeGivesTheTokensOfAConsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithAPIURL("https://api-eu.zoom.us"))
		token := consent(t, fake, newOAuth(t, fake))
		if life := time.Until(token.Expiry); life != 3599*time.Second || token.RefreshToken == "" || !token.Valid() {
			t.Errorf("a token for %s, refreshable: %t", life, token.RefreshToken != "")
		}
		scope, _ := token.Extra("scope").(string)
		if token.Extra("api_url") != "https://api-eu.zoom.us" || !strings.Contains(scope, "meeting:write:meeting") {
			t.Errorf("extras %v and %v", token.Extra("api_url"), scope)
		}

		sent := fake.Requests(zoomtest.GiveToken)[0]
		basic, _ := strings.CutPrefix(sent.Header.Get("Authorization"), "Basic ")
		if plain, err := base64.StdEncoding.DecodeString(basic); err != nil || string(plain) != "APP-CLIENT:APP-SECRET" {
			t.Errorf("Basic %q, %v", plain, err)
		}
		form, err := url.ParseQuery(string(sent.Body))
		form.Del("code")
		want := url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {callback}, "code_verifier": {verifier}}
		if diff := cmp.Diff(want, form); diff != "" || err != nil || len(sent.Query) > 0 {
			t.Errorf("query %v, form: %v (-want +got):\n%s", sent.Query, err, diff)
		}
	})
}

func TestAClientOfAFreshConsentKnowsWhoInstalled(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithAPIURL("https://api-eu.zoom.us"))
	boss := fake.AddUser("boss@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	fake.SignIn("boss@example.com")
	token := consent(t, fake, newOAuth(t, fake))
	client, err := zoom.NewClient(zoom.UserToken(zoom.StaticToken(token)), zoom.WithTransport(fake.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	user, err := client.User(t.Context(), zoom.Me)
	if err != nil {
		t.Fatal(err)
	}
	if user.ID != boss || user.AccountID != "ACCOUNT" || !user.IsAdmin() {
		t.Errorf("installed by %+v, want the owner of the account", user)
	}
	if asked := fake.Requests(zoomtest.GetUser)[0].Host; asked != "api-eu.zoom.us" {
		t.Errorf("asked %s, want the token's own region", asked)
	}
	if text := fmt.Sprintf("%+v %#v", zoom.StaticToken(token), zoom.StaticToken(token)); strings.Contains(text, token.AccessToken) {
		t.Errorf("the source prints as %s", text)
	}
}

func TestIsAdmin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		user zoom.User
		want bool
	}{
		{"owner", zoom.User{RoleID: "0"}, true},
		{"admin, in another language", zoom.User{RoleID: "1", Role: "Administrator"}, true},
		{"member", zoom.User{RoleID: "2", Role: "Member"}, false},
		{"a role of the account's own that is called like one", zoom.User{RoleID: "Ro_x", Role: "Admin"}, false},
		{"by name alone", zoom.User{Role: "Admin"}, true},
		{"nothing told", zoom.User{}, false},
	}
	for _, test := range tests {
		if got := test.user.IsAdmin(); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}

func TestExchangeOfACodeThatIsNotGood(t *testing.T) {
	t.Parallel()
	const other = "another-verifier-of-at-least-forty-three-characters"
	tests := []struct {
		name, verifier string
		wait           time.Duration
		twice          bool
		code           string // "": the one that came back
		want           string
	}{
		{name: "too late", wait: 5 * time.Minute, want: "ErrGrant"},
		{name: "a second time", twice: true, want: "ErrGrant"},
		{name: "verifier of another flow", verifier: other, want: "ErrGrant"},
		{name: "made up", code: "x", want: "ErrGrant"},
		{name: "verifier too short to be one", verifier: "short", want: "ErrInvalid"},
		{name: "verifier with a blank", verifier: strings.Repeat("a ", 30), want: "ErrInvalid"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				app := newOAuth(t, fake)
				code := agree(t, fake, app.AuthCodeURL("state", verifier))
				if test.twice {
					if _, err := app.Exchange(t.Context(), code, verifier); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(test.wait)
				before := len(fake.Requests(zoomtest.GiveToken))
				token, err := app.Exchange(t.Context(), orElse(test.code, code), orElse(test.verifier, verifier))
				if diff := cmp.Diff([]string{test.want}, reasons(err)); diff != "" || token != nil {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				sent := len(fake.Requests(zoomtest.GiveToken)) - before
				if want := map[string]int{"ErrGrant": 1, "ErrInvalid": 0}[test.want]; sent != want {
					t.Errorf("sent %d times, want %d", sent, want)
				}
			})
		})
	}
	if _, err := newOAuth(t, zoomtest.New()).Exchange(t.Context(), "", verifier); !errors.Is(err, zoom.ErrInvalid) {
		t.Errorf("no code at all: %v", err)
	}
}

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	app := newOAuth(t, fake)
	first := consent(t, fake, app)
	second, err := app.Refresh(t.Context(), first)
	if err != nil || second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Fatalf("refresh: %v", err)
	}
	form, err := url.ParseQuery(string(fake.Requests(zoomtest.GiveToken)[1].Body))
	want := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}}
	if diff := cmp.Diff(want, form); diff != "" || err != nil {
		t.Errorf("form: %v (-want +got):\n%s", err, diff)
	}
	for range 3 { // the shapes that a used token's refusal has been seen in
		_, err := app.Refresh(t.Context(), first)
		code := errorCode(err)
		if diff := cmp.Diff([]string{"ErrGrant"}, reasons(err)); diff != "" || !strings.HasSuffix(code, " invalid_grant") {
			t.Errorf("%v as %s (-want +got):\n%s", err, code, diff)
		}
		if strings.Contains(err.Error(), first.RefreshToken) {
			t.Errorf("the refresh token is in %v", err)
		}
	}
	for name, old := range map[string]*oauth2.Token{"nothing": nil, "no refresh token": {AccessToken: "a"}} {
		if _, err := app.Refresh(t.Context(), old); !errors.Is(err, zoom.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

// Every body of the token endpoint that is documented or was seen, and what a caller and a token store make of it.
func TestTokenEndpointRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		body   string
		want   string
		code   string // for the token store
	}{
		{400, `{"reason":"Invalid Token!","error":"invalid_grant"}`, "ErrGrant", "400 invalid_grant"},
		{400, `{"error":"invalid_grant"}`, "ErrGrant", "400 invalid_grant"},
		{401, `{"reason":"Invalid Token!","error":"invalid_request"}`, "ErrGrant", "401 invalid_grant"},
		{200, `{"error":"invalid_grant"}`, "ErrGrant", "200 invalid_grant"},
		{400, `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`, "ErrCredentials", "400 invalid_client"},
		{401, `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`, "ErrCredentials", "401 invalid_client"},
		{400, `{"reason":"Bad Request","error":"invalid_request"}`, "ErrInvalid", "400 invalid_request"},
		{400, `{"reason":"Redirect URI mismatch","error":"invalid_request"}`, "ErrInvalid", "400 invalid_request"},
		{400, `{"reason":"unsupported grant type","error":"unsupported_grant_type"}`, "ErrCredentials", "400 unsupported_grant_type"},
		{400, `{"error":"unauthorized_client"}`, "ErrCredentials", "400 unauthorized_client"},
		{400, `{"error":"invalid_scope"}`, "ErrMissingScopes", "400 invalid_scope"},
		{403, `{"error":"access_denied"}`, "ErrForbidden", "403 access_denied"},
		{400, `{"code":4700,"message":"Token cannot be empty"}`, "ErrUnauthorized", "400 "},
		{400, `{"code":4702,"message":"Invalid client"}`, "ErrCredentials", "400 "},
		{400, `{"code":4704,"message":"Invalid client secret"}`, "ErrCredentials", "400 "},
		{400, `{"code":4705,"message":"Grant not supported"}`, "ErrCredentials", "400 "},
		{400, `{"code":4706,"message":"Client id is missing"}`, "ErrCredentials", "400 "},
		{400, `{"code":4709,"message":"Redirect URI mismatch"}`, "ErrInvalid", "400 "},
		{400, `{"code":4711,"message":"Scope mismatch"}`, "ErrMissingScopes", "400 "},
		{400, `{"code":4717,"message":"The app has been disabled"}`, "ErrForbidden", "400 "},
		{400, `{"code":4733,"message":"Code is expired"}`, "ErrGrant", "400 invalid_grant"},
		{400, `{"code":4734,"message":"Invalid code"}`, "ErrGrant", "400 invalid_grant"},
		{400, `{"code":4735,"message":"The owner of the token does not exist"}`, "ErrGrant", "400 invalid_grant"},
		{400, `{"code":4737,"message":"No such authorization"}`, "ErrGrant", "400 invalid_grant"},
		{400, `{"code":4738,"message":"Disabled by an admin"}`, "ErrForbidden", "400 "},
		{400, `{"code":4740,"message":"Out of tolerance"}`, "ErrGrant", "400 invalid_grant"},
		{400, `{"code":"4741","message":"The token was revoked"}`, "ErrGrant", "400 invalid_grant"},
		{400, `<html>`, "ErrUnauthorized", "400 "},
		{401, ``, "ErrUnauthorized", "401 "},
		{429, `{"code":429,"message":"slow down"}`, "ErrRateLimited", "429 "},
		{408, `{"error":"invalid_grant"}`, "ErrUnavailable", "none"},
		{502, `{"error":"invalid_grant"}`, "ErrUnavailable", "none"},
		{302, ``, "ErrUnavailable", "none"},
		{200, ``, "ErrUnavailable", "none"},
		{200, `<html>`, "ErrUnavailable", "none"},
		{200, `{"access_token":""}`, "ErrUnavailable", "none"},
		{200, `{"access_token":"two\nlines"}`, "ErrUnavailable", "none"},
		{200, `{"access_token":"t","expires_in":"soon"}`, "ErrUnavailable", "none"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.status, test.body), func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(host))
			app := newOAuth(t, fake)
			fake.Fault(zoomtest.GiveToken, zoomtest.Answer(test.status, test.body).Always())
			_, err := app.Refresh(t.Context(), &oauth2.Token{RefreshToken: "once"})
			if diff := cmp.Diff([]string{test.want}, reasons(err)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if got := errorCode(err); got != test.code {
				t.Errorf("a token store reads %q, want %q", got, test.code)
			}
			if asked := len(fake.Requests(zoomtest.GiveToken)); asked != 1 || asError(t, err).Op != "refresh token" {
				t.Errorf("%v after %d requests, want 1", err, asked)
			}
		})
	}
}

func TestTokensAreSentOnceUnderEveryFault(t *testing.T) {
	t.Parallel()
	faults := map[string]zoomtest.Fault{
		"reset before": zoomtest.ResetBefore(), "reset after": zoomtest.ResetAfter(), "cut off": zoomtest.Truncate(),
		"503": zoomtest.Answer(503, ""), "masked": zoomtest.Mask(504, "<html>"), "hangs": zoomtest.Hang(),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				app := newOAuth(t, fake)
				token := consent(t, fake, app)
				code := agree(t, fake, app.AuthCodeURL("state", verifier))
				before := len(fake.Requests(zoomtest.GiveToken))
				fake.Fault(zoomtest.GiveToken, fault.Always())
				_, refreshErr := app.Refresh(t.Context(), token)
				_, exchangeErr := app.Exchange(t.Context(), code, verifier)
				for _, err := range []error{refreshErr, exchangeErr} {
					if diff := cmp.Diff([]string{"ErrUnavailable"}, reasons(err)); diff != "" || errorCode(err) != "none" {
						t.Errorf("%v as %s (-want +got):\n%s", err, errorCode(err), diff)
					}
				}
				if sent := len(fake.Requests(zoomtest.GiveToken)) - before; sent != 2 {
					t.Errorf("%d requests, want one of each", sent)
				}
			})
		})
	}
}

func TestATokenAlwaysEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		answer string
		want   time.Duration
	}{
		{`{"access_token":"t","expires_in":3599}`, 3599 * time.Second},
		{`{"access_token":"t","expires_in":"600"}`, 600 * time.Second},
		{`{"access_token":"t"}`, time.Hour},
		{`{"access_token":"t","scope":null,"api_url":7}`, time.Hour},
		{`{"access_token":"t","expires_in":99999999999}`, 366 * 24 * time.Hour},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			fake := zoomtest.New()
			fake.Fault(zoomtest.GiveToken, zoomtest.Answer(200, test.answer))
			token, err := newOAuth(t, fake).Refresh(t.Context(), &oauth2.Token{RefreshToken: "once"})
			if err != nil {
				t.Fatal(err)
			}
			if life := time.Until(token.Expiry); life != test.want || token.TokenType != "Bearer" {
				t.Errorf("%s: %s, want %s", test.answer, life, test.want)
			}
		})
	}
}

func TestRevokeGoesOutWithTheAppsOwnHeader(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	app := newOAuth(t, fake)
	token := consent(t, fake, app)
	fake.Fault(zoomtest.RevokeToken, zoomtest.Answer(503, "")) // may be repeated
	if err := app.Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	sent := fake.Requests(zoomtest.RevokeToken)
	last := sent[len(sent)-1]
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("APP-CLIENT:APP-SECRET"))
	form := url.Values{"token": {token.AccessToken}}.Encode()
	if len(sent) != 2 || last.Header.Get("Authorization") != basic || string(last.Body) != form || len(last.Query) > 0 {
		t.Errorf("%d requests, the last with %s, want Basic", len(sent), last.Header.Get("Authorization"))
	}
	if _, err := app.Refresh(t.Context(), token); !errors.Is(err, zoom.ErrGrant) {
		t.Errorf("a refresh after it: %v, want ErrGrant", err)
	}

	for body, want := range map[string]string{
		`{"error":"invalid_client"}`: "ErrCredentials", `{"reason":"Invalid Token!","error":"invalid_request"}`: "ErrGrant",
	} {
		fake.Fault(zoomtest.RevokeToken, zoomtest.Answer(400, body))
		if err := app.Revoke(t.Context(), token); len(reasons(err)) != 1 || reasons(err)[0] != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	for _, body := range []string{"<html>", `{"status":"failed"}`} {
		fake.Fault(zoomtest.RevokeToken, zoomtest.Answer(200, body))
		if err := app.Revoke(t.Context(), token); !errors.Is(err, zoom.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", body, err)
		}
	}
	if err := app.Revoke(t.Context(), nil); !errors.Is(err, zoom.ErrInvalid) {
		t.Errorf("nothing to revoke: %v", err)
	}
}

func TestNoSecretIsInAnOAuthError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, checkSecretsInErrors)
}

func checkSecretsInErrors(t *testing.T) {
	secrets := []string{"s-client-secret", "s-code", "s-refresh-token", "s-access-token", verifier}
	for _, status := range []int{200, 302, 400, 401, 429, 500} {
		for _, body := range []string{
			`{"error":"invalid_grant","reason":"no %s","error_description":"%s","error_uri":"https://x/?%s"}`,
			`{"code":4741,"message":"no %s","errors":[{"field":"%s","message":"%s"}]}`,
			`{"access_token":"","expires_in":"%s"}`, `{"error":"%s"}`, `%s`,
		} {
			echo := roundTrip(func(r *http.Request) (*http.Response, error) {
				fake := zoomtest.New()
				fake.Fault(zoomtest.Any, zoomtest.Answer(status, strings.ReplaceAll(body, "%s", strings.Join(secrets, " "))).Always())
				return fake.Transport().RoundTrip(r)
			})
			app, err := zoom.NewOAuth("id", secrets[0], callback, zoom.WithTransport(echo))
			if err != nil {
				t.Fatal(err)
			}
			_, exchangeErr := app.Exchange(t.Context(), secrets[1], verifier)
			_, refreshErr := app.Refresh(t.Context(), &oauth2.Token{RefreshToken: secrets[2]})
			revokeErr := app.Revoke(t.Context(), &oauth2.Token{AccessToken: secrets[3]})
			own := map[error][]string{
				exchangeErr: {secrets[0], secrets[1], verifier}, refreshErr: {secrets[0], secrets[2]}, revokeErr: {secrets[0], secrets[3]},
			}
			for err, secrets := range own {
				text := fmt.Sprintf("%v %+v", err, err)
				if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
					text += fmt.Sprintf("%v %+v %s", answer, answer.Response, answer.Body)
				}
				for _, secret := range secrets {
					if err == nil || strings.Contains(text, secret) {
						t.Errorf("HTTP %d %s: %s is in %s", status, body, secret, text)
					}
				}
			}
		}
	}
}

func TestCheckScopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, granted string
		wanted        []string
		missing       []string
	}{
		{"all", "meeting:write:meeting user:read:user", []string{"user:read:user", "meeting:write:meeting"}, nil},
		{"an administrator's", "meeting:write:meeting:admin", []string{"meeting:write:meeting"}, nil},
		{"only for oneself", "meeting:write:meeting", []string{"meeting:write:meeting:admin"}, []string{"meeting:write:meeting:admin"}},
		{"classic", "meeting:write meeting:read user:write", zoom.UserScopes(), nil},
		{"classic of an administrator", "meeting:write:admin meeting:read:admin user:read:admin", zoom.AdminScopes(), nil},
		{"classic for oneself", "meeting:write user:read", []string{"meeting:write:meeting:admin"}, []string{"meeting:write:meeting:admin"}},
		{"reading is not writing", "meeting:read user:read", []string{"meeting:read:meeting", "meeting:delete:meeting"}, []string{"meeting:delete:meeting"}},
		{"writing is not reading", "meeting:write user:write", []string{"meeting:read:meeting", "user:read:user"}, []string{"meeting:read:meeting"}},
		{"classic asked for", "meeting:write:admin", []string{"meeting:write", "meeting:read"}, []string{"meeting:read"}},
		{"one lacks", "meeting:write:meeting  user:read:user", []string{"meeting:write:meeting", "meeting:update:status"}, []string{"meeting:update:status"}},
		{"not told", "", zoom.UserScopes(), nil},
		{"nothing wanted", "x", nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			token := (&oauth2.Token{}).WithExtra(map[string]any{"scope": test.granted})
			err := zoom.CheckScopes(token, test.wanted...)
			if test.missing == nil {
				if err != nil {
					t.Errorf("%v, want nothing missing", err)
				}
				return
			}
			if diff := cmp.Diff(test.missing, asError(t, err).Scopes); diff != "" || !errors.Is(err, zoom.ErrMissingScopes) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if !strings.Contains(err.Error(), test.missing[0]) {
				t.Errorf("%v does not name %s", err, test.missing[0])
			}
		})
	}
	for _, token := range []*oauth2.Token{nil, {}, (&oauth2.Token{}).WithExtra(map[string]any{"scope": 7})} {
		if err := zoom.CheckScopes(token, zoom.UserScopes()...); err != nil {
			t.Errorf("a token that says nothing: %v", err)
		}
	}
}

// The token of a consent has what the fake's app was given, in each kind of app.
func TestScopesOfAConsent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		opts    []zoomtest.Option
		wanted  []string
		missing []string
	}{
		{"a user's app", nil, zoom.UserScopes(), nil},
		{"an account-level app", []zoomtest.Option{zoomtest.WithAdminApp()}, zoom.AdminScopes(), nil},
		{
			"in part",
			[]zoomtest.Option{zoomtest.WithScopes("meeting:read", "user:read:user", "meeting:write:meeting")},
			zoom.UserScopes(),
			[]string{"meeting:delete:meeting", "meeting:update:status"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(test.opts...)
			fake.AddUser(host, func(u *zoomtest.User) { u.Role = "Admin" })
			err := zoom.CheckScopes(consent(t, fake, newOAuth(t, fake)), test.wanted...)
			var missing []string
			if e, ok := errors.AsType[*zoom.Error](err); ok {
				missing = e.Scopes
			}
			if diff := cmp.Diff(test.missing, missing); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
