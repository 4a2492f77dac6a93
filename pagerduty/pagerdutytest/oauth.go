package pagerdutytest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	clientID     = "b3d8b1a0-client"
	clientSecret = "client+secret/of==the&app" // bytes that need escaping
	subdomain    = "example"

	codeLife    = 30 * time.Second
	accessLife  = 24 * time.Hour
	refreshLife = 30 * 24 * time.Hour
)

// grant is a consent, or that of the app itself. All its tokens end with it.
type grant struct {
	user   *User // nil: an app's
	scopes []string
	dead   bool
}

// token is an access or a refresh token.
type token struct {
	grant *grant
	end   time.Time
	used  bool // a refresh token that was used
}

// code is an authorization code.
type code struct {
	grant     *grant
	redirect  string
	challenge string
	end       time.Time
	used      bool
}

// Credentials returns the client id and secret of the fake's OAuth app, and the subdomain
// of its account.
func (s *Server) Credentials() (id, secret, account string) { return clientID, clientSecret, subdomain }

// WithAppScopes sets the scopes that the OAuth app has; other scopes that are requested
// are left out of the grant without an error. Without the option the app has all scopes
// of the operations.
func WithAppScopes(scopes ...string) Option { return func(s *Server) { s.appScopes = scopes } }

// WithAccountID sets the id of the account, which is in the ID token.
func WithAccountID(id string) Option { return func(s *Server) { s.accountID = id } }

// WithEU sets the account's region to the EU, for the as_account scope and the ID token.
func WithEU() Option { return func(s *Server) { s.region = "eu" } }

// ExpireTokens ends every access token that was issued so far. Refresh tokens stay valid.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// RevokeTokens ends every token that was issued so far, refresh tokens too.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
	clear(s.refreshes)
}

func (s *Server) mintCode(in *exchange, query url.Values) string {
	name := s.mint("code+")
	s.codes[name] = &code{
		grant:     &grant{user: s.signedIn, scopes: s.partOf(strings.Fields(query.Get("scope")))},
		redirect:  query.Get("redirect_uri"),
		challenge: query.Get("code_challenge"),
		end:       in.now.Add(codeLife),
	}
	return name
}

// partOf returns the scopes that the app has. PagerDuty leaves the others out without an
// error.
func (s *Server) partOf(asked []string) []string {
	var granted []string
	for _, scope := range asked {
		if slices.Contains(s.appScopes, scope) || scope == "openid" {
			granted = append(granted, scope)
		}
	}
	return granted
}

// giveToken is the token endpoint. It reads parameters only in the body, where a secret
// is not logged.
func (s *Server) giveToken(in *exchange) answer {
	form, err := url.ParseQuery(string(in.body))
	switch {
	case err != nil || !strings.HasPrefix(in.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return tokenError("invalid_request", "The body is not a form")
	case form.Get("client_id") != clientID || form.Get("client_secret") != clientSecret:
		out := tokenError("invalid_client", "Client authentication failed")
		out.status = http.StatusUnauthorized
		return out
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		return s.giveAppToken(in, form)
	case "authorization_code":
		return s.redeem(in, form)
	case "refresh_token":
		return s.refresh(in, form)
	}
	return tokenError("unsupported_grant_type", "The grant type is not supported")
}

func (s *Server) giveAppToken(in *exchange, form url.Values) answer {
	asked := strings.Fields(form.Get("scope"))
	account := "as_account-" + s.region + "." + subdomain
	if !slices.Contains(asked, account) {
		return tokenError("invalid_scope", "The as_account scope is missing or of another account")
	}
	g := &grant{scopes: append([]string{account}, s.partOf(asked)...)}
	return reply(s.mintTokens(in, g, false))
}

func (s *Server) redeem(in *exchange, form url.Values) answer {
	c := s.codes[form.Get("code")]
	switch {
	case c == nil || !in.now.Before(c.end):
		return tokenError("invalid_grant", "The code is unknown or expired")
	case c.used: // it may be stolen: its tokens end too
		c.grant.dead = true
		s.dropDead()
		return tokenError("invalid_grant", "The code was used before")
	case c.redirect != form.Get("redirect_uri"):
		return tokenError("invalid_grant", "The redirect_uri is another one")
	case challengeOf(form.Get("code_verifier")) != c.challenge:
		return tokenError("invalid_grant", "The code_verifier does not match")
	}
	c.used = true
	return reply(s.mintTokens(in, c.grant, true))
}

// challengeOf returns the S256 challenge of RFC 7636, without padding.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// refresh returns new tokens for a refresh token, once. Using it again, as a thief would,
// ends the whole grant.
func (s *Server) refresh(in *exchange, form url.Values) answer {
	old := s.refreshes[form.Get("refresh_token")]
	switch {
	case old == nil || !in.now.Before(old.end):
		return tokenError("invalid_grant", "The refresh token is unknown or expired")
	case old.used:
		old.grant.dead = true
		s.dropDead()
		return tokenError("invalid_grant", "The refresh token was used before")
	}
	old.used = true
	return reply(s.mintTokens(in, old.grant, true))
}

func (s *Server) mintTokens(in *exchange, g *grant, refreshable bool) map[string]any {
	access := s.mint("pdus+_0XBPWQQ_")
	s.tokens[access] = &token{grant: g, end: in.now.Add(accessLife)}
	body := map[string]any{
		"access_token": access, "token_type": "bearer", "expires_in": int(accessLife.Seconds()),
		"scope": strings.Join(g.scopes, " "),
	}
	if refreshable {
		refresh := s.mint("pdus+_1XBPWQQ_")
		s.refreshes[refresh] = &token{grant: g, end: in.now.Add(refreshLife)}
		body["refresh_token"] = refresh
	}
	if slices.Contains(g.scopes, "openid") {
		body["id_token"] = s.idToken(in, g)
	}
	return body
}

// idToken returns an ID token with PagerDuty's claims, and a signature that cannot be
// verified.
func (s *Server) idToken(in *exchange, g *grant) string {
	audience := "https://api.pagerduty.com"
	if s.region == "eu" {
		audience = "https://api.eu.pagerduty.com"
	}
	claims := map[string]any{
		"aud": []string{clientID, audience}, "exp": in.now.Add(accessLife).Unix(), "iat": in.now.Unix(),
		"user_id": g.user.ID, "account_id": s.accountID, "subdomain": subdomain, "region": s.region,
	}
	part := base64.RawURLEncoding.EncodeToString
	header := map[string]string{"alg": "RS256", "typ": "JWT"}
	return part(encode(header)) + "." + part(encode(claims)) + "." + part([]byte("none"))
}

// dropDead removes the tokens of ended grants.
func (s *Server) dropDead() {
	for _, tokens := range []map[string]*token{s.tokens, s.refreshes} {
		for name, t := range tokens {
			if t.grant.dead {
				delete(tokens, name)
			}
		}
	}
}

func tokenError(kind, description string) answer {
	out := reply(map[string]string{"error": kind, "error_description": description})
	out.status = http.StatusBadRequest
	return out
}
