package zoomtest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"time"
)

const codeLife = 5 * time.Minute

// WithRedirectURIs sets the redirect URIs of the app that users install. Without it every one is taken.
func WithRedirectURIs(uris ...string) Option {
	return func(s *Server) { s.redirectURIs = append([]string{}, uris...) }
}

// WithConsentPage lets the authorize page show two links, Allow and Decline. Without it, consent is given at once.
func WithConsentPage() Option { return func(s *Server) { s.consentPage = true } }

// SignIn makes the user of that address the one who consents at the authorize page, until somebody else signs in. The
// first user of the fake is signed in from the start. It panics on an address that no user has.
func (s *Server) SignIn(email string) {
	s.fake.Lock()
	defer s.fake.Unlock()
	user := s.userNamed(email)
	if user == nil {
		panic("zoomtest: no user has the address " + email)
	}
	s.visitor = user
}

// consent is an authorization code and what it was given for.
type consent struct {
	code        string
	end         time.Time
	redirectURI string
	challenge   string
	method      string // S256 or plain
}

// authorizePage sends the browser back with a code, or shows where to click for that.
func (s *Server) authorizePage(in *exchange) answer {
	query := in.URL.Query()
	redirect, err := url.Parse(query.Get("redirect_uri"))
	method := query.Get("code_challenge_method")
	if method == "" {
		method = "plain" // Zoom's default, though nobody should want it
	}
	switch {
	case query.Get("client_id") != appClient:
		return page(400, "<h1>Invalid client_id: "+html.EscapeString(query.Get("client_id"))+"</h1>")
	case err != nil || !redirect.IsAbs(),
		s.redirectURIs != nil && !slices.Contains(s.redirectURIs, query.Get("redirect_uri")):
		return page(400, "<h1>Invalid redirect</h1>")
	case query.Get("response_type") != "code":
		return page(400, "<h1>Invalid response_type</h1>")
	case query.Get("code_challenge") != "" && method != "S256" && method != "plain":
		return page(400, "<h1>Invalid code_challenge_method</h1>")
	case s.visitor == nil:
		return page(401, "<h1>Nobody is signed in</h1>")
	}
	choice := query.Get("consent")
	if s.consentPage && choice == "" {
		return consentPage(*in.URL, s.visitor.Email)
	}
	back := redirect.Query()
	if state := query.Get("state"); state != "" {
		back.Set("state", state)
	}
	if choice == "decline" {
		back.Set("error", "access_denied")
	} else {
		s.minted++
		g := &grant{user: s.visitor, code: consent{
			code:        fmt.Sprintf("zoomtest-code-%d", s.minted),
			end:         in.Now.Add(codeLife),
			redirectURI: query.Get("redirect_uri"),
			challenge:   query.Get("code_challenge"),
			method:      method,
		}}
		s.grants = append(s.grants, g)
		back.Set("code", g.code.code)
	}
	redirect.RawQuery = back.Encode()
	return answer{Status: http.StatusFound, Header: http.Header{"Location": {redirect.String()}}}
}

func consentPage(address url.URL, email string) answer {
	link := func(choice string) string {
		query := address.Query()
		query.Set("consent", choice)
		address.RawQuery = query.Encode()
		return html.EscapeString(address.RequestURI())
	}
	return page(200, "<h1>Allow the app?</h1><p>Signed in as "+html.EscapeString(email)+"</p>"+
		`<p><a id="allow" href="`+link("allow")+`">Allow</a> <a id="decline" href="`+link("decline")+`">Decline</a></p>`)
}

func page(status int, content string) answer {
	return answer{Status: status, Body: []byte("<!DOCTYPE html><title>Zoom</title>" + content)}
}

// exchangeCode takes a code once, within five minutes, from whoever knows the verifier of its challenge.
func (s *Server) exchangeCode(form url.Values, now time.Time) answer {
	for _, g := range s.grants {
		if form.Get("code") == "" || g.code.code != form.Get("code") {
			continue
		}
		given := g.code
		g.code = consent{} // one use, even a wrong one
		switch {
		case !now.Before(given.end):
			return refuseToken("invalid_grant", "Authorization code has expired")
		case form.Get("redirect_uri") != given.redirectURI:
			return refuseToken("invalid_request", "Redirect URI mismatch")
		case !given.provedBy(form.Get("code_verifier")):
			return refuseToken("invalid_grant", "Invalid code verifier")
		}
		return s.mint(g, now)
	}
	return refuseToken("invalid_grant", "Invalid authorization code")
}

func (c consent) provedBy(verifier string) bool {
	if c.challenge == "" {
		return true
	}
	proof := verifier
	if c.method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		proof = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(proof), []byte(c.challenge)) == 1
}
