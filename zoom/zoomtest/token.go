package zoomtest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The two apps of the fake: one of the account itself, one that users install.
const (
	account   = "ACCOUNT"
	client    = "CLIENT"
	secret    = "SECRET"
	appClient = "APP-CLIENT"
	appSecret = "APP-SECRET"
)

const refreshLife = 90 * 24 * time.Hour

// AccountCredentials returns the account id, client id and client secret of the
// server-to-server app.
func (s *Server) AccountCredentials() (accountID, clientID, clientSecret string) {
	return account, client, secret
}

// AppCredentials returns the client id and client secret of the app that users install at
// the authorize page.
func (s *Server) AppCredentials() (clientID, clientSecret string) { return appClient, appSecret }

// ExpireTokens ends every access token that was issued so far. Refresh tokens stay valid.
func (s *Server) ExpireTokens() {
	s.fake.Lock()
	defer s.fake.Unlock()
	for _, g := range s.grants {
		g.access = ""
	}
}

// WithReuseDetection ends a whole grant when one of its refresh tokens is used a second
// time. Without it only that request is refused.
func WithReuseDetection() Option { return func(s *Server) { s.reuseDetection = true } }

// grant is a consent to an app, by which user, with its tokens.
type grant struct {
	user    *User // nil: the account's own app
	code    consent
	access  string
	end     time.Time
	refresh string
	dies    time.Time // when the refresh token does
	used    []string  // refresh tokens that have been exchanged
	revoked bool
}

// giveToken is the token endpoint. It reads parameters only in the body, where a secret
// is not logged.
func (s *Server) giveToken(in *exchange) answer {
	form, err := url.ParseQuery(string(in.Content))
	app := appOf(in)
	kind := form.Get("grant_type")
	switch {
	case app == "":
		return badClient()
	case err != nil || kind == "":
		return refuseToken("invalid_request", "Bad Request")
	case app == client && kind == "account_credentials":
		if form.Get("account_id") != account {
			return refuseToken("invalid_request", "Bad Request")
		}
		g := &grant{}
		s.grants = append(s.grants, g)
		return s.mint(g, in.Now)
	case app == appClient && kind == "authorization_code":
		return s.exchangeCode(form, in.Now)
	case app == appClient && kind == "refresh_token":
		return s.refreshToken(form.Get("refresh_token"), in.Now)
	}
	return refuseToken("unsupported_grant_type", "unsupported grant type")
}

func (s *Server) refreshToken(token string, now time.Time) answer {
	for _, g := range s.grants {
		if slices.Contains(g.used, token) {
			g.revoked = g.revoked || s.reuseDetection
			return s.invalidGrant()
		}
		if token != "" && token == g.refresh && !g.revoked && now.Before(g.dies) {
			g.used = append(g.used, token)
			return s.mint(g, now)
		}
	}
	return s.invalidGrant()
}

// invalidGrant refuses a refresh token in the three shapes that have been seen, in turn.
func (s *Server) invalidGrant() answer {
	switch s.turn("invalid_grant") % 3 {
	case 0:
		return refuseToken("invalid_grant", "Invalid Token!")
	case 1:
		return reply(400, map[string]string{"error": "invalid_grant"})
	default:
		out := refuseToken("invalid_request", "Invalid Token!")
		out.Status = 401
		return out
	}
}

// mint gives the grant new tokens. The old access token of a user is then invalid, while
// an account may have several.
func (s *Server) mint(g *grant, now time.Time) answer {
	s.minted++
	g.access = fmt.Sprintf("zoomtest-access-token-%d", s.minted)
	g.end = now.Add(s.tokenLife)
	body := map[string]any{
		"access_token": g.access,
		"token_type":   "bearer",
		"expires_in":   int(s.tokenLife.Seconds()),
		"scope":        strings.Join(s.scopesOf(g), " "),
	}
	if g.user != nil {
		g.refresh = fmt.Sprintf("zoomtest-refresh-token-%d", s.minted)
		g.dies = now.Add(refreshLife)
		body["refresh_token"] = g.refresh
	}
	if s.apiURL != "" {
		body["api_url"] = s.apiURL
	}
	return reply(200, body)
}

// revokeToken ends the grant of an access token. It refuses a Bearer header instead of
// the client's own.
func (s *Server) revokeToken(in *exchange) answer {
	form, err := url.ParseQuery(string(in.Content))
	switch {
	case appOf(in) == "":
		return badClient()
	case err != nil || form.Get("token") == "":
		return refuseToken("invalid_request", "Bad Request")
	}
	if g := s.grantOf(form.Get("token")); g != nil {
		g.revoked = true
	}
	return reply(200, map[string]string{"status": "success"})
}

// grantOf returns the grant with that access token, or nil.
func (s *Server) grantOf(access string) *grant {
	for _, g := range s.grants {
		if access != "" && g.access == access && !g.revoked {
			return g
		}
	}
	return nil
}

// appOf returns the client id of the app with the credentials of the Basic header, in
// standard base64, or "".
func appOf(in *exchange) string {
	for id, secret := range map[string]string{client: secret, appClient: appSecret} {
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
		if in.Header.Get("Authorization") == basic {
			return id
		}
	}
	return ""
}

func badClient() answer { return refuseToken("invalid_client", "Invalid client_id or client_secret") }

func refuseToken(kind, reason string) answer {
	return reply(400, map[string]string{"error": kind, "reason": reason})
}
