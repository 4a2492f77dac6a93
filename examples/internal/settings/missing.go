package settings

import (
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/bridge"
)

// isDemo reports whether no vendor setting was given.
func isDemo(given map[string]string) bool {
	return !slices.ContainsFunc(names(), func(n name) bool {
		vendor := strings.HasPrefix(n.key, "ZOOM_") || strings.HasPrefix(n.key, "PAGERDUTY_")
		return vendor && n.given(given)
	})
}

// missing returns the variables that the given ones need.
func (s *Settings) missing(given map[string]string) []string {
	has := func(key string) bool {
		return slices.ContainsFunc(names(), func(n name) bool { return n.key == key && n.given(given) })
	}
	var missing []string
	need := func(keys ...string) {
		for _, key := range keys {
			if !has(key) {
				missing = append(missing, key)
			}
		}
	}

	if !s.Demo {
		need(zoomNeeds(has)...)
		need(pagerDutyNeeds(has)...)
	}
	if storeURLProblem(string(s.StoreURL)) == "" && !s.storeIs("memory") {
		need("STORE_KEYS")
	}
	if slices.Contains(s.OpenOn, bridge.WorkflowStarted) {
		need("OPEN_WORKFLOWS")
	}
	return missing
}

// zoomNeeds assumes the install flow only if a client is given without an account.
// Otherwise it assumes a server-to-server app, which most people set up first.
func zoomNeeds(has func(string) bool) []string {
	install := !has("ZOOM_ACCOUNT_ID") && (has("ZOOM_CLIENT_ID") || has("ZOOM_CLIENT_SECRET"))
	if install {
		return []string{"ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET"}
	}
	return []string{"ZOOM_ACCOUNT_ID", "ZOOM_CLIENT_ID", "ZOOM_CLIENT_SECRET", "ZOOM_HOSTS"}
}

func pagerDutyNeeds(has func(string) bool) []string {
	app := has("PAGERDUTY_CLIENT_ID") || has("PAGERDUTY_CLIENT_SECRET") || has("PAGERDUTY_SUBDOMAIN")
	var needs []string
	if app {
		needs = append(needs, "PAGERDUTY_CLIENT_ID", "PAGERDUTY_CLIENT_SECRET")
	}
	if has("PAGERDUTY_SUBDOMAIN") && !has("PAGERDUTY_TOKEN") {
		needs = append(needs, "PAGERDUTY_FROM") // an app's own token belongs to no user
	}
	if !app || has("PAGERDUTY_TOKEN") {
		needs = append(needs, "PAGERDUTY_TOKEN", "PAGERDUTY_FROM")
	}
	return needs
}
