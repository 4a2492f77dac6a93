package httpx_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

func TestErrorsSayWhatFailedAndWhere(t *testing.T) {
	t.Parallel()
	client := newClient(t, httpx.Config{MaxAttempts: 1, Transport: transport(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errReset}
	})})
	req := newRequest(t, "POST", "https://api.zoom.us/v2/users/a%2Fb/meetings?secret=1", "body")
	_, err := client.Do(req)
	const want = "POST api.zoom.us/v2/users/a%2Fb/meetings: never sent: dial tcp: connection reset by peer"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	got := fault(t, err)
	if got.Method != "POST" || got.Host != "api.zoom.us" || got.Path != "/v2/users/a%2Fb/meetings" || got.Sent {
		t.Errorf("got %+v", got)
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	closed := newServer(t, nil)
	closed.Close()
	host := strings.TrimPrefix(closed.URL, "http://")
	says := func(say func(*http.Request) error) http.RoundTripper {
		return transport(func(r *http.Request) (*http.Response, error) { return nil, say(r) })
	}
	for _, test := range []struct {
		name      string
		url       string
		transport http.RoundTripper
	}{
		{"a refused dial", "http://user:hunter2@" + host + "/path?token=hunter2#hunter2", nil},
		{"a scheme nobody speaks", "gopher://user:hunter2@zoom.us/?token=hunter2", nil},
		{"a proxy nobody can read", "http://zoom.us/", &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
			_, err := url.Parse("http://user:hunter2:hunter2@proxy?hunter2")
			return nil, fmt.Errorf("invalid proxy address %q: %w", "http://user:hunter2@proxy:80/", err)
		}}},
		{"a proxy that refuses", "https://zoom.us/", &http.Transport{
			Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: host, User: url.UserPassword("user", "hunter2")}),
		}},
		{"a transport that tells all", "https://zoom.us/?token=hunter2", says(func(r *http.Request) error {
			return fmt.Errorf("sending %s with %v", r.URL, r.Header)
		})},
		{"a transport that wraps", "https://zoom.us/?token=hunter2", says(func(r *http.Request) error {
			return fmt.Errorf("outer: %w", &url.Error{Op: "Post", URL: r.URL.String(), Err: errReset})
		})},
		{"a redirect nobody can read", "https://zoom.us/", transport(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/next" {
				return nil, errors.New("failed after " + r.URL.String())
			}
			return answer(307, "", "Location", "/next?token=hunter2"), nil
		})},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, httpx.Config{MaxAttempts: 1, Transport: test.transport})
			req := newRequest(t, "POST", test.url, "body")
			req.Header.Set("Authorization", "Bearer hunter2")
			_, err := client.Do(req)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err), fmt.Sprintf("%+v", *fault(t, err))} {
				if strings.Contains(text, "hunter2") {
					t.Errorf("the secret shows: %s", text)
				}
			}
			var found *url.Error
			if errors.As(err, &found) && strings.Contains(fmt.Sprint(found, *found), "hunter2") {
				t.Errorf("the secret shows in the URL's error: %v", found)
			}
		})
	}
}

func TestARequestWithoutAURL(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, httpx.Config{}).Do((&http.Request{}).WithContext(t.Context()))
	if fault(t, err).Sent {
		t.Errorf("got %v, want it never sent", err)
	}
}
