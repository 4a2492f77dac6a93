package pagerduty_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/pagerduty/pagerdutytest"
)

// newAppClient returns a client of the fake that authenticates as its app.
func newAppClient(t *testing.T, fake *pagerdutytest.Server, opts ...pagerduty.Option) *pagerduty.Client {
	t.Helper()
	id, secret, account := fake.Credentials()
	opts = append([]pagerduty.Option{pagerduty.WithTransport(fake.Transport()), pagerduty.WithFrom(fake.From())}, opts...)
	client, err := pagerduty.NewClient(pagerduty.AppToken(id, secret, account), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestAppTokenIsAskedForAsDocumented(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	if err := newAppClient(t, fake).AddNote(t.Context(), id, "hello"); err != nil {
		t.Fatal(err)
	}
	asked := fake.Requests(pagerdutytest.GiveToken)[0]
	if got := asked.Method + " " + asked.Host + asked.Path; got != "POST identity.pagerduty.com/oauth/token" {
		t.Errorf("asked %s", got)
	}
	clientID, secret, _ := fake.Credentials() // the secret has bytes that need escaping
	form, err := url.ParseQuery(string(asked.Body))
	want := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret},
		"scope": {"as_account-us.example abilities.read incidents.read incidents.write teams.read users.read"},
	}
	if diff := cmp.Diff(want, form); diff != "" || err != nil {
		t.Errorf("form: %v (-want +got):\n%s", err, diff)
	}
	if len(asked.Query) > 0 || asked.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("query %v, content type %q", asked.Query, asked.Header.Get("Content-Type"))
	}
	note := fake.Requests(pagerdutytest.AddNote)[0]
	if !strings.HasPrefix(note.Header.Get("Authorization"), "Bearer pdus+") || note.Header.Get("From") != fake.From() {
		t.Errorf("sent %q from %q, want the app's token and From", note.Header.Get("Authorization"), note.Header.Get("From"))
	}
}

func TestAppTokenOfTheEU(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithEU())
	id := fake.AddIncident("down")
	if _, err := newAppClient(t, fake, pagerduty.WithRegion(pagerduty.EU)).Incident(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	var hosts []string
	for _, r := range fake.Requests() {
		hosts = append(hosts, r.Host)
	}
	if diff := cmp.Diff([]string{"identity.pagerduty.com", "api.eu.pagerduty.com"}, hosts); diff != "" {
		t.Errorf("hosts (-want +got): there is no identity host of the EU\n%s", diff)
	}
	_, err := newAppClient(t, fake).Incident(t.Context(), id) // the US, where the account is not
	checkError(t, err, []error{pagerduty.ErrCredentials}, []error{pagerduty.ErrInDoubt, pagerduty.ErrUnavailable})
}

func TestAppTokenIsAskedForWhereTheOptionSays(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	t.Cleanup(fake.Close)
	id, secret, account := fake.Credentials()
	client, err := pagerduty.NewClient(pagerduty.AppToken(id, secret, account), pagerduty.WithFrom(fake.From()),
		pagerduty.WithBaseURL(fake.URL()), pagerduty.WithOAuthURL(fake.URL()+"/oauth/"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Incident(t.Context(), fake.AddIncident("down")); err != nil {
		t.Error(err)
	}
}

func TestAppTokenLivesAsLongAsItsAnswerSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer string
		life         time.Duration
	}{
		{"told", `{"access_token":"t","expires_in":864000}`, 864000 * time.Second},
		{"as text", `{"access_token":"t","expires_in":"600"}`, 600 * time.Second},
		{"not told", `{"access_token":"t"}`, 24 * time.Hour},
		{"not believable", `{"access_token":"t","expires_in":99999999999}`, 366 * 24 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := pagerdutytest.New()
				fake.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(200, tt.answer).Always())
				fake.Fault(pagerdutytest.GetIncident, pagerdutytest.Answer(404, "").Always())
				client := newAppClient(t, fake)
				asked := func() int {
					_, _ = client.Incident(t.Context(), "P1")
					return len(fake.Requests(pagerdutytest.GiveToken))
				}
				before := asked()
				time.Sleep(tt.life - time.Minute - time.Second)
				kept := asked()
				time.Sleep(2 * time.Second)
				if renewed := asked(); before != 1 || kept != 1 || renewed != 2 {
					t.Errorf("asked %d, %d and %d times, want 1, 1 and 2", before, kept, renewed)
				}
			})
		})
	}
}

func TestAppTokenIsRenewedOnceAfterA401(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id := fake.AddIncident("down")
	client := newAppClient(t, fake)
	for range 2 {
		if err := client.AddNote(t.Context(), id, "hello"); err != nil {
			t.Error(err)
		}
		fake.ExpireTokens()
	}
	if notes, asked := len(fake.Incident(id).Notes), len(fake.Requests(pagerdutytest.GiveToken)); notes != 2 || asked != 2 {
		t.Errorf("%d notes with %d tokens, want 2 with 2", notes, asked)
	}
	fake.Fault(pagerdutytest.AddNote, pagerdutytest.Answer(401, pagerdutytest.ErrorBody(2006, "No")).Always())
	before := len(fake.Requests(pagerdutytest.AddNote))
	if err := client.AddNote(t.Context(), id, "hello"); !errors.Is(err, pagerduty.ErrUnauthorized) {
		t.Errorf("error %v, want ErrUnauthorized", err)
	}
	if got := len(fake.Requests(pagerdutytest.AddNote)) - before; got != 2 {
		t.Errorf("%d requests, want two and no more", got)
	}
}

func TestAppTokenIsSharedByAllWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := pagerdutytest.New()
		id := fake.AddIncident("down")
		fake.Fault(pagerdutytest.GiveToken, pagerdutytest.Delay(5*time.Second))
		client := newAppClient(t, fake)
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if i == 0 { // who started it gives up
					cancel()
				}
				if _, err := client.Incident(ctx, id); (i == 0) != errors.Is(err, context.Canceled) {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		group.Wait()
		if got := len(fake.Requests(pagerdutytest.GiveToken)); got != 1 {
			t.Errorf("%d requests for a token, want 1", got)
		}
	})
}

func TestAppTokenNamesTheScopesThatItLacks(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New(pagerdutytest.WithAppScopes("incidents.read", "users.read", "abilities.read"))
	id := fake.AddIncident("down")
	client := newAppClient(t, fake)
	if _, err := client.Incident(t.Context(), id); err != nil {
		t.Fatalf("what it may do fails: %v", err)
	}
	_, err := client.SetConferenceBridge(t.Context(), id, someBridge)
	checkError(t, err, []error{pagerduty.ErrMissingScopes, pagerduty.ErrForbidden}, []error{pagerduty.ErrInDoubt})
	var typed *pagerduty.Error
	if !errors.As(err, &typed) {
		t.Fatalf("error %v is no *Error", err)
	}
	want := []string{"incidents.write", "teams.read"}
	if diff := cmp.Diff(want, typed.Scopes); diff != "" || !strings.Contains(err.Error(), "incidents.write") {
		t.Errorf("scopes of %v (-want +got):\n%s", err, diff)
	}
	missing, err := client.MissingScopes(t.Context())
	if diff := cmp.Diff(want, missing); diff != "" || err != nil {
		t.Errorf("missing scopes: %v (-want +got):\n%s", err, diff)
	}
}

func TestMissingScopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer string // of the token endpoint; empty: the fake's own
		opts         []pagerduty.Option
		want         []string
	}{
		{"all granted", "", nil, nil},
		{"others asked for", "", []pagerduty.Option{pagerduty.WithScopes("extensions.write", "nothing.read")}, []string{"nothing.read"}},
		{"answer does not say", `{"access_token":"t"}`, nil, nil},
		{"nothing granted", `{"access_token":"t","scope":""}`, []pagerduty.Option{pagerduty.WithScopes("users.read")}, []string{"users.read"}},
		{"null is not said", `{"access_token":"t","scope":null}`, []pagerduty.Option{pagerduty.WithScopes("users.read")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake := pagerdutytest.New()
			if tt.answer != "" {
				fake.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(200, tt.answer))
			}
			got, err := newAppClient(t, fake, tt.opts...).MissingScopes(t.Context())
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("missing scopes: %v (-want +got):\n%s", err, diff)
			}
		})
	}
	fake := pagerdutytest.New()
	if missing, err := newClient(t, fake).MissingScopes(t.Context()); missing != nil || err != nil || len(fake.Requests()) > 0 {
		t.Errorf("an API key lacks %v, %v after %d calls; want nothing and no call", missing, err, len(fake.Requests()))
	}
	fake.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(401, `{"error":"invalid_client"}`))
	_, err := newAppClient(t, fake).MissingScopes(t.Context())
	checkError(t, err, []error{pagerduty.ErrCredentials}, nil)
}

func TestAppTokenRefusedSaysWhyWithoutTheSecret(t *testing.T) {
	t.Parallel()
	fake := pagerdutytest.New()
	id, secret, account := fake.Credentials()
	fake.Fault(pagerdutytest.GiveToken, pagerdutytest.Answer(401, fmt.Sprintf(
		`{"error":"invalid_client","error_description":"the secret %s is wrong"}`, secret)))
	client, err := pagerduty.NewClient(pagerduty.AppToken(id, secret, account),
		pagerduty.WithFrom(fake.From()), pagerduty.WithTransport(fake.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Incident(t.Context(), "P1")
	checkError(t, err, []error{pagerduty.ErrCredentials}, []error{pagerduty.ErrUnavailable})
	for _, want := range []string{"invalid_client", "is wrong", "get incident of P1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("error shows the secret: %v", err)
	}
	if calls := fake.Requests(pagerdutytest.GetIncident); len(calls) > 0 {
		t.Error("the incident was asked for without a token")
	}
}
