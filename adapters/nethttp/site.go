package nethttp

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// site is where browsers find the pages, and where what they have under way is kept.
type site struct {
	origin string // scheme and host, as a browser writes an Origin
	secure bool   // https
	store  tokenstore.Store
}

func newSite(publicURL string, store tokenstore.Store) (*site, error) {
	if store == nil {
		return nil, errors.New("nethttp: WithPages: nil store")
	}
	u, err := url.Parse(publicURL)
	if err != nil || u.Hostname() == "" || strings.TrimSuffix(publicURL, "/") != u.Scheme+"://"+u.Host {
		return nil, errors.New("nethttp: WithPages: the public URL must be a scheme and a host, and nothing else")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New("nethttp: WithPages: the public URL must be https, or http on a loopback address")
	}
	s := &site{origin: u.Scheme + "://" + u.Host, secure: u.Scheme == "https", store: store}
	if err := http.NewCrossOriginProtection().AddTrustedOrigin(s.origin); err != nil {
		return nil, fmt.Errorf("nethttp: WithPages: %w", err)
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// cookie is one that only we read: over https alone where there is https, for this host alone, and by no script. It comes
// along when a link or a vendor leads a browser here, and with no request that another site makes otherwise.
func (s *site) cookie(name, value string, seconds int) *http.Cookie {
	return &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: seconds,
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// cookieName has the prefix that keeps sibling hosts from setting the cookie.
func (s *site) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}
