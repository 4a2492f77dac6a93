package zoom

import (
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// UserScopes returns the scopes that an app needs to host meetings as the user who
// installed it: to make, read, list, end and delete them, and to read that one user. An
// account-level app, which hosts them as any user, needs [AdminScopes].
//
// See https://developers.zoom.us/docs/integrations/oauth-scopes-granular/.
func UserScopes() []string {
	return []string{
		"meeting:delete:meeting", "meeting:read:list_meetings", "meeting:read:meeting", "meeting:update:status",
		"meeting:write:meeting", "user:read:user",
	}
}

// AdminScopes returns the scopes that an account-level app needs: [UserScopes] for any
// user of the account.
func AdminScopes() []string {
	scopes := UserScopes()
	for i := range scopes {
		scopes[i] += adminSuffix
	}
	return scopes
}

const adminSuffix = ":admin"

// CheckScopes returns nil when the token was granted all these scopes, else an
// [ErrMissingScopes] with the missing ones in Error.Scopes. A scope is granted by itself,
// by its ":admin" form, or by the older, wider one that includes it ("meeting:write" for
// "meeting:delete:meeting").
//
// A token whose answer had no list of scopes passes. The list may lag behind the app's
// settings at Zoom, by seconds or hours: warn about a missing scope, but do not refuse to
// work because of it.
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
		isGranted := func(s string) bool { return slices.Contains(granted, s) }
		if !slices.ContainsFunc(equivalentScopes(scope), isGranted) {
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
