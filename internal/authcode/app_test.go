package authcode_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/authcode"
	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B

// vendor is a token endpoint.
type vendor struct {
	contentType string
	status      int
	answer      string
	fault       error
	sent        []*http.Request
	forms       []url.Values
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	v.sent, v.forms = append(v.sent, r), append(v.forms, form)
	if v.fault != nil {
		return nil, v.fault
	}
	kind := v.contentType
	if kind == "" {
		kind = "application/json"
	}
	return &http.Response{
		StatusCode: v.status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(v.answer)), Request: r,
	}, nil
}

func newApp(t *testing.T, v *vendor, style oauth2.AuthStyle) *authcode.App {
	t.Helper()
	client, err := httpx.New(httpx.Config{Transport: v, Domains: []string{"example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return &authcode.App{
		ClientID: "id", ClientSecret: func() string { return "hunter2" }, RedirectURL: "https://app.example.com/cb",
		BaseURL: "https://vendor.example.com/oauth", AuthStyle: style, TokenLife: time.Hour, HTTP: client,
	}
}

func TestAuthCodeURL(t *testing.T) {
	t.Parallel()
	app := newApp(t, &vendor{}, oauth2.AuthStyleInHeader)
	app.Scopes = []string{"a", "b.c"}
	page, err := url.Parse(app.AuthCodeURL("state", verifier))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"response_type": {"code"}, "client_id": {"id"}, "redirect_uri": {"https://app.example.com/cb"}, "state": {"state"},
		"scope": {"a b.c"}, "code_challenge_method": {"S256"}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
	}
	if diff := cmp.Diff(want, page.Query()); diff != "" || page.Host != "vendor.example.com" || page.Path != "/oauth/authorize" {
		t.Errorf("page %s (-want +got):\n%s", page, diff)
	}
}

func TestCredentialsGoWhereTheVendorWantsThem(t *testing.T) {
	t.Parallel()
	for style, want := range map[oauth2.AuthStyle]struct {
		header string
		form   url.Values
	}{
		oauth2.AuthStyleInHeader: {"Basic aWQ6aHVudGVyMg==", url.Values{}},
		oauth2.AuthStyleInParams: {"", url.Values{"client_id": {"id"}, "client_secret": {"hunter2"}}},
	} {
		v := &vendor{status: 200, answer: `{"access_token":"t","refresh_token":"r2"}`}
		app := newApp(t, v, style)
		if _, err := app.Exchange(t.Context(), "c+de", verifier); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Refresh(t.Context(), "r1+"); err != nil {
			t.Fatal(err)
		}
		forms := []url.Values{
			{"grant_type": {"authorization_code"}, "code": {"c+de"}, "code_verifier": {verifier}, "redirect_uri": {"https://app.example.com/cb"}},
			{"grant_type": {"refresh_token"}, "refresh_token": {"r1+"}},
		}
		for i, form := range forms {
			maps.Copy(form, want.form)
			sent := v.sent[i]
			if diff := cmp.Diff(form, v.forms[i]); diff != "" || sent.Header.Get("Authorization") != want.header {
				t.Errorf("style %d, header %s (-want +got):\n%s", style, sent.Header.Get("Authorization"), diff)
			}
			if sent.Method != "POST" || sent.URL.String() != "https://vendor.example.com/oauth/token" ||
				sent.Header.Get("Accept") != "application/json" || sent.Header.Get("User-Agent") != "incidentbridge" {
				t.Errorf("%s %s with %v", sent.Method, sent.URL, sent.Header)
			}
		}
	}
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		style  oauth2.AuthStyle
		given  url.Values
		header string
		form   url.Values
	}{
		{
			"in the header", oauth2.AuthStyleInHeader,
			url.Values{"grant_type": {"account_credentials"}, "account_id": {"a&b"}},
			"Basic aWQ6aHVudGVyMg==",
			url.Values{"grant_type": {"account_credentials"}, "account_id": {"a&b"}},
		},
		{
			"in the form", oauth2.AuthStyleInParams,
			url.Values{"scope": {"a b.c"}},
			"",
			url.Values{"grant_type": {"client_credentials"}, "scope": {"a b.c"}, "client_id": {"id"}, "client_secret": {"hunter2"}},
		},
	}
	for _, test := range tests {
		v := &vendor{status: 200, answer: `{"access_token":"t","expires_in":60}`}
		token, err := newApp(t, v, test.style).ClientCredentials(t.Context(), test.given)
		if err != nil || token.AccessToken != "t" || token.RefreshToken != "" {
			t.Fatalf("%s: %+v, %v", test.name, token, err)
		}
		sent := v.sent[0]
		if diff := cmp.Diff(test.form, v.forms[0]); diff != "" || sent.Header.Get("Authorization") != test.header {
			t.Errorf("%s: header %s (-want +got):\n%s", test.name, sent.Header.Get("Authorization"), diff)
		}
		if sent.Method != "POST" || sent.URL.String() != "https://vendor.example.com/oauth/token" ||
			sent.Header.Get("Accept") != "application/json" || sent.Header.Get("User-Agent") != "incidentbridge" {
			t.Errorf("%s: %s %s with %v", test.name, sent.Method, sent.URL, sent.Header)
		}
	}
}

func TestClientCredentialsAreSentAgainAfterAFault(t *testing.T) {
	t.Parallel()
	for _, v := range []*vendor{{status: 503}, {fault: errors.New("connection reset")}} {
		synctest.Test(t, func(t *testing.T) {
			if _, err := newApp(t, v, oauth2.AuthStyleInHeader).ClientCredentials(t.Context(), nil); err == nil || len(v.sent) != 4 {
				t.Errorf("%v after %d requests, want an error after 4", err, len(v.sent))
			}
		})
	}
}

func TestTokensAreOfOneShape(t *testing.T) {
	t.Parallel()
	const year = 366 * 24 * time.Hour
	none := map[string]any{"scope": nil, "api_url": nil, "id_token": nil}
	tests := []struct {
		name, answer, refresh string
		life                  time.Duration
		extras                map[string]any
	}{
		{"all told", `{"access_token":"t","refresh_token":"r2","token_type":"bearer","expires_in":600,"scope":"a b","api_url":"https://x","id_token":"i.d.t","more":1}`, "r2", 10 * time.Minute, map[string]any{"scope": "a b", "api_url": "https://x", "id_token": "i.d.t"}},
		{"hardly anything", `{"access_token":"t"}`, "r1", time.Hour, none},
		{"odd", `{"access_token":"t","refresh_token":"r2","expires_in":"60","scope":null,"api_url":[],"id_token":{}}`, "r2", time.Minute, none},
		{"not believable", `{"access_token":"t","refresh_token":"r2","expires_in":999999999999}`, "r2", year, none},
		{"empty strings", `{"access_token":"t","scope":"","api_url":"","id_token":""}`, "r1", time.Hour, map[string]any{"scope": "", "api_url": "", "id_token": ""}},
		{"over already", `{"access_token":"t","refresh_token":"r2","expires_in":-5}`, "r2", -5 * time.Second, none},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				token, err := newApp(t, &vendor{status: 200, answer: test.answer}, oauth2.AuthStyleInHeader).Refresh(t.Context(), "r1")
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]any{"scope": token.Extra("scope"), "api_url": token.Extra("api_url"), "id_token": token.Extra("id_token")}
				if diff := cmp.Diff(test.extras, got); diff != "" || token.Extra("more") != nil {
					t.Errorf("extras (-want +got):\n%s", diff)
				}
				want := &oauth2.Token{AccessToken: "t", RefreshToken: test.refresh, TokenType: "Bearer", Expiry: time.Now().Round(0).Add(test.life)}
				if *want != (oauth2.Token{AccessToken: token.AccessToken, RefreshToken: token.RefreshToken, TokenType: token.TokenType, Expiry: token.Expiry}) {
					t.Errorf("token %+v, want %+v", token, want)
				}
			})
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset")
	tests := []struct {
		name    string
		vendor  vendor
		refused string // the code of an answer
		want    error
	}{
		{name: "refused", vendor: vendor{status: 400, answer: `{"error":"invalid_grant"}`}, refused: "invalid_grant"},
		{name: "refused under 200", vendor: vendor{status: 200, answer: `{"error":"invalid_grant"}`}, refused: "invalid_grant"},
		{name: "refused without a word", vendor: vendor{status: 502, answer: `<html>`}, refused: ""},
		{name: "a redirect that is not the vendor's", vendor: vendor{status: 302}, refused: ""},
		{name: "no answer", vendor: vendor{fault: reset}, want: reset},
		{name: "gave up", vendor: vendor{fault: context.Canceled}, want: context.Canceled},
		{name: "no token", vendor: vendor{status: 200, answer: `{}`}, want: authcode.ErrUnreadable},
		{name: "no JSON", vendor: vendor{status: 200, answer: `s3cret`}, want: authcode.ErrUnreadable},
		{name: "another type of content", vendor: vendor{status: 200, answer: `{"access_token":"s3cret"}`, contentType: "text/plain"}, want: authcode.ErrUnreadable},
		{name: "a number for a token", vendor: vendor{status: 200, answer: `{"access_token":5}`}, want: authcode.ErrUnreadable},
		{name: "a length that is none", vendor: vendor{status: 200, answer: `{"access_token":"t","expires_in":"s3cret"}`}, want: authcode.ErrUnreadable},
		{name: "a token that fits no header", vendor: vendor{status: 200, answer: `{"access_token":"s3\r\ncret"}`}, want: authcode.ErrUnreadable},
		{name: "too long", vendor: vendor{status: 200, answer: strings.Repeat(" ", 1<<20+1)}, want: httpx.ErrTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			app := newApp(t, &test.vendor, oauth2.AuthStyleInHeader)
			_, exchangeErr := app.Exchange(t.Context(), "code", verifier)
			_, refreshErr := app.Refresh(t.Context(), "r1")
			for _, err := range []error{exchangeErr, refreshErr} {
				answer, refused := errors.AsType[*oauth2.RetrieveError](err)
				switch {
				case test.want == nil && (!refused || answer.ErrorCode != test.refused || answer.Response.StatusCode != test.vendor.status):
					t.Errorf("%v, want a refusal with %q", err, test.refused)
				case test.want != nil && (refused || !errors.Is(err, test.want) || strings.Contains(err.Error(), "s3")):
					t.Errorf("%v, want %v and nothing of the answer", err, test.want)
				}
			}
			if len(test.vendor.sent) != 2 {
				t.Errorf("%d requests, want one for each call", len(test.vendor.sent))
			}
		})
	}
}

func TestNothingIsSentForWhatCannotBeGood(t *testing.T) {
	t.Parallel()
	v := &vendor{status: 200, answer: `{"access_token":"t"}`}
	app := newApp(t, v, oauth2.AuthStyleInHeader)
	for _, bad := range []string{"", verifier[1:], strings.Repeat("a", 129), verifier + "+", "ä" + verifier} {
		if _, err := app.Exchange(t.Context(), "code", bad); !errors.Is(err, authcode.ErrInvalid) {
			t.Errorf("verifier %q: %v, want ErrInvalid", bad, err)
		}
	}
	if _, err := app.Exchange(t.Context(), "", verifier); !errors.Is(err, authcode.ErrInvalid) {
		t.Errorf("no code: %v", err)
	}
	if _, err := app.Refresh(t.Context(), ""); !errors.Is(err, authcode.ErrInvalid) {
		t.Errorf("no refresh token: %v", err)
	}
	if len(v.sent) != 0 {
		t.Errorf("%d requests were sent", len(v.sent))
	}
	for range 100 {
		if _, err := app.Exchange(t.Context(), "code", oauth2.GenerateVerifier()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusedTellsTheCodeAndNothingElse(t *testing.T) {
	t.Parallel()
	dead := errors.New("the grant is dead")
	err := fmt.Errorf("refresh: %w", authcode.Refused(dead, 400, "invalid_grant"))
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || answer.ErrorCode != "invalid_grant" || answer.Response.StatusCode != 400 || answer.Body != nil {
		t.Errorf("answer %+v", answer)
	}
	if answer, _ := errors.AsType[*oauth2.RetrieveError](authcode.Refused(dead, 400, "s3cret")); answer.ErrorCode != "" {
		t.Errorf("a word that is not OAuth's is passed on: %s", answer.ErrorCode)
	}
	if !errors.Is(err, dead) || err.Error() != "refresh: the grant is dead" {
		t.Errorf("error %v", err)
	}
}

// FuzzAnswer: whatever an endpoint says, there is a usable token or an error.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "application/json", `{"access_token":"t","refresh_token":"r","expires_in":3599,"scope":"a b","api_url":"https://api.zoom.us"}`)
	f.Add(200, "application/x-www-form-urlencoded", `access_token=t&expires_in=5`)
	f.Add(400, "application/json", `{"error":"invalid_grant","reason":"Invalid Token!"}`)
	f.Add(200, "text/html", `<html>`)
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		v := &vendor{status: status, answer: body, contentType: kind}
		token, err := newApp(t, v, oauth2.AuthStyleInHeader).Refresh(t.Context(), "r1")
		if (token == nil) != (err != nil) {
			t.Fatalf("token %v and error %v", token, err)
		}
		if err != nil {
			return
		}
		if strings.ContainsAny(token.AccessToken, " \r\n") || token.AccessToken == "" || token.Expiry.IsZero() || token.RefreshToken == "" {
			t.Errorf("token %+v", token)
		}
	})
}
