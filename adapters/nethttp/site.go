package nethttp

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/internal/urlcheck"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// site is where browsers find the pages, and where their sessions are kept.
type site struct {
	origin string // scheme and host, as a browser writes an Origin
	secure bool   // https
	store  tokenstore.Store
	states *oauthStates
}

func newSite(publicURL string, store tokenstore.Store) (*site, error) {
	if store == nil {
		return nil, errors.New("nethttp: WithPages: nil store")
	}
	u, err := url.Parse(publicURL)
	if err != nil || u.Hostname() == "" || strings.TrimSuffix(publicURL, "/") != u.Scheme+"://"+u.Host {
		return nil, errors.New("nethttp: WithPages: the public URL must be a scheme and a host, and nothing else")
	}
	if !urlcheck.IsSecure(u) {
		return nil, errors.New("nethttp: WithPages: the public URL must be https, or http on a loopback address")
	}
	secure := u.Scheme == "https"
	return &site{
		origin: u.Scheme + "://" + u.Host, secure: secure, store: store,
		states: &oauthStates{store: store, secure: secure},
	}, nil
}

// cookie is one that no script reads and, over https, no other host sets or is sent. It
// comes along when a link leads a browser here, or a vendor sends it back, and with
// nothing else that another site makes it send.
func (s *site) cookie(name, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // G124: without Secure on a loopback address alone, where there is no https
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

func (s *site) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}
