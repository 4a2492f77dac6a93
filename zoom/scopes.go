package zoom

import (
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// UserScopes returns what an app needs to hold meetings under the name of who installed it: to make, read, list, end and
// delete them, and to read that one user. An account-level app, which holds them under any host's name, needs the same with
// ":admin" after each: [AdminScopes].
//
// See https://developers.zoom.us/docs/integrations/oauth-scopes-granular/.
func UserScopes() []string {
	return []string{
		"meeting:delete:meeting", "meeting:read:list_meetings", "meeting:read:meeting", "meeting:update:status",
		"meeting:write:meeting", "user:read:user",
	}
}

// AdminScopes returns what an account-level app needs: [UserScopes] for any user of the account.
func AdminScopes() []string {
	scopes := UserScopes()
	for i := range scopes {
		scopes[i] += adminSuffix
	}
	return scopes
}

const adminSuffix = ":admin"

// CheckScopes returns nil when the token was granted all these scopes, else an error that matches ErrMissingScopes and
// names the missing ones in Error.Scopes. A scope is granted by itself, by its ":admin" form, or by the older, wider one
// that Zoom takes in its place ("meeting:write" for "meeting:delete:meeting").
//
// A token whose answer did not speak of scopes passes. What it says may lag behind the app's settings at Zoom, by
// seconds or hours: warn of a missing scope, and let the calls be what decides.
func CheckScopes(token *oauth2.Token, scopes ...string) error {
	if token == nil {
		return nil
	}
	scope, _ := token.Extra("scope").(string)
	granted := strings.Fields(scope)
	if len(granted) == 0 {
		return nil
	}
	var missing []string
	for _, scope := range scopes {
		if !slices.ContainsFunc(equivalentScopes(scope), func(s string) bool { return slices.Contains(granted, s) }) {
			missing = append(missing, scope)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &Error{Op: "check scopes", Message: strings.Join(missing, ", "), Scopes: missing, Err: ErrMissingScopes}
}

// equivalentScopes returns the scopes of which each allows what scope allows.
func equivalentScopes(scope string) []string {
	base, admin := strings.CutSuffix(scope, adminSuffix)
	bases := []string{base}
	if part := strings.Split(base, ":"); len(part) == 3 {
		switch {
		case part[0] == "user":
			bases = append(bases, "user:read", "user:write")
		case part[1] == "read":
			bases = append(bases, part[0]+":read")
		default:
			bases = append(bases, part[0]+":write")
		}
	}
	var all []string
	for _, base := range bases {
		if all = append(all, base+adminSuffix); !admin {
			all = append(all, base)
		}
	}
	return all
}
