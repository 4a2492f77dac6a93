package pagerduty_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// newClient returns a client of the fake.
func newClient(t *testing.T, fake *pagerdutytest.Server, opts ...pagerduty.Option) *pagerduty.Client {
	t.Helper()
	opts = append([]pagerduty.Option{pagerduty.WithTransport(fake.Transport())}, opts...)
	client, err := pagerduty.NewClient(pagerduty.APIKey(fake.Key(), fake.From()), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// roundTripper is a transport made of one function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// tokens is a TokenSource that gives one token after the other, a new one after each
// Invalidate.
type tokens struct {
	list    []string
	refused []string
	err     error
}

func (s *tokens) Token(context.Context) (*oauth2.Token, error) {
	if s.err != nil {
		return nil, s.err
	}
	return &oauth2.Token{AccessToken: s.list[len(s.refused)]}, nil
}

func (s *tokens) Invalidate(_ context.Context, token *oauth2.Token) {
	s.refused = append(s.refused, token.AccessToken)
}

func TestNewClientChecksItsArguments(t *testing.T) {
	t.Parallel()
	key := pagerduty.APIKey("key", "oncall@example.com")
	app := pagerduty.AppToken("id", "secret", "acme")
	from := pagerduty.WithFrom("oncall@example.com")
	tests := []struct {
		name string
		auth pagerduty.Auth
		opts []pagerduty.Option
		want string // part of the error; empty: none
	}{
		{"key and address", key, nil, ""},
		{"user token", pagerduty.UserToken(&tokens{}), nil, ""},
		{"no authentication", pagerduty.Auth{}, nil, "authentication is missing"},
		{"no token source", pagerduty.UserToken(nil), nil, "authentication is missing"},
		{"no key", pagerduty.APIKey("", "oncall@example.com"), nil, "API key is empty"},
		{"no address", pagerduty.APIKey("key", ""), nil, "from must be"},
		{"address of nobody", pagerduty.APIKey("key", "oncall"), nil, "from must be"},
		{"address with a line break", pagerduty.APIKey("key", "a@b.c\r\nX: y"), nil, "from must be"},
		{"key with a line break", pagerduty.APIKey("key\n", "oncall@example.com"), nil, "API key has"},
		{"region", key, []pagerduty.Option{pagerduty.WithRegion(pagerduty.EU)}, ""},
		{"region from a setting", key, []pagerduty.Option{pagerduty.WithRegion("us")}, ""},
		{"unknown region", key, []pagerduty.Option{pagerduty.WithRegion("apac")}, "neither us nor eu"},
		{"https base", key, []pagerduty.Option{pagerduty.WithBaseURL("https://proxy.example.com/pd")}, ""},
		{"loopback base", key, []pagerduty.Option{pagerduty.WithBaseURL("http://127.0.0.1:8080")}, ""},
		{"loopback base by name", key, []pagerduty.Option{pagerduty.WithBaseURL("http://localhost:8080")}, ""},
		{"loopback base in IPv6", key, []pagerduty.Option{pagerduty.WithBaseURL("http://[::1]:8080")}, ""},
		{"clear text base", key, []pagerduty.Option{pagerduty.WithBaseURL("http://example.com")}, "must be https"},
		{"base without host", key, []pagerduty.Option{pagerduty.WithBaseURL("api.pagerduty.com")}, "base URL: not an absolute URL"},
		{"base with a user", key, []pagerduty.Option{pagerduty.WithBaseURL("https://a:b@example.com")}, "base URL: must not have userinfo"},
		{"base with a query", key, []pagerduty.Option{pagerduty.WithBaseURL("https://example.com?a=b")}, "base URL: must not have userinfo, query"},
		{"empty base", key, []pagerduty.Option{pagerduty.WithBaseURL("")}, "base URL: not an absolute URL"},
		{"OAuth elsewhere", key, []pagerduty.Option{pagerduty.WithOAuthURL("https://proxy.example.com/oauth")}, ""},
		{"OAuth in clear text", key, []pagerduty.Option{pagerduty.WithOAuthURL("http://example.com/oauth")}, "OAuth URL: must be https"},
		{"app", app, []pagerduty.Option{from}, ""},
		{"app of the same subdomain", app, []pagerduty.Option{from, pagerduty.WithSubdomain("ACME")}, ""},
		{"app of another subdomain", app, []pagerduty.Option{from, pagerduty.WithSubdomain("other")}, "of another subdomain"},
		{"app that writes as nobody", app, nil, "WithFrom is missing"},
		{"app without an id", pagerduty.AppToken("", "secret", "acme"), []pagerduty.Option{from}, "client id is empty"},
		{"app without a secret", pagerduty.AppToken("id", " ", "acme"), []pagerduty.Option{from}, "client secret is empty"},
		{"app without an account", pagerduty.AppToken("id", "secret", ""), []pagerduty.Option{from}, "subdomain must be"},
		{"app of a host", pagerduty.AppToken("id", "secret", "acme.pagerduty.com"), []pagerduty.Option{from}, "subdomain must be"},
		{"app with two scopes in one", app, []pagerduty.Option{from, pagerduty.WithScopes("a b")}, "scopes must be"},
		{"app with no scopes", app, []pagerduty.Option{from, pagerduty.WithScopes()}, "scopes must be"},
		{"user who writes as somebody", pagerduty.UserToken(&tokens{}), []pagerduty.Option{from}, ""},
		{"key that writes as two", key, []pagerduty.Option{from}, "leave WithFrom out"},
		{"from nobody", app, []pagerduty.Option{pagerduty.WithFrom("oncall")}, "from must be"},
		{"subdomain that is a host", key, []pagerduty.Option{pagerduty.WithSubdomain("acme.pagerduty.com")}, "subdomain must be"},
		{"subdomain of PagerDuty's own", key, []pagerduty.Option{pagerduty.WithSubdomain("app")}, "subdomain must be"},
		{"nil transport", key, []pagerduty.Option{pagerduty.WithTransport(nil)}, "transport is nil"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, err := pagerduty.NewClient(tt.auth, tt.opts...)
			if tt.want == "" && (err != nil || client == nil) {
				t.Fatalf("NewClient = %v, %v; want a client", client, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestClientCallsTheRightHost(t *testing.T) {
	t.Parallel()
	base := pagerduty.WithBaseURL("https://proxy.example.com/pd/")
	tests := []struct {
		name string
		opts []pagerduty.Option
		want string
	}{
		{"US is the default", nil, "https://api.pagerduty.com/users/P1"},
		{"EU", []pagerduty.Option{pagerduty.WithRegion(pagerduty.EU)}, "https://api.eu.pagerduty.com/users/P1"},
		{"below a path", []pagerduty.Option{base}, "https://proxy.example.com/pd/users/P1"},
		{
			"base after region",
			[]pagerduty.Option{pagerduty.WithRegion(pagerduty.EU), base},
			"https://proxy.example.com/pd/users/P1",
		},
		{
			"region after base",
			[]pagerduty.Option{base, pagerduty.WithRegion(pagerduty.EU)},
			"https://proxy.example.com/pd/users/P1",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got string
			fake := pagerdutytest.New()
			transport := roundTripper(func(r *http.Request) (*http.Response, error) {
				got = r.URL.String()
				return fake.Transport().RoundTrip(r)
			})
			client := newClient(t, fake, append(tt.opts, pagerduty.WithTransport(transport))...)
			_, _ = client.User(t.Context(), "P1")
			if got != tt.want {
				t.Errorf("called %s, want %s", got, tt.want)
			}
		})
	}
}

func TestClientSendsPagerDutysHeaders(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithKey("the-key"))
	id := fake.AddIncident("down")
	if err := newClient(t, fake).AddNote(t.Context(), id, "hello"); err != nil {
		t.Fatal(err)
	}
	header := fake.Requests()[0].Header
	want := map[string]string{
		"Authorization": "Token token=the-key",
		"Accept":        "application/vnd.pagerduty+json;version=2",
		"Content-Type":  "application/json",
		"From":          fake.From(),
	}
	for name, value := range want {
		if diff := cmp.Diff([]string{value}, header.Values(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestClientOverASocket(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	t.Cleanup(fake.Close)
	id := fake.AddIncident("down")
	client, err := pagerduty.NewClient(
		pagerduty.APIKey(fake.Key(), fake.From()), pagerduty.WithBaseURL(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Incident(t.Context(), id); err != nil {
		t.Errorf("read: %v", err)
	}
	fake.Fault(pagerdutytest.UpdateIncident, pagerdutytest.ResetAfter(), pagerdutytest.Truncate())
	if _, err := client.SetConferenceBridge(t.Context(), id, someBridge); err != nil {
		t.Errorf("write: %v", err)
	}
	fake.Fault(pagerdutytest.AddNote, pagerdutytest.ResetAfter())
	if err := client.AddNote(t.Context(), id, "hello"); !errors.Is(err, pagerduty.ErrInDoubt) {
		t.Errorf("note: %v, want doubt", err)
	}
	writes, notes := len(fake.Requests(pagerdutytest.UpdateIncident)), len(fake.Requests(pagerdutytest.AddNote))
	if writes != 3 || notes != 1 {
		t.Errorf("%d writes and %d notes were sent, want 3 and 1", writes, notes)
	}
}

func TestUserTokenIsRenewedOnceAfterA401(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		good    string // the only token that PagerDuty takes
		want    error
		refused []string
		calls   int
	}{
		{"first is good", "one", nil, nil, 1},
		{"second is good", "two", nil, []string{"one"}, 2},
		{"none is good", "four", pagerduty.ErrUnauthorized, []string{"one"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake := pagerdutytest.New()
			id := fake.AddIncident("down")
			transport := roundTripper(func(r *http.Request) (*http.Response, error) {
				r = r.Clone(r.Context())
				if r.Header.Get("Authorization") == "Bearer "+tt.good {
					r.Header.Set("Authorization", "Token token="+fake.Key())
					r.Header.Set("From", fake.From()) // whose token it is
				}
				return fake.Transport().RoundTrip(r)
			})
			source := &tokens{list: []string{"one", "two", "three"}}
			client, err := pagerduty.NewClient(pagerduty.UserToken(source), pagerduty.WithTransport(transport))
			if err != nil {
				t.Fatal(err)
			}
			err = client.AddNote(t.Context(), id, "hello")
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if diff := cmp.Diff(tt.refused, source.refused); diff != "" {
				t.Errorf("refused tokens (-want +got):\n%s", diff)
			}
			if got := len(fake.Requests()); got != tt.calls {
				t.Errorf("%d calls, want %d", got, tt.calls)
			}
		})
	}
}

func TestNoTokenMeansNoCall(t *testing.T) {
	t.Parallel()
	notInstalled := errors.New("not installed")
	tests := map[string]struct {
		source *tokens
		want   error
	}{
		"source fails":    {&tokens{err: notInstalled}, notInstalled},
		"empty token":     {&tokens{list: []string{""}}, nil},
		"token of spaces": {&tokens{list: []string{"a b"}}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := pagerdutytest.New()
			client, err := pagerduty.NewClient(pagerduty.UserToken(tt.source), pagerduty.WithTransport(fake.Transport()))
			if err != nil {
				t.Fatal(err)
			}
			err = client.AddNote(t.Context(), "P1", "hello")
			var typed *pagerduty.Error
			if !errors.As(err, &typed) || (tt.want != nil && !errors.Is(err, tt.want)) {
				t.Errorf("error %v, want an *Error with %v", err, tt.want)
			}
			if errors.Is(err, pagerduty.ErrInDoubt) || errors.Is(err, pagerduty.ErrUnavailable) {
				t.Errorf("error %v blames PagerDuty, which was never asked", err)
			}
			if calls := fake.Requests(); len(calls) > 0 {
				t.Errorf("%d calls, want none", len(calls))
			}
		})
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3tNobodyMaySee"
	auth := pagerduty.APIKey(secret, "oncall@example.com")
	client, err := pagerduty.NewClient(auth)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := pagerduty.NewVerifier([]string{secret})
	if err != nil {
		t.Fatal(err)
	}
	bridge := pagerduty.ConferenceBridge{URL: secret, DialIn: secret}
	for name, value := range map[string]any{
		"auth": auth, "client": client, "verifier": verifier, "bridge": bridge,
		"incident": pagerduty.Incident{ConferenceBridge: &bridge}, "pointer": &bridge,
	} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(format, value)
			if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) ||
				strings.Contains(text, fmt.Sprint([]byte(secret))) {
				t.Errorf("%s as %s prints its secret: %s", name, format, text)
			}
		}
	}
	for name, value := range map[string]any{"auth": auth, "client": client, "verifier": verifier} {
		if text, err := json.Marshal(value); err == nil && strings.Contains(string(text), secret) {
			t.Errorf("%s as JSON shows its secret: %s", name, text)
		}
	}
}
