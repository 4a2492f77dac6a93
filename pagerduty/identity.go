package pagerduty

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/lenientjson"
)

// Identity is who agreed to an [OAuth] app, by the ID token that comes with the other
// tokens.
type Identity struct {
	UserID    string
	AccountID string // may be empty, as Subdomain may
	Subdomain string // "acme" of acme.pagerduty.com
	Region    Region // may be empty
}

// maxClockSkew is how wrong our clock may be.
const maxClockSkew = 5 * time.Minute

// IdentityOf reads the ID token of a token that [OAuth.Exchange] returned; a token store
// does not keep it. Its signature is not checked, since it came from PagerDuty's token
// endpoint itself: never pass a token here that came through a browser. It is ErrNoUser
// when there is no ID token.
//
// An app may be open to people of other accounts: a user is one of yours when your own
// client finds the id, and [Client.User] returns the role that counts.
//
// See https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation, number 6.
func IdentityOf(token *oauth2.Token) (Identity, error) {
	const op = "read id token"
	if token == nil {
		return Identity{}, &Error{Op: op, Err: ErrNoUser}
	}
	idToken, _ := token.Extra("id_token").(string)
	if idToken == "" {
		return Identity{}, &Error{Op: op, Err: ErrNoUser}
	}
	claims := claimsOf(idToken)
	identity := Identity{UserID: claims.String("user_id"), Region: regionOf(claims)}
	if !validID(identity.UserID) {
		return Identity{}, unreadable(request{op: op}, errors.New("no user id in the ID token"))
	}
	if end := claims.Int("exp"); end > 0 && time.Since(time.Unix(end, 0)) > maxClockSkew {
		return Identity{}, &Error{Op: op, Message: "the ID token has expired", Err: ErrUnauthorized}
	}
	if id := claims.String("account_id"); validID(id) {
		identity.AccountID = id
	}
	if subdomain := strings.ToLower(claims.String("subdomain")); validSubdomain(subdomain) {
		identity.Subdomain = subdomain
	}
	return identity, nil
}

// claimsOf returns the claims in the middle one of the three parts, or nil.
func claimsOf(idToken string) lenientjson.Object {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	claims, _ := lenientjson.Parse(raw)
	return claims
}

// regionOf returns the region of the API that the ID token is for, or else of the claim
// "region", or "".
func regionOf(claims lenientjson.Object) Region {
	var found []Region
	for _, audience := range append(claims.Strings("aud"), claims.String("aud")) {
		if region := regionOfAPI(audience); region != "" {
			found = append(found, region)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	if claim := Region(strings.ToLower(claims.String("region"))); claim == US || claim == EU {
		return claim
	}
	return ""
}
