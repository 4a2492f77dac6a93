package zoom

import (
	"net/url"
	"strings"
)

const (
	defaultBaseURL  = "https://api.zoom.us/v2"
	defaultOAuthURL = "https://zoom.us/oauth"
)

// vendorDomains are the only places a token goes to without an option that says so.
func vendorDomains() []string { return []string{"zoom.us", "zoomgov.com"} }

// regionalBaseURL is the API base for the api_url of a token answer. Whoever could forge that field would be sent our
// bearer tokens, so only https hosts of the vendor count; everything else is passed over for the default.
func regionalBaseURL(apiURL string) string {
	u, err := url.Parse(strings.TrimSpace(apiURL))
	if err != nil || u.Scheme != "https" || u.User != nil || (u.Port() != "" && u.Port() != "443") {
		return defaultBaseURL
	}
	host := strings.ToLower(u.Hostname())
	if !isHostName(host) || !isVendorHost(host) {
		return defaultBaseURL
	}
	return "https://" + host + "/v2"
}

func isVendorHost(host string) bool {
	for _, domain := range vendorDomains() {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

// isHostName is true for names as DNS has them, in lower case: what url.Parse lets through is more than that.
func isHostName(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
