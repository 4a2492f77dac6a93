package zoom_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

func TestHalfSetCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		auth zoom.Auth
		want string
	}{
		{"none", zoom.Auth{}, "zoom: authentication is missing"},
		{"no token source", zoom.UserToken(nil), "zoom: authentication is missing"},
		{"secret", zoom.ServerToServer("a", "b", " "), "zoom: server-to-server credentials lack the client secret"},
		{
			"all", zoom.ServerToServer("", "", ""),
			"zoom: server-to-server credentials lack the account id and the client id and the client secret",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := zoom.NewClient(test.auth)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestTokenRequest(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	// Bytes that tell the standard base64 alphabet from the URL-safe one, and account ids
	// that need escaping.
	client, err := zoom.NewClient(zoom.ServerToServer("acc&x=1", "id", "~~~???>>>"), zoom.WithTransport(fake.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	fake.Fault(zoomtest.GiveToken, zoomtest.Answer(200, `{"access_token":"t"}`))
	_, _ = client.Meeting(t.Context(), 1)
	request := fake.Requests(zoomtest.GiveToken)[0]

	if got, want := request.Host+request.Path, "zoom.us/oauth/token"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	if len(request.Query) != 0 {
		t.Errorf("query %v, want none", request.Query)
	}
	basic, _ := strings.CutPrefix(request.Header.Get("Authorization"), "Basic ")
	if plain, err := base64.StdEncoding.DecodeString(basic); err != nil || string(plain) != "id:~~~???>>>" {
		t.Errorf("Basic %q: %q, %v", basic, plain, err)
	}
	if got := request.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
		t.Errorf("Content-Type %q", got)
	}
	form, err := url.ParseQuery(string(request.Body))
	want := url.Values{"grant_type": {"account_credentials"}, "account_id": {"acc&x=1"}}
	if diff := cmp.Diff(want, form); diff != "" || err != nil {
		t.Errorf("form: %v (-want +got):\n%s", err, diff)
	}
}

func TestTokenIsCachedUntilAMinuteBeforeItsEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer string
		life   time.Duration
	}{
		{"as Zoom has it", `{"access_token":"t","expires_in":3599}`, 3599 * time.Second},
		{"as text", `{"access_token":"t","expires_in":"600"}`, 600 * time.Second},
		{"not said", `{"access_token":"t","scope":null}`, time.Hour},
		{"not believable", `{"access_token":"t","expires_in":99999999999}`, 24 * time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New()
				client := newClient(t, fake)
				fake.Fault(zoomtest.Any, zoomtest.Answer(404, `{"code":3001}`).Always())
				fake.Fault(zoomtest.GiveToken, zoomtest.Answer(200, test.answer).Always())
				tokensAfter := func(wait time.Duration) int {
					<-time.After(wait)
					_, _ = client.Meeting(t.Context(), 1)
					return len(fake.Requests(zoomtest.GiveToken))
				}
				got := []int{
					tokensAfter(0),
					tokensAfter(test.life - time.Minute - time.Second),
					tokensAfter(time.Second),
				}
				if diff := cmp.Diff([]int{1, 1, 2}, got); diff != "" {
					t.Errorf("tokens asked for (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAuthorizeGetsTheTokenAheadOfTheCall(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host))
	client := newClient(t, fake)
	if err := client.Authorize(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustCreate(t, client)
	if n := len(fake.Requests(zoomtest.GiveToken)); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

func TestCallerThatGivesUpLeavesTheTokenToTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host))
		client := newClient(t, fake)
		fake.Fault(zoomtest.GiveToken, zoomtest.Delay(2*time.Second))
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		var calls sync.WaitGroup
		calls.Go(func() {
			_, err := client.CreateMeeting(hasty, host, incident())
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, zoom.ErrInDoubt) {
				t.Errorf("the hasty one got %v", err)
			}
		})
		synctest.Wait() // the hasty one has begun the request
		calls.Go(func() { mustCreate(t, client) })
		calls.Wait()
		if tokens := len(fake.Requests(zoomtest.GiveToken)); tokens != 1 {
			t.Errorf("%d tokens were asked for, want 1", tokens)
		}
	})
}

func TestHangingTokenEndpointIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host))
		client := newClient(t, fake)
		fake.Fault(zoomtest.GiveToken, zoomtest.Hang().Always())
		begin := time.Now()
		_, err := client.CreateMeeting(t.Context(), host, incident())
		if diff := cmp.Diff([]string{"ErrUnavailable"}, reasons(err)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
		fake.ClearFaults()
		mustCreate(t, client)
	})
}

func TestExpiredTokenIsRenewedOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := zoomtest.New(zoomtest.WithUsers(host))
		client := newClient(t, fake)
		id := mustCreate(t, client).ID
		fake.ExpireTokens()
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				if _, err := client.Meeting(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if tokens := len(fake.Requests(zoomtest.GiveToken)); tokens != 2 {
			t.Errorf("%d tokens were asked for, want the first and one more", tokens)
		}
	})
}

func TestTokenRequestComesThroughWhatPasses(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]zoomtest.Fault{
		"down": zoomtest.Answer(503, ""), "lost answer": zoomtest.ResetAfter(), "short limit": zoomtest.Answer(429, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				fake.Fault(zoomtest.GiveToken, fault)
				mustCreate(t, newClient(t, fake))
				if tokens := len(fake.Requests(zoomtest.GiveToken)); tokens != 2 {
					t.Errorf("%d tokens were asked for, want 2", tokens)
				}
			})
		})
	}
}

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-secret"
	tests := []struct {
		name   string
		status int
		body   string
		want   []string
		text   string
	}{
		{
			"wrong client", 400, `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`,
			[]string{"ErrCredentials"},
			"invalid_client: Invalid client_id or client_secret",
		},
		{"wrong account", 400, `{"reason":"Bad Request","error":"invalid_request"}`, []string{"ErrCredentials"}, "invalid_request"},
		{"401", 401, `{"reason":"Invalid Token!","error":"invalid_request"}`, []string{"ErrCredentials"}, "Invalid Token!"},
		{"no reason", 400, `{"error":"invalid_grant"}`, []string{"ErrCredentials"}, "invalid_grant"},
		{"echo", 400, `{"error":"invalid_client","reason":"got hunter2-secret"}`, []string{"ErrCredentials"}, "got [redacted]"},
		{"rate limit", 429, `{"error":"x"}`, []string{"ErrRateLimited"}, "HTTP 429"},
		{"down", 503, `{"error":"x"}`, []string{"ErrUnavailable"}, "HTTP 503"},
		{"no token", 200, `{"access_token":""}`, []string{"ErrUnavailable"}, "no access token"},
		{"a page", 200, `<html>`, []string{"ErrUnavailable"}, "no access token"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake := zoomtest.New(zoomtest.WithUsers(host))
				fake.Fault(zoomtest.GiveToken, zoomtest.Answer(test.status, test.body).Always())
				client, err := zoom.NewClient(zoom.ServerToServer("a", "c", secret), zoom.WithTransport(fake.Transport()))
				if err != nil {
					t.Fatal(err)
				}
				_, err = client.CreateMeeting(t.Context(), host, incident())
				if diff := cmp.Diff(test.want, reasons(err)); diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if !strings.HasPrefix(err.Error(), "zoom: create meeting: token: ") || !strings.Contains(err.Error(), test.text) {
					t.Errorf("text %q, want the step and %q", err, test.text)
				}
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q holds the secret", err)
				}
				if got := asError(t, err).StatusCode; test.status != 200 && got != test.status {
					t.Errorf("status %d, want %d", got, test.status)
				}
			})
		})
	}
}

// tokens is a source that a program brings along.
type tokens struct {
	give    []*oauth2.Token
	err     error
	refused []string
}

func (s *tokens) Token(context.Context) (*oauth2.Token, error) {
	if s.err != nil {
		return nil, s.err
	}
	token := s.give[0]
	if len(s.give) > 1 {
		s.give = s.give[1:]
	}
	return token, nil
}

// renewable is one that can be told of a refusal.
type renewable struct{ tokens }

func (s *renewable) Invalidate(_ context.Context, token *oauth2.Token) {
	s.refused = append(s.refused, token.AccessToken)
}

func TestForeignTokenSource(t *testing.T) {
	t.Parallel()
	old, fresh := &oauth2.Token{AccessToken: "old"}, &oauth2.Token{AccessToken: "new"}
	expired := zoomtest.Answer(401, `{"code":124}`).Always()
	gone := errors.New("not installed")
	tests := []struct {
		name   string
		source zoom.TokenSource
		want   []string // reasons
		sent   int
	}{
		{"cannot renew", &tokens{give: []*oauth2.Token{old, fresh}}, []string{"ErrUnauthorized"}, 1},
		{"renews", &renewable{tokens{give: []*oauth2.Token{old, fresh}}}, []string{"ErrUnauthorized"}, 2},
		{"brings the same again", &renewable{tokens{give: []*oauth2.Token{old}}}, []string{"ErrUnauthorized"}, 1},
		{"has none", &tokens{err: gone}, nil, 0},
		{"gives nil", &tokens{give: []*oauth2.Token{nil}}, []string{"ErrUnauthorized"}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(host))
			fake.Fault(zoomtest.CreateMeeting, expired)
			client, err := zoom.NewClient(zoom.UserToken(test.source), zoom.WithTransport(fake.Transport()))
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.CreateMeeting(t.Context(), host, incident())
			if diff := cmp.Diff(test.want, reasons(err)); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if test.want == nil && !errors.Is(err, gone) {
				t.Errorf("%v hides the source's own error", err)
			}
			if sent := len(fake.Requests(zoomtest.CreateMeeting)); sent != test.sent {
				t.Errorf("%d creates were sent, want %d", sent, test.sent)
			}
			if source, ok := test.source.(*renewable); ok {
				if diff := cmp.Diff([]string{"old"}, source.refused); diff != "" {
					t.Errorf("told of (-want +got):\n%s", diff)
				}
			}
		})
	}
}
