package httpx_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/internal/httpx"
)

func TestRedirects(t *testing.T) {
	t.Parallel()
	const first = "https://api.zoom.us/v2/users"
	follow := func(method, url, body string) []string {
		return []string{method + " " + first + " " + body, method + " " + url + " " + body}
	}
	for _, test := range []struct {
		name     string
		method   string
		status   int
		location string
		want     []string // the requests the vendor saw; nil: the first alone, whose 3xx is the answer
	}{
		{"GET 301", "GET", 301, "/v3", follow("GET", "https://api.zoom.us/v3", "")},
		{"GET 302", "GET", 302, "/v3", follow("GET", "https://api.zoom.us/v3", "")},
		{"GET 303", "GET", 303, "/v3", follow("GET", "https://api.zoom.us/v3", "")},
		{"GET 307", "GET", 307, "/v3", follow("GET", "https://api.zoom.us/v3", "")},
		{"GET 308", "GET", 308, "/v3", follow("GET", "https://api.zoom.us/v3", "")},
		{"HEAD 302", "HEAD", 302, "/v3", follow("HEAD", "https://api.zoom.us/v3", "")},
		{"POST 301", "POST", 301, "/v3", nil},
		{"POST 302", "POST", 302, "/v3", nil},
		{"POST 303", "POST", 303, "/v3", nil},
		{"POST 307", "POST", 307, "/v3", follow("POST", "https://api.zoom.us/v3", "body")},
		{"POST 308", "POST", 308, "/v3", follow("POST", "https://api.zoom.us/v3", "body")},
		{"PUT 302", "PUT", 302, "/v3", nil},
		{"PUT 307", "PUT", 307, "/v3", follow("PUT", "https://api.zoom.us/v3", "body")},
		{"DELETE 303", "DELETE", 303, "/v3", nil},
		{"300 is no redirect", "GET", 300, "/v3", nil},
		{"304 is no redirect", "GET", 304, "/v3", nil},

		{"a regional host", "GET", 307, "https://api-eu.zoom.us/v2", follow("GET", "https://api-eu.zoom.us/v2", "")},
		{"the bare domain", "GET", 307, "https://zoom.us/v2", follow("GET", "https://zoom.us/v2", "")},
		{"in capitals", "GET", 307, "https://API-EU.ZOOM.US/v2", follow("GET", "https://API-EU.ZOOM.US/v2", "")},
		{"the other domain", "POST", 308, "https://api.zoomgov.com/v2", follow("POST", "https://api.zoomgov.com/v2", "body")},
		{"the port spelled out", "GET", 307, "https://api.zoom.us:443/v3", follow("GET", "https://api.zoom.us:443/v3", "")},

		{"not https", "GET", 307, "http://api-eu.zoom.us/v2", nil},
		{"not https at the same host", "GET", 307, "http://api.zoom.us/v2", nil},
		{"not https at the same port", "GET", 307, "http://api.zoom.us:443/v2", nil},
		{"a longer name", "GET", 307, "https://evilzoom.us/v2", nil},
		{"a name in front", "GET", 307, "https://zoom.us.evil.com/v2", nil},
		{"a foreign host", "POST", 307, "https://example.com/v2", nil},
		{"a foreign host by no scheme", "GET", 307, "//example.com/v2", nil},
		{"userinfo", "GET", 307, "https://a:b@api-eu.zoom.us/v2", nil},
		{"a host in the userinfo", "GET", 307, "https://api.zoom.us@evil.com/v2", nil},
		{"the domain as a path", "GET", 307, "https://evil.com/.zoom.us", nil},
		{"a backslash", "GET", 307, `https://evil.com\.zoom.us/`, nil},
		{"a trailing dot", "GET", 307, "https://api.zoom.us./v2", nil},
		{"another scheme", "GET", 307, "file:///etc/passwd", nil},
		{"no location", "GET", 307, "", nil},
		{"a location nobody can read", "GET", 307, "https://%zz/", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			client := newClient(t, httpx.Config{
				Domains: []string{"zoom.us", "ZoomGov.com"},
				Transport: transport(func(r *http.Request) (*http.Response, error) {
					body := ""
					if r.Body != nil {
						b, _ := io.ReadAll(r.Body)
						body = string(b)
					}
					got = append(got, fmt.Sprint(r.Method, " ", r.URL, " ", body))
					if auth := r.Header.Get("Authorization"); auth != "Bearer token" || r.Header.Get("Referer") != "" {
						t.Errorf("%s: got Authorization %q, Referer %q", r.URL, auth, r.Header.Get("Referer"))
					}
					if len(got) > 1 {
						return answer(200, "arrived"), nil
					}
					return answer(test.status, "moved", "Location", test.location), nil
				}),
			})
			body := ""
			if test.method == "POST" || test.method == "PUT" {
				body = "body"
			}
			req := newRequest(t, test.method, first, body)
			req.Header.Set("Authorization", "Bearer token")
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			want, status := test.want, 200
			if want == nil {
				want, status = []string{test.method + " " + first + " " + body}, test.status
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if resp.StatusCode != status || read(t, resp) == "" {
				t.Errorf("got %d, want %d with its body", resp.StatusCode, status)
			}
		})
	}
}

func TestRedirectsToTheOriginFirstAsked(t *testing.T) {
	t.Parallel()
	other := newServer(t, func(http.ResponseWriter, *http.Request) { t.Error("followed to another port") })
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/there", http.StatusPermanentRedirect)
		case "/there":
			body, _ := io.ReadAll(r.Body)
			_, _ = fmt.Fprint(w, r.Method, " ", string(body), " ", r.Header.Get("Authorization"))
		default:
			http.Redirect(w, r, other.URL, http.StatusPermanentRedirect)
		}
	})
	client := newClient(t, httpx.Config{Domains: []string{"zoom.us"}})
	for path, want := range map[string]string{"/here": "200 POST body Bearer token", "/away": "308 "} {
		req := newRequest(t, "POST", server.URL+path, "body")
		req.Header.Set("Authorization", "Bearer token")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(resp.StatusCode, " ", read(t, resp)); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestRedirectsEnd(t *testing.T) {
	t.Parallel()
	calls := 0
	client := newClient(t, httpx.Config{Transport: transport(func(*http.Request) (*http.Response, error) {
		calls++
		return answer(307, "", "Location", "/"+strconv.Itoa(calls)), nil
	})})
	resp, err := client.Do(newRequest(t, "POST", vendor, "body"))
	if err != nil || resp.StatusCode != 307 || calls != 6 {
		t.Errorf("got %v, %v after %d calls, want the 307 after five hops", resp, err, calls)
	}
}
