package httpx

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const maxHops = 5

// checkRedirect follows redirects between hosts of the vendor, with the same method, body
// and Authorization, which net/http would drop between two hosts. Any other redirect is
// not followed and is the answer.
func (c *Client) checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > maxHops || next.Method != first.Method || !c.trusts(first.URL, next.URL) {
		return http.ErrUseLastResponse
	}
	if authorization, ok := first.Header["Authorization"]; ok {
		next.Header["Authorization"] = slices.Clone(authorization)
	}
	next.Header.Del("Referer") // it would carry the query along
	return nil
}

func (c *Client) trusts(first, next *url.URL) bool {
	if next.User != nil {
		return false
	}
	sameHost := strings.EqualFold(next.Hostname(), first.Hostname())
	if next.Scheme == first.Scheme && sameHost && port(next) == port(first) {
		return true
	}
	host := strings.ToLower(next.Hostname())
	return next.Scheme == "https" && slices.ContainsFunc(c.config.Domains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

func port(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// dropBadLocation removes a Location that cannot be parsed, which would turn the answer
// into an error.
func dropBadLocation(resp *http.Response) {
	location := resp.Header.Get("Location")
	if location == "" {
		return
	}
	if _, err := url.Parse(location); err != nil {
		resp.Header.Del("Location")
	}
}
