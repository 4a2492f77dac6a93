package oauthtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/fakes"
)

// A verifier and its challenge, of RFC 7636, appendix B.
const (
	Verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// giveToken is the operation of the token endpoint in both fakes.
const giveToken = "give_token"

// App is what zoom.OAuth and pagerduty.OAuth have in common.
type App interface {
	AuthCodeURL(state, verifier string) string
	Exchange(ctx context.Context, code, verifier string) (*oauth2.Token, error)
	Refresh(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error)
}

// revoker is an App whose vendor can revoke a token.
type revoker interface {
	Revoke(ctx context.Context, token *oauth2.Token) error
}

// Fake is what zoomtest.Server and pagerdutytest.Server have in common.
type Fake interface {
	Transport() http.RoundTripper
	Fault(op string, faults ...fakes.Fault)
	Requests(ops ...string) []fakes.Request
}

// Vendor is a vendor's app and fake, and what is special about them.
type Vendor struct {
	// NewFake returns a fake with somebody who consents, and the credentials of its app.
	NewFake func() (fake Fake, clientID, clientSecret string)
	// NewApp returns the app with those credentials, or the error of its constructor.
	NewApp func(clientID, clientSecret, redirectURL string, transport http.RoundTripper) (App, error)

	RedirectURL string
	CodeLife    time.Duration // of an authorization code
	TokenLife   time.Duration // of an access token whose answer does not say

	// Sentinels are all of the client's. An error must match those that are expected and
	// no others.
	Sentinels      []error
	ErrGrant       error
	ErrInvalid     error
	ErrUnavailable error

	Refusals []Refusal // by the token endpoint

	// ErrorBodies are answers that repeat secrets, each in the place of "%s".
	ErrorBodies []string
}

// Refusal is an answer of the token endpoint, and what a caller and a token store make of
// it.
type Refusal struct {
	Status int
	Body   string
	Want   error
	Code   string // for the token store, see [ErrorCode]
}

// newApp returns a fake and its app.
func (v Vendor) newApp(t *testing.T) (Fake, App) {
	t.Helper()
	fake, id, secret := v.NewFake()
	app, err := v.NewApp(id, secret, v.RedirectURL, fake.Transport())
	if err != nil {
		t.Fatal(err)
	}
	return fake, app
}

// check reports the sentinels that err matches and should not, or should and does not.
func (v Vendor) check(t *testing.T, err, want error) {
	t.Helper()
	for _, sentinel := range v.Sentinels {
		if errors.Is(err, sentinel) != errors.Is(want, sentinel) {
			t.Errorf("got %v, want %v: one is %q and the other is not", err, want, sentinel)
		}
	}
}

// Agree opens the authorize page as a browser does, and returns the code that it comes
// back with.
func Agree(t *testing.T, fake Fake, app App) string {
	t.Helper()
	page := app.AuthCodeURL("state", Verifier)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := fake.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	redirect, _, _ := strings.Cut(r.URL.Query().Get("redirect_uri"), "?")
	if err != nil || !strings.HasPrefix(back.String(), redirect) || back.Query().Get("state") != "state" {
		t.Fatalf("the page leads to %v, %v; want %s with the state", back, err, redirect)
	}
	return back.Query().Get("code")
}

// Consent returns the token of a new consent.
func Consent(t *testing.T, fake Fake, app App) *oauth2.Token {
	t.Helper()
	token, err := app.Exchange(t.Context(), Agree(t, fake, app), Verifier)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// ErrorCode returns what a token store reads of a refusal: the status and OAuth's error
// code, or "none" when it must treat the error as no answer.
func ErrorCode(err error) string {
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Sprintf("%d %s", answer.Response.StatusCode, answer.ErrorCode)
	}
	return "none"
}
