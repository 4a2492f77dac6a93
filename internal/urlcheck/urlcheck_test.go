package urlcheck_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/incidentbridge/incidentbridge/internal/urlcheck"
)

func TestBase(t *testing.T) {
	t.Parallel()
	tests := []struct{ raw, want, err string }{
		{raw: "https://api.zoom.us/v2", want: "https://api.zoom.us/v2"},
		{raw: "https://api.zoom.us/v2//", want: "https://api.zoom.us/v2"},
		{raw: "https://api.zoom.us:8443", want: "https://api.zoom.us:8443"},
		{raw: "http://127.0.0.1:7777/v2/", want: "http://127.0.0.1:7777/v2"},
		{raw: "http://[::1]/", want: "http://[::1]"},
		{raw: "http://localhost", want: "http://localhost"},
		{raw: "", err: "not an absolute URL"},
		{raw: "/v2", err: "not an absolute URL"},
		{raw: "https://", err: "not an absolute URL"},
		{raw: "https://:8443", err: "not an absolute URL"},
		{raw: "https:api.zoom.us", err: "not an absolute URL"},
		{raw: "https://hunter2:%zz@x/", err: "not a URL"},
		{raw: "http://api.zoom.us", err: "must be https"},
		{raw: "http://localhost.example.com", err: "must be https"},
		{raw: "http://10.0.0.1", err: "must be https"},
		{raw: "ftp://127.0.0.1", err: "must be https"},
		{raw: "https://user:hunter2@api.zoom.us", err: "userinfo"},
		{raw: "https://api.zoom.us?hunter2", err: "query"},
		{raw: "https://api.zoom.us?", err: "query"},
		{raw: "https://api.zoom.us#hunter2", err: "fragment"},
	}
	for _, test := range tests {
		t.Run(test.raw, func(t *testing.T) {
			t.Parallel()
			got, err := urlcheck.Base(test.raw)
			if test.err == "" && err != nil || got != test.want {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
			if test.err == "" {
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v, want %q in it and no part of the URL", err, test.err)
			}
		})
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.9.10": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "10.0.0.1": false, "::": false, "127.0.0.1.example.com": false, "example.com": false,
	} {
		if got := urlcheck.IsLoopback(host); got != want {
			t.Errorf("%q: %t, want %t", host, got, want)
		}
	}
}

func TestIsSecure(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"https://example.com": true, "https://127.0.0.1": true, "http://127.0.0.1:80/x": true,
		"http://example.com": false, "ws://127.0.0.1": false, "": false, "//127.0.0.1": false,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := urlcheck.IsSecure(u); got != want {
			t.Errorf("%q: %t, want %t", raw, got, want)
		}
	}
}
