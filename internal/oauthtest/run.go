package oauthtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
)

// Run tests the vendor's app.
func Run(t *testing.T, v Vendor) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Vendor){
		"arguments are checked":               testArguments,
		"the app prints no secret":            testPrintsNoSecret,
		"a code that is not good":             testBadCodes,
		"refresh tokens rotate":               testRotation,
		"refusals of the token endpoint":      testRefusals,
		"tokens are sent once":                testSentOnce,
		"every token has an expiry":           testExpiry,
		"no secret is in an error":            testSecretsInErrors,
		"nothing to refresh is an ErrInvalid": testNothingToRefresh,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, v)
		})
	}
}

func testArguments(t *testing.T, v Vendor) {
	const own = "https://app.example.com/callback"
	tests := []struct{ name, id, secret, redirect, want string }{
		{"no id", "", "s", own, "client id is empty"},
		{"no secret", "i", "", own, "client secret is empty"},
		{"blank secret", "i", " ", own, "client secret is empty"},
		{"no redirect", "i", "s", "", "must be absolute"},
		{"relative redirect", "i", "s", "/callback", "must be absolute"},
		{"fragment", "i", "s", own + "#x", "fragment"},
		{"http", "i", "s", "http://app.example.com/", "must be https"},
		{"not a URL", "i", "s", "https://hunter2:%zz@x/", "must be absolute"},
		{"userinfo", "i", "s", "https://hunter2@x/", "userinfo"},
		{"IPv4 loopback", "i", "s", "http://127.0.0.1:8080/cb", ""},
		{"IPv6 loopback", "i", "s", "http://[::1]/cb", ""},
		{"localhost", "i", "s", "http://localhost/cb", ""},
		{"query", "i", "s", own + "?from=x", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake, _, _ := v.NewFake()
			_, err := v.NewApp(test.id, test.secret, test.redirect, fake.Transport())
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}

func testPrintsNoSecret(t *testing.T, v Vendor) {
	fake, _, _ := v.NewFake()
	app, err := v.NewApp("i", "hunter2", v.RedirectURL, fake.Transport())
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", app, app, app); strings.Contains(text, "hunter2") {
		t.Errorf("the app prints as %s", text)
	}
}

func testBadCodes(t *testing.T, v Vendor) {
	returned := func(code string) string { return code }
	always := func(code string) func(string) string { return func(string) string { return code } }
	tests := []struct {
		name     string
		wait     time.Duration
		twice    bool
		code     func(returned string) string
		verifier string
		want     error
		sent     int
	}{
		{name: "too late", wait: v.CodeLife, code: returned, verifier: Verifier, want: v.ErrGrant, sent: 1},
		{name: "a second time", twice: true, code: returned, verifier: Verifier, want: v.ErrGrant, sent: 2},
		{name: "of another flow", code: returned, verifier: oauth2.GenerateVerifier(), want: v.ErrGrant, sent: 1},
		{name: "made up", code: always("x"), verifier: Verifier, want: v.ErrGrant, sent: 1},
		{name: "no code", code: always(""), verifier: Verifier, want: v.ErrInvalid},
		{name: "verifier too short to be one", code: returned, verifier: "short", want: v.ErrInvalid},
		{name: "verifier with a blank", code: returned, verifier: strings.Repeat("a ", 30), want: v.ErrInvalid},
		{name: "no verifier", code: returned, want: v.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake, app := v.newApp(t)
				code := Agree(t, fake, app)
				if test.twice {
					if _, err := app.Exchange(t.Context(), code, Verifier); err != nil {
						t.Fatal(err)
					}
				}
				<-time.After(test.wait)
				token, err := app.Exchange(t.Context(), test.code(code), test.verifier)
				v.check(t, err, test.want)
				if token != nil {
					t.Error("there is a token beside the error")
				}
				if sent := len(fake.Requests(giveToken)); sent != test.sent {
					t.Errorf("%d requests, want %d", sent, test.sent)
				}
			})
		})
	}
}

func testRotation(t *testing.T, v Vendor) {
	fake, app := v.newApp(t)
	first := Consent(t, fake, app)
	second, err := app.Refresh(t.Context(), first)
	if err != nil || second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Fatalf("refresh: %v", err)
	}
	for range 3 { // a fake that has several shapes of this refusal sends them in turn
		_, err := app.Refresh(t.Context(), first)
		v.check(t, err, v.ErrGrant)
		if code := ErrorCode(err); !strings.HasSuffix(code, " invalid_grant") {
			t.Errorf("a token store reads %q", code)
		}
		if strings.Contains(err.Error(), first.RefreshToken) {
			t.Errorf("the refresh token is in %v", err)
		}
	}
}

func testNothingToRefresh(t *testing.T, v Vendor) {
	fake, app := v.newApp(t)
	for name, old := range map[string]*oauth2.Token{"no token": nil, "no refresh token": {AccessToken: "a"}} {
		if _, err := app.Refresh(t.Context(), old); !errors.Is(err, v.ErrInvalid) || len(fake.Requests()) > 0 {
			t.Errorf("%s: %v after %d requests, want ErrInvalid after none", name, err, len(fake.Requests()))
		}
	}
}

func testRefusals(t *testing.T, v Vendor) {
	refusals := append([]Refusal{
		{400, `{"error":"invalid_grant"}`, v.ErrGrant, "400 invalid_grant"},
		{401, `{"error":"invalid_grant"}`, v.ErrGrant, "401 invalid_grant"},
		{200, `{"error":"invalid_grant"}`, v.ErrGrant, "200 invalid_grant"},
		{408, `{"error":"invalid_grant"}`, v.ErrUnavailable, "none"},
		{502, `{"error":"invalid_grant"}`, v.ErrUnavailable, "none"},
		{502, `<html>`, v.ErrUnavailable, "none"},
		{302, ``, v.ErrUnavailable, "none"},
		{200, ``, v.ErrUnavailable, "none"},
		{200, `<html>`, v.ErrUnavailable, "none"},
		{200, `{"access_token":""}`, v.ErrUnavailable, "none"},
		{200, `{"access_token":null}`, v.ErrUnavailable, "none"},
		{200, `{"access_token":"two\nlines"}`, v.ErrUnavailable, "none"},
		{200, `{"access_token":"t","expires_in":"soon"}`, v.ErrUnavailable, "none"},
	}, v.Refusals...)
	for _, refusal := range refusals {
		t.Run(fmt.Sprint(refusal.Status, refusal.Body), func(t *testing.T) {
			t.Parallel()
			fake, app := v.newApp(t)
			fake.Fault(giveToken, fakes.Answering(refusal.Status, refusal.Body).Always())
			_, err := app.Refresh(t.Context(), &oauth2.Token{RefreshToken: "once"})
			v.check(t, err, refusal.Want)
			if got := ErrorCode(err); got != refusal.Code {
				t.Errorf("%v: a token store reads %q, want %q", err, got, refusal.Code)
			}
			if sent := len(fake.Requests(giveToken)); sent != 1 {
				t.Errorf("%d requests, want 1", sent)
			}
			if err != nil && !strings.Contains(err.Error(), ": refresh token: ") {
				t.Errorf("%v does not name the operation", err)
			}
		})
	}
}

func testSentOnce(t *testing.T, v Vendor) {
	faults := map[string]fakes.Fault{
		"reset before": fakes.ResettingBefore(), "reset after": fakes.ResettingAfter(), "cut off": fakes.Truncating(),
		"503": fakes.Answering(503, ""), "masked": fakes.Masking(504, "<html>"), "hangs": fakes.Hanging(),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake, app := v.newApp(t)
				token, code := Consent(t, fake, app), Agree(t, fake, app)
				before := len(fake.Requests(giveToken))
				fake.Fault(giveToken, fault.Always())
				_, refreshErr := app.Refresh(t.Context(), token)
				_, exchangeErr := app.Exchange(t.Context(), code, Verifier)
				for _, err := range []error{refreshErr, exchangeErr} {
					v.check(t, err, v.ErrUnavailable)
					if code := ErrorCode(err); code != "none" {
						t.Errorf("%v: a token store reads %q, want no answer", err, code)
					}
				}
				if sent := len(fake.Requests(giveToken)) - before; sent != 2 {
					t.Errorf("%d requests, want one of each", sent)
				}
			})
		})
	}
}

func testExpiry(t *testing.T, v Vendor) {
	tests := map[string]time.Duration{
		`{"access_token":"t","expires_in":3599}`:                  3599 * time.Second,
		`{"access_token":"t","expires_in":"600"}`:                 600 * time.Second,
		`{"access_token":"t"}`:                                    v.TokenLife,
		`{"access_token":"t","scope":null,"api_url":7}`:           v.TokenLife,
		`{"access_token":"t","expires_in":99999999999}`:           366 * 24 * time.Hour,
		`{"access_token":"t","expires_in":null,"id_token":"x.y"}`: v.TokenLife,
	}
	for answer, want := range tests {
		synctest.Test(t, func(t *testing.T) {
			fake, app := v.newApp(t)
			fake.Fault(giveToken, fakes.Answering(200, answer))
			token, err := app.Refresh(t.Context(), &oauth2.Token{RefreshToken: "once"})
			if err != nil {
				t.Fatal(err)
			}
			if life := time.Until(token.Expiry); life != want || token.TokenType != "Bearer" {
				t.Errorf("%s: a %s token for %s, want %s", answer, token.TokenType, life, want)
			}
		})
	}
}

func testSecretsInErrors(t *testing.T, v Vendor) {
	for _, status := range []int{200, 302, 400, 401, 429, 500} {
		for _, body := range v.ErrorBodies {
			synctest.Test(t, func(t *testing.T) { testSecretsInErrorsOf(t, v, status, body) })
		}
	}
}

func testSecretsInErrorsOf(t *testing.T, v Vendor, status int, body string) {
	const clientSecret, code, refresh, access = "s-client-secret", "s-code", "s-refresh-token", "s-access-token"
	secrets := strings.Join([]string{clientSecret, code, refresh, access, Verifier}, " ")
	fake, _, _ := v.NewFake()
	fake.Fault(fakes.Any, fakes.Answering(status, strings.ReplaceAll(body, "%s", secrets)).Always())
	app, err := v.NewApp("id", clientSecret, v.RedirectURL, fake.Transport())
	if err != nil {
		t.Fatal(err)
	}
	_, exchangeErr := app.Exchange(t.Context(), code, Verifier)
	noneOf(t, exchangeErr, clientSecret, code, Verifier)
	_, refreshErr := app.Refresh(t.Context(), &oauth2.Token{RefreshToken: refresh})
	noneOf(t, refreshErr, clientSecret, refresh)
	if app, ok := app.(revoker); ok {
		noneOf(t, app.Revoke(t.Context(), &oauth2.Token{AccessToken: access}), clientSecret, access)
	}
}

// noneOf reports the secrets that are in the text of err or of the answer that a token
// store finds in it.
func noneOf(t *testing.T, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
	}
	text := fmt.Sprintf("%v %+v", err, err)
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		text += fmt.Sprintf("%v %+v %s", answer, answer.Response, answer.Body)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
}
