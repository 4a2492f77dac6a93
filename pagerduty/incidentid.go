package pagerduty

import (
	"net/url"
	"strings"
)

// Bounds of what may name an incident.
const (
	maxIDBytes  = 128
	maxURLBytes = 1024
)

// ParseIncidentID reads what a person or a program may give to name an incident, and answers an id or a number. It
// takes an id ("PABC123"), a number ("1234") or the https link of the incident's page on webHost, the account's own
// host ("acme.pagerduty.com"), or on the app host of its region. With an empty webHost it takes no link. Blanks around
// it, and a link's query and fragment, are dropped. Anything else is [ErrInvalid].
func ParseIncidentID(s, webHost string) (string, error) {
	const op = "parse incident id"
	s = strings.TrimSpace(s)
	if validID(s) {
		return s, nil
	}
	if len(s) > maxURLBytes || !strings.HasPrefix(s, "https://") {
		return "", invalid(op, "", "an incident is named by its id, its number or its link")
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil || !ownHost(u.Host, webHost) {
		return "", invalid(op, "", "the link does not lead to an incident of this account")
	}
	// The path as it was written: an escape or a dot has no place in it.
	id, found := strings.CutPrefix(u.EscapedPath(), "/incidents/")
	if !found || !validID(id) {
		return "", invalid(op, "", "the link does not lead to an incident")
	}
	return id, nil
}

// ownHost reports whether host is webHost or the app host of its region.
func ownHost(host, webHost string) bool {
	host, webHost = strings.ToLower(host), strings.ToLower(webHost)
	switch {
	case webHost == "":
		return false
	case host == webHost:
		return true
	case strings.HasSuffix(webHost, ".eu.pagerduty.com"):
		return host == "app.eu.pagerduty.com"
	case strings.HasSuffix(webHost, ".pagerduty.com"):
		return host == "app.pagerduty.com"
	}
	return false
}

// validID reports whether s may stand in a path: ASCII letters and digits alone.
func validID(s string) bool {
	if s == "" || len(s) > maxIDBytes {
		return false
	}
	for i := range len(s) {
		letter := 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z'
		digit := '0' <= s[i] && s[i] <= '9'
		if !letter && !digit {
			return false
		}
	}
	return true
}
