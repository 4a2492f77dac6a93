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

	"github.com/incidentbridge/incidentbridge/internal/oauthtest"
	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

const callback = "https://app.example.com/oauth/zoom/callback"

func newOAuth(t *testing.T, fake *zoomtest.Server, opts ...zoom.Option) *zoom.OAuth {
	t.Helper()
	id, secret := fake.AppCredentials()
	app, err := zoom.NewOAuth(id, secret, callback, append(opts, zoom.WithTransport(fake.Transport()))...)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	oauthtest.Run(t, oauthtest.Vendor{
		NewFake: func() (oauthtest.Fake, string, string) {
			fake := zoomtest.New(zoomtest.WithUsers(host))
			id, secret := fake.AppCredentials()
			return fake, id, secret
		},
		NewApp: func(id, secret, redirectURL string, transport http.RoundTripper) (oauthtest.App, error) {
			app, err := zoom.NewOAuth(id, secret, redirectURL, zoom.WithTransport(transport))
			if err != nil {
				return nil, err
			}
			return app, nil
		},
		RedirectURL:    callback,
		CodeLife:       5 * time.Minute,
		TokenLife:      time.Hour,
		Sentinels:      sentinels(),
		ErrGrant:       zoom.ErrGrant,
		ErrInvalid:     zoom.ErrInvalid,
		ErrUnavailable: zoom.ErrUnavailable,
		Refusals: []oauthtest.Refusal{ // every body that is documented or was seen
			{Status: 400, Body: `{"reason":"Invalid Token!","error":"invalid_grant"}`, Want: zoom.ErrGrant, Code: "400 invalid_grant"},
			{Status: 401, Body: `{"reason":"Invalid Token!","error":"invalid_request"}`, Want: zoom.ErrGrant, Code: "401 invalid_grant"},
			{Status: 400, Body: `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`, Want: zoom.ErrCredentials, Code: "400 invalid_client"},
			{Status: 401, Body: `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`, Want: zoom.ErrCredentials, Code: "401 invalid_client"},
			{Status: 400, Body: `{"reason":"Bad Request","error":"invalid_request"}`, Want: zoom.ErrInvalid, Code: "400 invalid_request"},
			{Status: 400, Body: `{"reason":"Redirect URI mismatch","error":"invalid_request"}`, Want: zoom.ErrInvalid, Code: "400 invalid_request"},
			{Status: 400, Body: `{"reason":"unsupported grant type","error":"unsupported_grant_type"}`, Want: zoom.ErrCredentials, Code: "400 unsupported_grant_type"},
			{Status: 400, Body: `{"error":"unauthorized_client"}`, Want: zoom.ErrCredentials, Code: "400 unauthorized_client"},
			{Status: 400, Body: `{"error":"invalid_scope"}`, Want: zoom.ErrMissingScopes, Code: "400 invalid_scope"},
			{Status: 403, Body: `{"error":"access_denied"}`, Want: zoom.ErrForbidden, Code: "403 access_denied"},
			{Status: 400, Body: `{"code":4700,"message":"Token cannot be empty"}`, Want: zoom.ErrUnauthorized, Code: "400 "},
			{Status: 400, Body: `{"code":4702,"message":"Invalid client"}`, Want: zoom.ErrCredentials, Code: "400 "},
			{Status: 400, Body: `{"code":4704,"message":"Invalid client secret"}`, Want: zoom.ErrCredentials, Code: "400 "},
			{Status: 400, Body: `{"code":4705,"message":"Grant not supported"}`, Want: zoom.ErrCredentials, Code: "400 "},
			{Status: 400, Body: `{"code":4706,"message":"Client id is missing"}`, Want: zoom.ErrCredentials, Code: "400 "},
			{Status: 400, Body: `{"code":4709,"message":"Redirect URI mismatch"}`, Want: zoom.ErrInvalid, Code: "400 "},
			{Status: 400, Body: `{"code":4711,"message":"Scope mismatch"}`, Want: zoom.ErrMissingScopes, Code: "400 "},
			{Status: 400, Body: `{"code":4717,"message":"The app has been disabled"}`, Want: zoom.ErrForbidden, Code: "400 "},
			{Status: 400, Body: `{"code":4733,"message":"Code is expired"}`, Want: zoom.ErrGrant, Code: "400 invalid_grant"},
			{Status: 400, Body: `{"code":4734,"message":"Invalid code"}`, Want: zoom.ErrGrant, Code: "400 invalid_grant"},
			{Status: 400, Body: `{"code":4735,"message":"The owner of the token does not exist"}`, Want: zoom.ErrGrant, Code: "400 invalid_grant"},
			{Status: 400, Body: `{"code":4737,"message":"No such authorization"}`, Want: zoom.ErrGrant, Code: "400 invalid_grant"},
			{Status: 400, Body: `{"code":4738,"message":"Disabled by an admin"}`, Want: zoom.ErrForbidden, Code: "400 "},
			{Status: 400, Body: `{"code":4740,"message":"Out of tolerance"}`, Want: zoom.ErrGrant, Code: "400 invalid_grant"},
			{Status: 400, Body: `{"code":"4741","message":"The token was revoked"}`, Want: zoom.ErrGrant, Code: "400 invalid_grant"},
			{Status: 400, Body: `<html>`, Want: zoom.ErrUnauthorized, Code: "400 "},
			{Status: 401, Body: ``, Want: zoom.ErrUnauthorized, Code: "401 "},
			{Status: 429, Body: `{"code":429,"message":"slow down"}`, Want: zoom.ErrRateLimited, Code: "429 "},
		},
		ErrorBodies: []string{
			`{"error":"invalid_grant","reason":"no %s","error_description":"%s","error_uri":"https://x/?%s"}`,
			`{"code":4741,"message":"no %s","errors":[{"field":"%s","message":"%s"}]}`,
			`{"access_token":"","expires_in":"%s"}`, `{"error":"%s"}`, `%s`,
		},
	})
}

func TestNewOAuthChecksItsOptions(t *testing.T) {
	t.Parallel()
	for want, opt := range map[string]zoom.Option{
		"WithBaseURL": zoom.WithBaseURL("https://api.zoom.us/v2"), "OAuth URL": zoom.WithOAuthURL("http://zoom.us"),
	} {
		if _, err := zoom.NewOAuth("i", "s", callback, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
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
		page, query, _ := strings.Cut(app.AuthCodeURL("st+te", oauthtest.Verifier), "?")
		got, err := url.ParseQuery(query)
		want := url.Values{
			"response_type": {"code"}, "client_id": {"APP-CLIENT"}, "redirect_uri": {callback}, "state": {"st+te"},
			"code_challenge": {oauthtest.Challenge}, "code_challenge_method": {"S256"},
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
		app := newOAuth(t, fake)
		token := oauthtest.Consent(t, fake, app)
		if life := time.Until(token.Expiry); life != 3599*time.Second || token.RefreshToken == "" || !token.Valid() {
			t.Errorf("a token for %s, refreshable: %t", life, token.RefreshToken != "")
		}
		scope, _ := token.Extra("scope").(string)
		if token.Extra("api_url") != "https://api-eu.zoom.us" || !strings.Contains(scope, "meeting:write:meeting") {
			t.Errorf("extras %v and %v", token.Extra("api_url"), scope)
		}

		if _, err := app.Refresh(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		wants := []url.Values{
			{"grant_type": {"authorization_code"}, "redirect_uri": {callback}, "code_verifier": {oauthtest.Verifier}},
			{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}},
		}
		for i, want := range wants {
			sent := fake.Requests(zoomtest.GiveToken)[i]
			basic, _ := strings.CutPrefix(sent.Header.Get("Authorization"), "Basic ")
			if plain, err := base64.StdEncoding.DecodeString(basic); err != nil || string(plain) != "APP-CLIENT:APP-SECRET" {
				t.Errorf("Basic %q, %v", plain, err)
			}
			form, err := url.ParseQuery(string(sent.Body))
			form.Del("code")
			if diff := cmp.Diff(want, form); diff != "" || err != nil || len(sent.Query) > 0 {
				t.Errorf("query %v, form: %v (-want +got):\n%s", sent.Query, err, diff)
			}
		}
	})
}

func TestAClientOfAFreshConsentKnowsWhoInstalled(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithAPIURL("https://api-eu.zoom.us"))
	boss := fake.AddUser("boss@example.com", func(u *zoomtest.User) { u.Role = "Owner" })
	fake.SignIn("boss@example.com")
	token := oauthtest.Consent(t, fake, newOAuth(t, fake))
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

func TestRevokeGoesOutWithTheAppsOwnHeader(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	app := newOAuth(t, fake)
	token := oauthtest.Consent(t, fake, app)
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
			err := zoom.CheckScopes(oauthtest.Consent(t, fake, newOAuth(t, fake)), test.wanted...)
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
