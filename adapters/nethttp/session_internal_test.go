package nethttp

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// stdlib tells what http.CrossOriginProtection decides alone, with the Host that the
// browser sent. Rows where it accepts what isCrossOrigin refuses are the reason for our
// own checks: a row that fails after an update of Go may allow to delete one of them.
func TestFormsOfOtherOriginsAreRefused(t *testing.T) {
	t.Parallel()
	const own, ownHost = "https://bridge.example.com", "bridge.example.com"
	tests := []struct {
		name      string
		origin    string
		fetchSite string
		host      string
		refused   bool
		stdlib    bool // refused by the standard library alone
	}{
		{"our page", own, "same-origin", ownHost, false, false},
		{"our page, older browser", own, "", ownHost, false, false},
		{"our page that hides its address", "null", "same-origin", ownHost, false, false},
		{"our page, without an origin", "", "same-origin", ownHost, false, false},
		{"the person, from the address bar", "", "none", ownHost, false, false},
		{"our page, behind a proxy with its own host", own, "", "10.0.0.7:8080", false, true},

		{"sibling host", "https://evil.example.com", "same-site", ownHost, true, true},
		{"sibling host, older browser", "https://evil.example.com", "", ownHost, true, true},
		{"other site", "https://evil.example", "cross-site", ownHost, true, true},
		{"other site, older browser", "https://evil.example", "", ownHost, true, true},
		{"other site, without an origin", "", "cross-site", ownHost, true, true},
		{"other port", own + ":8443", "same-site", ownHost, true, true},
		{"other scheme", "http://bridge.example.com", "cross-site", ownHost, true, true},
		{"hidden address, older browser", "null", "", ownHost, true, true},
		{"hidden address of another site", "null", "cross-site", ownHost, true, true},
		{"our origin, from another site", own, "cross-site", ownHost, true, true},
		{"unknown fetch site", own, "same-galaxy", ownHost, true, true},

		{"other scheme, older browser", "http://bridge.example.com", "", ownHost, true, false},
		{"other site that claims to be the same", "https://evil.example", "same-origin", ownHost, true, false},
		{"other site beside no page", "https://evil.example", "none", ownHost, true, false},
		{"other site whose name leads here", "https://evil.example", "", "evil.example", true, false},
		{"neither header", "", "", ownHost, true, false},
	}
	s, err := newSite(own, tokenstore.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/incidents/PABC123", http.NoBody)
			r.Host = tt.host
			for name, value := range map[string]string{"Origin": tt.origin, "Sec-Fetch-Site": tt.fetchSite} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			if got := (&sessions{s}).isCrossOrigin(r); got != tt.refused {
				t.Errorf("refused: %t, want %t", got, tt.refused)
			}
			if got := http.NewCrossOriginProtection().Check(r) != nil; got != tt.stdlib {
				t.Errorf("refused by net/http alone: %t, want %t", got, tt.stdlib)
			}
			if r.Host != tt.host {
				t.Errorf("the request was changed: host %q", r.Host)
			}
		})
	}
}
