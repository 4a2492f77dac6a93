// Package urlcheck says which URLs may be given as the address of a vendor or of the
// service itself: https ones, and for tests and demos http on a loopback address. It
// makes no request.
package urlcheck

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// Base checks a base URL, to which paths are appended, and returns it without a trailing
// slash. Its errors do not repeat the URL, which may hold a password.
func Base(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", errors.New("not a URL")
	case u.Hostname() == "" || u.Opaque != "":
		return "", errors.New("not an absolute URL")
	case !IsSecure(u):
		return "", errors.New("must be https, or http on a loopback address")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("must not have userinfo, query or fragment")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// IsSecure reports whether what is sent to u cannot be read on the way: u is https, or
// http on a loopback address.
func IsSecure(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname())
}

// IsLoopback reports whether host is "localhost" or a loopback IP address.
func IsLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
