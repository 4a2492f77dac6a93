package zoomtest

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

const (
	account = "ACCOUNT"
	client  = "CLIENT"
	secret  = "SECRET"
)

// ExpireTokens makes every access token that was given out so far worthless.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// mintToken is the token endpoint. Parameters count only in the body, where a secret stays out of logs.
func (s *Server) mintToken(in *exchange) answer {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(client+":"+secret))
	form, err := url.ParseQuery(string(in.body))
	switch {
	case in.Header.Get("Authorization") != basic:
		return refuseToken("invalid_client", "Invalid client_id or client_secret")
	case err != nil || form.Get("grant_type") == "":
		return refuseToken("invalid_request", "Bad Request")
	case form.Get("grant_type") != "account_credentials":
		return refuseToken("unsupported_grant_type", "unsupported grant type")
	case form.Get("account_id") != account:
		return refuseToken("invalid_request", "Bad Request")
	}
	s.minted++
	token := fmt.Sprintf("zoomtest-access-token-%d", s.minted)
	s.tokens[token] = in.now.Add(s.tokenLife)
	body := map[string]any{
		"access_token": token,
		"token_type":   "bearer",
		"expires_in":   int(s.tokenLife.Seconds()),
		"scope":        "meeting:write:meeting:admin meeting:read:meeting:admin",
	}
	if s.apiURL != "" {
		body["api_url"] = s.apiURL
	}
	return reply(200, body)
}

func refuseToken(kind, reason string) answer {
	return reply(400, map[string]string{"error": kind, "reason": reason})
}

// authorized lets only requests with a living access token through to the work.
func (s *Server) authorized(do work) work {
	return func(in *exchange) answer {
		token, isBearer := strings.CutPrefix(in.Header.Get("Authorization"), "Bearer ")
		end, known := s.tokens[token]
		switch {
		case !isBearer || !known:
			return refuse(401, 124, "Invalid access token.")
		case !in.now.Before(end):
			return refuse(401, 124, "Access token is expired.")
		}
		return do(in)
	}
}
