package zoom

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

const (
	defaultBaseURL  = "https://api.zoom.us/v2"
	defaultOAuthURL = "https://zoom.us/oauth"
)

// vendorDomains are the only places a token goes to without an option that says so.
func vendorDomains() []string { return []string{"zoom.us", "zoomgov.com"} }

// checkURL accepts an https URL, or http on this very machine, and gives it back without a trailing slash.
func checkURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", errors.New("not a URL") // url.Parse's own error repeats the value, userinfo included
	case u.Host == "" || u.Opaque != "":
		return "", errors.New("not an absolute URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return "", errors.New("must be https, or http on a loopback address")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("must not have userinfo, query or fragment")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

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
