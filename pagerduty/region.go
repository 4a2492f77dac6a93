package pagerduty

import "strings"

// Region is one of PagerDuty's service regions. A key or token of one is unknown in the
// other.
type Region string

// The regions PagerDuty serves. See
// https://support.pagerduty.com/main/docs/service-regions.
const (
	US Region = "us"
	EU Region = "eu"
)

const (
	usAPI = "https://api.pagerduty.com"
	euAPI = "https://api.eu.pagerduty.com"
)

// apiURL returns the base of the region's API, "" for no region.
func (r Region) apiURL() string {
	switch r {
	case US:
		return usAPI
	case EU:
		return euAPI
	}
	return ""
}

// regionOfAPI returns the region with that API base, and "" for any other URL: a token is
// sent nowhere else.
func regionOfAPI(base string) Region {
	switch strings.TrimSuffix(base, "/") {
	case usAPI:
		return US
	case euAPI:
		return EU
	}
	return ""
}
