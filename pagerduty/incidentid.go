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

// ParseIncidentID returns the id or number of the incident that s names, without a call.
// It takes an id ("PABC123"), a number ("1234") or the https link of the incident's page
// in the client's region:
//   - with the subdomain known ([WithSubdomain], [AppToken]) on the account's own host, or by id on the region's app host;
//   - else on the host of any account, by id alone: ids are unique, while a number would be another account's incident.
//
// A link's query and fragment are ignored. Anything else, surrounding blanks too, is
// [ErrInvalid].
func (c *Client) ParseIncidentID(s string) (string, error) {
	const op = "parse incident id"
	if validID(s) {
		return s, nil
	}
	if len(s) > maxURLBytes || !strings.HasPrefix(s, "https://") {
		return "", invalid(op, "", "an incident is named by its id, its number or its link")
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil {
		return "", invalid(op, "", "the link cannot be read")
	}
	account, ours := strings.CutSuffix(strings.ToLower(u.Host), c.webDomain())
	own := ours && c.subdomain != "" && account == c.subdomain
	shared := ours && (account == "app" || (c.subdomain == "" && validSubdomain(account)))
	if !own && !shared {
		return "", invalid(op, "", "the link does not lead to an incident of this account")
	}
	// The path as it was written: it must have no escapes and no dots.
	id, found := strings.CutPrefix(u.EscapedPath(), "/incidents/")
	if !found || !validID(id) {
		return "", invalid(op, "", "the link does not lead to an incident")
	}
	if !own && isNumber(id) {
		return "", invalid(op, "", "a link with a number does not say whose: give the number alone")
	}
	return id, nil
}

// webDomain returns what follows the account's subdomain in the links of the region.
func (c *Client) webDomain() string {
	if c.region == EU {
		return ".eu.pagerduty.com"
	}
	return ".pagerduty.com"
}

// validSubdomain reports whether s may be an account's: one label in lower case that
// PagerDuty does not use itself.
func validSubdomain(s string) bool {
	return validID(strings.ReplaceAll(s, "-", "")) && len(s) <= 63 && s == strings.ToLower(s) &&
		s == strings.Trim(s, "-") && s != "app" && s != "eu"
}

// isNumber reports whether a valid id is an incident's number: ids contain letters.
func isNumber(id string) bool { return strings.Trim(id, "0123456789") == "" }

// validID reports whether s may be part of a path: only ASCII letters and digits.
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
