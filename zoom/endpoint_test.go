package zoom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/zoom"
	"github.com/incidentbridge/incidentbridge/zoom/zoomtest"
)

// A forged api_url would be sent bearer tokens.
func TestAPIURLPicksOnlyHostsOfZoom(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                                  "api.zoom.us",
		"https://api.zoom.us":               "api.zoom.us",
		"https://api-eu.zoom.us":            "api-eu.zoom.us",
		"https://api-eu.zoom.us/":           "api-eu.zoom.us",
		"https://API-EU.Zoom.US:443":        "api-eu.zoom.us",
		" https://eu01api.zoom.us ":         "eu01api.zoom.us",
		"https://vanity.zoom.us/v2":         "vanity.zoom.us",
		"https://api.zoomgov.com":           "api.zoomgov.com",
		"https://zoom.us":                   "zoom.us",
		"http://api-eu.zoom.us":             "api.zoom.us",
		"https://api-eu.zoom.us:8443":       "api.zoom.us",
		"https://evilzoom.us":               "api.zoom.us",
		"https://zoom.us.evil.example":      "api.zoom.us",
		"https://evil.example/.zoom.us":     "api.zoom.us",
		"https://evil.example#.zoom.us":     "api.zoom.us",
		"https://api.zoom.us@evil.example":  "api.zoom.us",
		"https://x@api-eu.zoom.us":          "api.zoom.us",
		"https://evil.example\\.zoom.us":    "api.zoom.us",
		"https://127.0.0.1":                 "api.zoom.us",
		"http://localhost":                  "api.zoom.us",
		"https://.zoom.us:":                 "api.zoom.us",
		"https://a..zoom.us":                "api.zoom.us",
		"https://*.zoom.us":                 "api.zoom.us",
		"https://evil.example%2f.zoom.us":   "api.zoom.us",
		"https://evil.example%00.zoom.us":   "api.zoom.us",
		"//api-eu.zoom.us":                  "api.zoom.us",
		"api-eu.zoom.us":                    "api.zoom.us",
		"javascript://api-eu.zoom.us/%0a()": "api.zoom.us",
	}
	for apiURL, want := range tests {
		t.Run(apiURL, func(t *testing.T) {
			t.Parallel()
			fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithAPIURL(apiURL))
			mustCreate(t, newClient(t, fake))
			request := fake.Requests(zoomtest.CreateMeeting)[0]
			if diff := cmp.Diff(want, request.Host); diff != "" {
				t.Errorf("host (-want +got):\n%s", diff)
			}
			if want := "/v2/users/host@example.com/meetings"; request.Path != want {
				t.Errorf("path %q, want %q", request.Path, want)
			}
		})
	}
}

func TestBaseURLWinsOverAPIURL(t *testing.T) {
	t.Parallel()
	fake := zoomtest.New(zoomtest.WithUsers(host), zoomtest.WithAPIURL("https://api-eu.zoom.us"))
	mustCreate(t, newClient(t, fake,
		zoom.WithBaseURL("https://api.zoomgov.com/v2/"), zoom.WithOAuthURL("https://zoomgov.com/oauth/")))
	var got []string
	for _, request := range fake.Requests() {
		got = append(got, request.Host+request.Path)
	}
	want := []string{"zoomgov.com/oauth/token", "api.zoomgov.com/v2/users/host@example.com/meetings"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"https://api.zoom.us/v2":         true,
		"https://proxy.example.com/zoom": true,
		"http://127.0.0.1:8080/v2":       true,
		"http://[::1]:8080":              true,
		"http://localhost":               true,
		"http://api.zoom.us/v2":          false,
		"http://localhost.evil.example":  false,
		"http://10.0.0.1":                false,
		"https://user:pw@example.com":    false,
		"https://example.com?x=1":        false,
		"https://example.com#x":          false,
		"https://":                       false,
		"ftp://example.com":              false,
		"example.com":                    false,
		"":                               false,
		"https://exa mple.com":           false,
	}
	for raw, want := range tests {
		for name, option := range map[string]zoom.Option{
			"base": zoom.WithBaseURL(raw), "oauth": zoom.WithOAuthURL(raw),
		} {
			_, err := zoom.NewClient(zoom.ServerToServer("a", "b", "c"), option)
			if (err == nil) != want {
				t.Errorf("%s %q: %v, want accepted %t", name, raw, err, want)
			}
		}
	}
	if _, err := zoom.NewClient(zoom.ServerToServer("a", "b", "c"), zoom.WithTransport(nil)); err == nil {
		t.Error("a nil transport was accepted")
	}
}
