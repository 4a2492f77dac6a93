package zoom

import (
	"net/url"
	"strings"
)

const (
	defaultBaseURL  = "https://api.zoom.us/v2"
	defaultOAuthURL = "https://zoom.us/oauth"
)

// vendorDomains are the only places a token is sent to unless an option names another.
func vendorDomains() []string { return []string{"zoom.us", "zoomgov.com"} }

// regionalBaseURL returns the API base for the api_url of a token answer. Bearer tokens
// are sent there, so only https hosts of the vendor are accepted; anything else is
// ignored in favour of the default.
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

// isHostName reports whether host is a DNS name in lower case. url.Parse accepts more
// than that.
func isHostName(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
