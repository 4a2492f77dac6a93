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
	"strings"
	"time"
)

const codeLife = 5 * time.Minute

// WithRedirectURIs sets the redirect URIs of the app that users install. Without it any
// is accepted.
func WithRedirectURIs(uris ...string) Option {
	return func(s *Server) { s.redirectURIs = append([]string{}, uris...) }
}

// WithConsentPage makes the authorize page show a form that works without script: with
// the field "user", and the buttons #allow and #decline. Without it, the user who is
// signed in consents at once.
func WithConsentPage() Option { return func(s *Server) { s.consentPage = true } }

// WithAdminApp makes the app that users install an account-level one: only the owner and
// admins may install it, and its tokens have the scopes of an administrator for every
// user of the account.
func WithAdminApp() Option { return func(s *Server) { s.adminApp = true } }

// SignIn sets the user who consents at the authorize page, by e-mail address. By default
// it is the first user of the fake. It panics on an address that no user has.
func (s *Server) SignIn(email string) {
	s.fake.Lock()
	defer s.fake.Unlock()
	user := s.userNamed(email)
	if user == nil {
		panic("zoomtest: no user has the address " + email)
	}
	s.visitor = user
}

// consent is an authorization code and what it was issued for.
type consent struct {
	code        string
	end         time.Time
	redirectURI string
	challenge   string
	method      string // S256 or plain
}

// authorizePage redirects with a code, or shows the consent form.
func (s *Server) authorizePage(in *exchange) answer {
	query := in.URL.Query()
	redirect, err := url.Parse(query.Get("redirect_uri"))
	method := query.Get("code_challenge_method")
	if method == "" {
		method = "plain" // Zoom's default
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
	case s.consentPage && in.Method == http.MethodGet:
		return s.consentForm()
	}
	form, _ := url.ParseQuery(string(in.Content))
	if chosen := s.userNamed(form.Get("user")); chosen != nil {
		s.visitor = chosen
	}
	if s.adminApp && !s.visitor.isAdmin() {
		return page(403, "<h1>Only an administrator of the account can add this app</h1>")
	}
	back := redirect.Query()
	if state := query.Get("state"); state != "" {
		back.Set("state", state)
	}
	if s.consentPage && form.Get("consent") != "allow" {
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

// consentForm posts to its own address, which has all parameters of the app.
func (s *Server) consentForm() answer {
	var users strings.Builder
	for _, user := range s.users {
		selected := ""
		if user == s.visitor {
			selected = " selected"
		}
		fmt.Fprintf(&users, `<option value="%s"%s>%s (%s)</option>`, html.EscapeString(user.ID), selected,
			html.EscapeString(user.Email), html.EscapeString(user.role()))
	}
	return page(200, `<h1>Allow the app?</h1><form method="post">`+
		`<p><label>Signed in as <select name="user">`+users.String()+`</select></label></p>`+
		`<p><button id="allow" name="consent" value="allow">Allow</button> `+
		`<button id="decline" name="consent" value="decline">Decline</button></p></form>`)
}

func page(status int, content string) answer {
	return answer{Status: status, Body: []byte(`<!DOCTYPE html><html lang="en"><title>Zoom (fake)</title>` + content)}
}

// exchangeCode accepts a code once, within five minutes, with the verifier of its
// challenge.
func (s *Server) exchangeCode(form url.Values, now time.Time) answer {
	for _, g := range s.grants {
		if form.Get("code") == "" || g.code.code != form.Get("code") {
			continue
		}
		given := g.code
		g.code = consent{} // a failed exchange uses it up too
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
