package nethttp

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// callbackRequest is what the vendor sends the browser back with.
func callbackRequest(t *testing.T, state string, cookies ...*http.Cookie) *http.Request {
	t.Helper()
	query := url.Values{"code": {"a-code"}, "state": {state}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/oauth/zoom/callback?"+query.Encode(), http.NoBody)
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	return r
}

func begin(t *testing.T, states *oauthStates) newFlow {
	t.Helper()
	started, err := states.begin(t.Context(), forLogin, "/incidents/PABC123", json.RawMessage(`"payload"`))
	if err != nil {
		t.Fatal(err)
	}
	return started
}

func TestFlowFinishesInAnotherReplica(t *testing.T) {
	t.Parallel()
	store := tokenstore.NewMemory()
	started := begin(t, &oauthStates{store: store})

	got, err := (&oauthStates{store: store}).finish(t.Context(), callbackRequest(t, started.state, started.cookie))
	if err != nil {
		t.Fatal(err)
	}
	want := &flow{forLogin, started.verifier, "/incidents/PABC123", json.RawMessage(`"payload"`)}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(flow{})); diff != "" {
		t.Error(diff)
	}
}

func TestStateIsGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		states := &oauthStates{store: tokenstore.NewMemory()}
		tests := []struct {
			name string
			ask  func(mine, other newFlow) *http.Request
			want error
		}{
			{"in its browser", func(mine, _ newFlow) *http.Request {
				return callbackRequest(t, mine.state, mine.cookie)
			}, nil},
			{"beside another flow of the same browser", func(mine, other newFlow) *http.Request {
				return callbackRequest(t, mine.state, other.cookie, mine.cookie)
			}, nil},
			{"just in time", func(mine, _ newFlow) *http.Request {
				time.Sleep(stateLife - time.Millisecond)
				return callbackRequest(t, mine.state, mine.cookie)
			}, nil},
			{"not without a state", func(mine, _ newFlow) *http.Request {
				return callbackRequest(t, "", mine.cookie)
			}, errNoState},
			{"not when it was changed", func(mine, _ newFlow) *http.Request {
				return callbackRequest(t, mine.state+"A", mine.cookie)
			}, errUnknownState},
			{"not in a browser without the cookie", func(mine, _ newFlow) *http.Request {
				return callbackRequest(t, mine.state)
			}, errOtherBrowser},
			{"not in the browser of another flow", func(mine, other newFlow) *http.Request {
				return callbackRequest(t, mine.state, other.cookie)
			}, errOtherBrowser},
			{"not with a cookie of the right name alone", func(mine, other newFlow) *http.Request {
				forged := *mine.cookie
				forged.Value = other.cookie.Value
				return callbackRequest(t, mine.state, &forged)
			}, errOtherBrowser},
			{"not after ten minutes", func(mine, _ newFlow) *http.Request {
				time.Sleep(stateLife)
				return callbackRequest(t, mine.state, mine.cookie)
			}, errExpiredState},
		}
		for _, tt := range tests {
			mine, other := begin(t, states), begin(t, states)
			if _, err := states.finish(t.Context(), tt.ask(mine, other)); !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
			}
		}
	})
}

func TestStateIsGoodOnce(t *testing.T) {
	t.Parallel()
	states := &oauthStates{store: tokenstore.NewMemory()}
	started := begin(t, states)

	const browsers = 8
	results := make([]error, browsers)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { _, results[i] = states.finish(t.Context(), callbackRequest(t, started.state, started.cookie)) })
	}
	all.Wait()

	good := 0
	for _, err := range results {
		if err == nil {
			good++
		} else if !errors.Is(err, errUsedState) {
			t.Errorf("got %v, want %v", err, errUsedState)
		}
	}
	if good != 1 {
		t.Errorf("the state was good %d times", good)
	}
}

func TestCallbackOfAnotherBrowserChangesNothing(t *testing.T) {
	t.Parallel()
	states := &oauthStates{store: tokenstore.NewMemory()}
	started := begin(t, states)
	if _, err := states.finish(t.Context(), callbackRequest(t, started.state)); !errors.Is(err, errOtherBrowser) {
		t.Fatalf("got %v", err)
	}
	if _, err := states.finish(t.Context(), callbackRequest(t, started.state, started.cookie)); err != nil {
		t.Errorf("the right browser was refused afterwards: %v", err)
	}
}

func TestFlowCookieIsForThisHostOnly(t *testing.T) {
	t.Parallel()
	for secure, want := range map[bool]string{
		true:  "Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
		false: "Path=/; Max-Age=3600; HttpOnly; SameSite=Lax",
	} {
		cookie := begin(t, &oauthStates{store: tokenstore.NewMemory(), secure: secure}).cookie
		_, attributes, _ := strings.Cut(cookie.String(), "; ")
		if attributes != want {
			t.Errorf("secure %v: got %q, want %q", secure, attributes, want)
		}
		if strings.HasPrefix(cookie.Name, "__Host-") != secure {
			t.Errorf("secure %v: the cookie is called %s", secure, cookie.Name)
		}
	}
}

func TestSeveralCookiesAreSet(t *testing.T) {
	t.Parallel()
	a := response{}.withCookie(&http.Cookie{Name: "a", Value: "1"})
	both := a.withCookie(&http.Cookie{Name: "b", Value: "2"})
	if diff := cmp.Diff([]string{"a=1", "b=2"}, both.header.Values("Set-Cookie")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a=1"}, a.header.Values("Set-Cookie")); diff != "" {
		t.Error("the first response was changed", diff)
	}
}

func TestUsedStateKeepsNoSecret(t *testing.T) {
	t.Parallel()
	store := tokenstore.NewMemory()
	states := &oauthStates{store: store}
	started := begin(t, states)
	if _, err := states.finish(t.Context(), callbackRequest(t, started.state, started.cookie)); err != nil {
		t.Fatal(err)
	}
	stored, err := store.Get(t.Context(), stateKey(started.state))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{started.verifier, started.cookie.Value, "payload"} {
		if strings.Contains(string(stored.Value), secret) {
			t.Errorf("%s is still there: %s", secret, stored.Value)
		}
	}
}

func TestReturnPathIsLocal(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/incidents/PABC123":   "/incidents/PABC123",
		"":                     "/",
		"https://evil.example": "/",
		"//evil.example":       "/",
		`/\evil.example`:       "/",
		"/a\r\nSet-Cookie: x":  "/",
		"/\t/evil.example":     "/",
		"/\x00/evil.example":   "/",
	} {
		if got := localPath(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}
