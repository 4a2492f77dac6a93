package pagerdutytest

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// WithRedirectURIs sets the redirect URIs of the OAuth app. Without it any is accepted.
func WithRedirectURIs(uris ...string) Option {
	return func(s *Server) { s.redirectURIs = append([]string{}, uris...) }
}

// WithConsentPage makes the authorize page show a form that works without script: with
// the field "user", and the buttons #allow and #deny. Without it, the user who is signed
// in consents at once.
func WithConsentPage() Option { return func(s *Server) { s.consentPage = true } }

// SignIn sets the user who consents, or is preset in the form, by id; with "" consent is
// refused. By default it is the user of From.
func (s *Server) SignIn(userID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signedIn = s.user(userID)
}

// authorize redirects with a code, or shows the consent form.
func (s *Server) authorize(in *exchange) answer {
	query := in.URL.Query()
	back, err := url.Parse(query.Get("redirect_uri"))
	switch {
	case query.Get("client_id") != clientID:
		return htmlPage(400, "<h1>The application is unknown</h1>")
	case err != nil || back.Host == "",
		s.redirectURIs != nil && !slices.Contains(s.redirectURIs, query.Get("redirect_uri")):
		return htmlPage(400, "<h1>The redirect_uri is not one of the application's</h1>")
	}
	fields := back.Query()
	if state := query.Get("state"); state != "" {
		fields.Set("state", state)
	}
	switch {
	case query.Get("response_type") != "code":
		fields.Set("error", "unsupported_response_type")
	case query.Get("code_challenge_method") != "S256" || len(query.Get("code_challenge")) != 43:
		fields.Set("error", "invalid_request") // scoped OAuth always requires PKCE
	case s.consentPage && in.Method == http.MethodGet:
		return s.consentForm(query.Get("scope"))
	case !s.consents(in):
		fields.Set("error", "access_denied")
	default:
		fields.Set("code", s.mintCode(in, query))
	}
	back.RawQuery = fields.Encode()
	return answer{status: http.StatusFound, header: http.Header{"Location": {back.String()}}}
}

// consents signs in the user chosen in the form, if there is one, and reports whether
// that user agrees.
func (s *Server) consents(in *exchange) bool {
	if !s.consentPage {
		return s.signedIn != nil
	}
	form, err := url.ParseQuery(string(in.body))
	if err != nil {
		return false
	}
	if chosen := s.user(form.Get("user")); chosen != nil {
		s.signedIn = chosen
	}
	return form.Get("consent") == "allow" && s.signedIn != nil
}

// consentForm posts to its own address, which has all parameters of the app.
func (s *Server) consentForm(scope string) answer {
	var users strings.Builder
	for _, user := range s.users {
		selected := ""
		if user == s.signedIn {
			selected = " selected"
		}
		fmt.Fprintf(&users, `<option value="%s"%s>%s (%s)</option>`, html.EscapeString(user.ID), selected,
			html.EscapeString(user.Name), html.EscapeString(user.Role))
	}
	return htmlPage(200, `<h1>Allow access?</h1><p>The app asks for: `+html.EscapeString(scope)+`</p><form method="post">`+
		`<p><label>Signed in as <select name="user">`+users.String()+`</select></label></p>`+
		`<p><button id="allow" name="consent" value="allow">Allow</button> `+
		`<button id="deny" name="consent" value="deny">Deny</button></p></form>`)
}

func htmlPage(status int, content string) answer {
	return answer{
		status: status,
		body:   []byte(`<!DOCTYPE html><html lang="en"><title>PagerDuty (fake)</title>` + content),
	}
}
