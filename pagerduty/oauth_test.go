package pagerduty_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/oauthtest"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

const callback = "https://bridge.example.com/oauth/pagerduty/callback?x=y"

func newOAuth(t *testing.T, fake *pagerdutytest.Server, opts ...pagerduty.Option) *pagerduty.OAuth {
	t.Helper()
	id, secret, _ := fake.Credentials()
	app, err := pagerduty.NewOAuth(id, secret, callback, append(opts, pagerduty.WithTransport(fake.Transport()))...)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// clientOf calls with the token alone.
func clientOf(t *testing.T, fake *pagerdutytest.Server, token *oauth2.Token, opts ...pagerduty.Option) *pagerduty.Client {
	t.Helper()
	opts = append(opts, pagerduty.WithTransport(fake.Transport()))
	client, err := pagerduty.NewClient(pagerduty.UserToken(pagerduty.StaticToken(token)), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	oauthtest.Run(t, oauthtest.Vendor{
		NewFake: func() (oauthtest.Fake, string, string) {
			fake := pagerdutytest.New()
			id, secret, _ := fake.Credentials()
			return fake, id, secret
		},
		NewApp: func(id, secret, redirectURL string, transport http.RoundTripper) (oauthtest.App, error) {
			app, err := pagerduty.NewOAuth(id, secret, redirectURL, pagerduty.WithTransport(transport))
			if err != nil {
				return nil, err
			}
			return app, nil
		},
		RedirectURL:    callback,
		CodeLife:       30 * time.Second,
		TokenLife:      24 * time.Hour,
		Sentinels:      sentinels(),
		ErrGrant:       pagerduty.ErrGrant,
		ErrInvalid:     pagerduty.ErrInvalid,
		ErrUnavailable: pagerduty.ErrUnavailable,
		Refusals: []oauthtest.Refusal{
			{Status: 400, Body: `{"error":"invalid_grant","error_description":"The code is unknown"}`, Want: pagerduty.ErrGrant, Code: "400 invalid_grant"},
			{Status: 401, Body: `{"error":"invalid_client","error_description":"No"}`, Want: pagerduty.ErrCredentials, Code: "401 invalid_client"},
			{Status: 400, Body: `{"error":"unauthorized_client"}`, Want: pagerduty.ErrCredentials, Code: "400 unauthorized_client"},
			{Status: 400, Body: `{"error":"unsupported_grant_type"}`, Want: pagerduty.ErrCredentials, Code: "400 unsupported_grant_type"},
			{Status: 400, Body: `{"error":"invalid_request"}`, Want: pagerduty.ErrInvalid, Code: "400 invalid_request"},
			{Status: 400, Body: `{"error":"invalid_scope"}`, Want: pagerduty.ErrMissingScopes, Code: "400 invalid_scope"},
			{Status: 403, Body: `{"error":"access_denied"}`, Want: pagerduty.ErrForbidden, Code: "403 access_denied"},
			{Status: 401, Body: `{"error":{"message":"Authentication failed","code":2006}}`, Want: pagerduty.ErrUnauthorized, Code: "401 "},
			{Status: 400, Body: `<html>`, Want: pagerduty.ErrInvalid, Code: "400 "},
			{Status: 429, Body: ``, Want: pagerduty.ErrRateLimited, Code: "429 "},
		},
		ErrorBodies: []string{
			`{"error":"invalid_grant","error_description":"no %s","error_uri":"https://x/?%s"}`,
			`{"error":{"message":"no %s","code":2001,"errors":["%s"]}}`, `{"error":"%s"}`, `{"access_token":"","expires_in":"%s"}`, `%s`,
		},
	})
}

func TestNewOAuthChecksItsOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opt  pagerduty.Option
		want string
	}{
		{"base URL", pagerduty.WithBaseURL("https://api.pagerduty.com"), "for NewClient"},
		{"region", pagerduty.WithRegion(pagerduty.US), "for NewClient"},
		{"from", pagerduty.WithFrom("a@example.com"), "for NewClient"},
		{"subdomain", pagerduty.WithSubdomain("acme"), "for NewClient"},
		{"bad option", pagerduty.WithOAuthURL("http://pagerduty.com"), "OAuth URL"},
	}
	for _, tt := range tests {
		if _, err := pagerduty.NewOAuth("i", "s", callback, tt.opt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestAuthCodeURLAsksWithPKCEAndForScopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, page, scope string
		opts              []pagerduty.Option
	}{
		{"of its own", "https://identity.pagerduty.com/oauth/authorize", "abilities.read incidents.read incidents.write teams.read users.read openid", nil},
		{"to log in", "https://identity.pagerduty.com/oauth/authorize", "openid", []pagerduty.Option{pagerduty.WithScopes("openid")}},
		{"classic, elsewhere", "http://127.0.0.1:7777/oauth/authorize", "write openid", []pagerduty.Option{
			pagerduty.WithScopes("write"), pagerduty.WithOAuthURL("http://127.0.0.1:7777/oauth/"),
		}},
	}
	for _, tt := range tests {
		page, query, _ := strings.Cut(newOAuth(t, pagerdutytest.New(), tt.opts...).AuthCodeURL("st+te", oauthtest.Verifier), "?")
		got, err := url.ParseQuery(query)
		want := url.Values{
			"response_type": {"code"}, "client_id": {"b3d8b1a0-client"}, "redirect_uri": {callback}, "state": {"st+te"}, "scope": {tt.scope},
			"code_challenge": {oauthtest.Challenge}, "code_challenge_method": {"S256"},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil || page != tt.page {
			t.Errorf("%s: page %s, %v (-want +got):\n%s", tt.name, page, err, diff)
		}
	}
}

func TestExchangeSendsTheCredentialsInTheForm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		app := newOAuth(t, fake)
		first := oauthtest.Consent(t, fake, app)
		if life := time.Until(first.Expiry); life != 24*time.Hour || first.RefreshToken == "" {
			t.Errorf("a token for %s, refreshable: %t", life, first.RefreshToken != "")
		}
		if _, err := app.Refresh(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		id, secret, _ := fake.Credentials()
		wants := []url.Values{
			{"grant_type": {"authorization_code"}, "redirect_uri": {callback}, "code_verifier": {oauthtest.Verifier}, "client_id": {id}, "client_secret": {secret}},
			{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}, "client_id": {id}, "client_secret": {secret}},
		}
		for i, want := range wants {
			sent := fake.Requests(pagerdutytest.GiveToken)[i]
			form, err := url.ParseQuery(string(sent.Body))
			form.Del("code")
			if diff := cmp.Diff(want, form); diff != "" || err != nil || sent.Header.Get("Authorization") != "" || len(sent.Query) > 0 {
				t.Errorf("request %d, header %q, query %v: %v (-want +got):\n%s", i, sent.Header.Get("Authorization"), sent.Query, err, diff)
			}
		}
	})
}

func TestATokenLeadsToItsRegion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		eu   bool
		opts []pagerduty.Option
		host string
		err  error // the other region knows no such token
	}{
		{"of the US", false, nil, "api.pagerduty.com", nil},
		{"of the EU", true, nil, "api.eu.pagerduty.com", nil},
		{"a region that was set wins", true, []pagerduty.Option{pagerduty.WithRegion(pagerduty.US)}, "api.pagerduty.com", pagerduty.ErrUnauthorized},
		{"a base URL wins", true, []pagerduty.Option{pagerduty.WithBaseURL("https://proxy.example.com")}, "proxy.example.com", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var opts []pagerdutytest.Option
			if tt.eu {
				opts = append(opts, pagerdutytest.WithEU())
			}
			fake := pagerdutytest.New(opts...)
			app := newOAuth(t, fake)
			first := oauthtest.Consent(t, fake, app)
			second, err := app.Refresh(t.Context(), first)
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range []*oauth2.Token{first, second} {
				_, err := clientOf(t, fake, token, tt.opts...).CurrentUser(t.Context())
				all := fake.Requests()
				if asked := all[len(all)-1].Host; asked != tt.host || !errors.Is(err, tt.err) {
					t.Errorf("asked %s, %v; want %s, %v", asked, err, tt.host, tt.err)
				}
			}
		})
	}
}

func TestATokenLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for _, apiURL := range []any{
		"https://evil.example", "https://api.eu.pagerduty.com.evil.example", "http://api.eu.pagerduty.com", "https://api.eu.pagerduty.com:8443",
		"https://x@api.eu.pagerduty.com", "https://evil.pagerduty.com", "", 7,
	} {
		fake := pagerdutytest.New()
		token := (&oauth2.Token{AccessToken: "t"}).WithExtra(map[string]any{"api_url": apiURL})
		_, _ = clientOf(t, fake, token).CurrentUser(t.Context())
		if asked := fake.Requests()[0].Host; asked != "api.pagerduty.com" {
			t.Errorf("%v leads to %s", apiURL, asked)
		}
	}
}

func TestWhoLogsInIsKnownWithTheirRole(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	app := newOAuth(t, fake, pagerduty.WithScopes("openid"))
	ours := newClient(t, fake)
	for role, admin := range map[string]bool{"owner": true, "admin": true, "user": false, "limited_user": false, "observer": false} {
		id := fake.AddUser(role+"@example.com", func(u *pagerdutytest.User) { u.Role = role })
		fake.SignIn(id)
		token := oauthtest.Consent(t, fake, app)
		identity, err := pagerduty.IdentityOf(token)
		want := pagerduty.Identity{UserID: id, AccountID: "PACCOUNT", Subdomain: "example", Region: pagerduty.US}
		if diff := cmp.Diff(want, identity); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", role, err, diff)
		}
		byUs, err := ours.User(t.Context(), identity.UserID)
		if err != nil || byUs.Role != role || byUs.IsAdmin() != admin {
			t.Errorf("%s: our client reads %+v, %v", role, byUs, err)
		}
		byThem, err := clientOf(t, fake, token).CurrentUser(t.Context())
		if diff := cmp.Diff(byUs, byThem); diff != "" || err != nil {
			t.Errorf("%s: their own client reads: %v (-ours +theirs):\n%s", role, err, diff)
		}
	}
}

// idToken is one with these claims.
func idToken(claims any) string {
	raw, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return "e30." + base64.RawURLEncoding.EncodeToString(raw) + ".c2ln"
}

func TestIdentityOf(t *testing.T) {
	t.Parallel()
	type claims map[string]any
	const us, eu = "https://api.pagerduty.com", "https://api.eu.pagerduty.com"
	yesterday := time.Now().Add(-24 * time.Hour).Unix()
	tests := []struct {
		name    string
		idToken any
		want    pagerduty.Identity
		err     error
	}{
		{"all told", idToken(claims{"aud": []string{"client", eu}, "user_id": "PU", "account_id": "PA", "subdomain": "Acme", "region": "eu", "delegation_id": "x"}), pagerduty.Identity{UserID: "PU", AccountID: "PA", Subdomain: "acme", Region: pagerduty.EU}, nil},
		{"one audience", idToken(claims{"aud": us, "user_id": "PU"}), pagerduty.Identity{UserID: "PU", Region: pagerduty.US}, nil},
		{"with a slash", idToken(claims{"aud": []string{eu + "/"}, "user_id": "PU"}), pagerduty.Identity{UserID: "PU", Region: pagerduty.EU}, nil},
		{"the audience wins", idToken(claims{"aud": eu, "user_id": "PU", "region": "us"}), pagerduty.Identity{UserID: "PU", Region: pagerduty.EU}, nil},
		{"the claim decides between two", idToken(claims{"aud": []string{us, eu}, "user_id": "PU", "region": "EU"}), pagerduty.Identity{UserID: "PU", Region: pagerduty.EU}, nil},
		{"a foreign audience", idToken(claims{"aud": "https://api.eu.pagerduty.com.evil.example", "user_id": "PU"}), pagerduty.Identity{UserID: "PU"}, nil},
		{"an unknown region", idToken(claims{"user_id": "PU", "region": "mars"}), pagerduty.Identity{UserID: "PU"}, nil},
		{"odd fields", idToken(claims{"aud": 5, "user_id": "PU", "account_id": "../x", "subdomain": "a.b"}), pagerduty.Identity{UserID: "PU"}, nil},
		{"valid", idToken(claims{"user_id": "PU", "exp": time.Now().Add(time.Hour).Unix()}), pagerduty.Identity{UserID: "PU"}, nil},
		{"expired", idToken(claims{"user_id": "PU", "exp": yesterday}), pagerduty.Identity{}, pagerduty.ErrUnauthorized},
		{"no user", idToken(claims{"aud": us}), pagerduty.Identity{}, pagerduty.ErrUnavailable},
		{"a user that is a path", idToken(claims{"user_id": "../PU"}), pagerduty.Identity{}, pagerduty.ErrUnavailable},
		{"no claims", idToken(nil), pagerduty.Identity{}, pagerduty.ErrUnavailable},
		{"two parts", "e30.e30", pagerduty.Identity{}, pagerduty.ErrUnavailable},
		{"no base64", "e30.%.c2ln", pagerduty.Identity{}, pagerduty.ErrUnavailable},
		{"not told", "", pagerduty.Identity{}, pagerduty.ErrNoUser},
		{"no text", 7, pagerduty.Identity{}, pagerduty.ErrNoUser},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := pagerduty.IdentityOf((&oauth2.Token{}).WithExtra(map[string]any{"id_token": tt.idToken}))
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("%v, want %v (-want +got):\n%s", err, tt.err, diff)
			}
		})
	}
	if _, err := pagerduty.IdentityOf(nil); !errors.Is(err, pagerduty.ErrNoUser) {
		t.Errorf("no token: %v", err)
	}
}

func FuzzIdentityOf(f *testing.F) {
	f.Add(idToken(map[string]any{"aud": []string{"https://api.eu.pagerduty.com"}, "user_id": "PU", "account_id": "PA", "subdomain": "acme", "exp": 1}))
	f.Add("e30.e30.e30")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		identity, err := pagerduty.IdentityOf((&oauth2.Token{}).WithExtra(map[string]any{"id_token": text}))
		if (err == nil) != (identity.UserID != "") || identity.Region != "" && identity.Region != pagerduty.US && identity.Region != pagerduty.EU {
			t.Errorf("%+v, %v", identity, err)
		}
		if strings.ContainsAny(identity.UserID+identity.AccountID+identity.Subdomain, "/.:@ \n") {
			t.Errorf("%+v is unfit for a path or a host", identity)
		}
	})
}

func TestAPartialGrantIsDetected(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithAppScopes("incidents.read", "users.read", "abilities.read"))
	incident := fake.AddIncident("down")
	token := oauthtest.Consent(t, fake, newOAuth(t, fake))
	want := []string{"incidents.write", "teams.read"}

	err := pagerduty.CheckScopes(token, pagerduty.RunScopes()...)
	checkError(t, err, []error{pagerduty.ErrMissingScopes}, nil)
	client := clientOf(t, fake, token)
	told, tellErr := client.MissingScopes(t.Context())
	if diff := cmp.Diff(want, told); diff != "" || tellErr != nil || !strings.Contains(err.Error(), "incidents.write teams.read") {
		t.Errorf("%v, and the client says: %v (-want +got):\n%s", err, tellErr, diff)
	}
	_, err = client.SetConferenceBridge(t.Context(), incident, someBridge)
	checkError(t, err, []error{pagerduty.ErrMissingScopes, pagerduty.ErrForbidden}, []error{pagerduty.ErrInDoubt})
	if typed, ok := errors.AsType[*pagerduty.Error](err); !ok || !slices.Equal(typed.Scopes, want) {
		t.Errorf("%v does not name %v", err, want)
	}
	if told, err := clientOf(t, fake, token, pagerduty.WithScopes("users.read")).MissingScopes(t.Context()); told != nil || err != nil {
		t.Errorf("what it needs is there, and it lacks %v, %v", told, err)
	}
}

func TestCheckScopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		granted any
		wanted  []string
		missing []string
	}{
		{"all", "users.read  incidents.read openid", []string{"incidents.read", "users.read"}, nil},
		{"one lacks", "users.read", []string{"users.read", "teams.read"}, []string{"teams.read"}},
		{"reading is not writing", "incidents.read", []string{"incidents.write"}, []string{"incidents.write"}},
		{"classic write", "write openid", slices.Concat(pagerduty.RunScopes(), pagerduty.SetUpScopes()), nil},
		{"classic read", "read", []string{"users.read", "incidents.write"}, []string{"incidents.write"}},
		{"not told", "", pagerduty.RunScopes(), nil},
		{"no text", 5, pagerduty.RunScopes(), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := pagerduty.CheckScopes((&oauth2.Token{}).WithExtra(map[string]any{"scope": tt.granted}), tt.wanted...)
			var missing []string
			if typed, ok := errors.AsType[*pagerduty.Error](err); ok {
				missing = typed.Scopes
			}
			if diff := cmp.Diff(tt.missing, missing); diff != "" || (err == nil) != (tt.missing == nil) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
	if err := pagerduty.CheckScopes(nil, pagerduty.RunScopes()...); err != nil {
		t.Errorf("no token: %v", err)
	}
}

func TestSetUpWorksWithItsScopes(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	token := oauthtest.Consent(t, fake, newOAuth(t, fake, pagerduty.WithScopes(slices.Concat(pagerduty.RunScopes(), pagerduty.SetUpScopes())...)))
	client := clientOf(t, fake, token)
	if _, err := client.WebhookSubscriptions(t.Context()); err != nil {
		t.Errorf("subscriptions: %v", err)
	}
	if _, err := client.Extensions(t.Context(), "PSHOP01"); err != nil {
		t.Errorf("custom actions: %v", err)
	}
}

func TestAStaticTokenPrintsNothing(t *testing.T) {
	t.Parallel()
	source := pagerduty.StaticToken(&oauth2.Token{AccessToken: "s3cret"})
	if text := fmt.Sprintf("%v %+v %#v", source, source, source); strings.Contains(text, "s3cret") {
		t.Errorf("the source prints as %s", text)
	}
}
