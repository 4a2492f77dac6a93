package pagerduty

import (
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// RunScopes returns the scopes that a running service needs. An [AppToken] and an [OAuth]
// app request them unless [WithScopes] is used.
func RunScopes() []string {
	return []string{"abilities.read", "incidents.read", "incidents.write", "teams.read", "users.read"}
}

// SetUpScopes returns the scopes that setting up needs in addition to [RunScopes]:
// webhook subscriptions and custom incident actions. A subscription needs the scope of
// its events too: incidents.read, which RunScopes has, for incident.*,
// incident_workflows.read for incident.workflow.*, services.read for service.*.
func SetUpScopes() []string {
	return []string{
		"extension_schemas.read", "extensions.read", "extensions.write",
		"webhook_subscriptions.read", "webhook_subscriptions.write",
	}
}

// CheckScopes returns nil when the token was granted all these scopes, else an
// [ErrMissingScopes] with the missing ones in Error.Scopes. PagerDuty does not refuse a
// consent because of a scope, it leaves the scope out. The classic scope "write" grants
// everything, and "read" every scope that ends in ".read". A token whose answer had no
// list of scopes passes.
func CheckScopes(token *oauth2.Token, scopes ...string) error {
	missing := missingScopes(token, scopes)
	if len(missing) == 0 {
		return nil
	}
	return &Error{Op: "check scopes", Scopes: missing, Err: ErrMissingScopes}
}

// missingScopes returns the wanted scopes that the token was not granted; none when its
// answer had no list of scopes.
func missingScopes(token *oauth2.Token, wanted []string) []string {
	if token == nil {
		return nil
	}
	scope, _ := token.Extra("scope").(string)
	granted := strings.Fields(scope)
	if len(granted) == 0 {
		return nil
	}
	writeAll, readAll := slices.Contains(granted, "write"), slices.Contains(granted, "read") // classic scopes
	var missing []string
	for _, scope := range wanted {
		classic := writeAll || readAll && strings.HasSuffix(scope, ".read")
		if !classic && !slices.Contains(granted, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}
