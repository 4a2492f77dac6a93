package nethttp

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
)

// Why a form is refused. The first is for a form of another site, the second for one of ours that is too old, or of
// somebody who was logged in here before.
var (
	errForeignForm = errors.New("the form was sent by a page of another site")
	errStaleForm   = errors.New("the form was not made for this session")
)

// antiForgery refuses what a page of another origin sends in the name of whoever is logged in here, a sibling host's page
// included. Two things must be right: what the browser says of the page that sent it, and the form's token, which only
// a page of this very session has.
func (s *site) antiForgery(r *http.Request, form url.Values, who *session) error {
	if s.foreign(r) {
		return errForeignForm
	}
	if subtle.ConstantTimeCompare([]byte(form.Get("token")), []byte(who.Token)) != 1 {
		return errStaleForm
	}
	return nil
}

// foreign says whether the browser does not vouch that a page of ours sent the form. It is stricter than
// http.CrossOriginProtection, which cannot know our scheme, and lets pass what comes without any header.
func (s *site) foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin != "" && origin != "null" && origin != s.origin { // null: where a page keeps its address to itself
		return true
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none": // none: the person in front of it, not a page
		return false
	case "": // an older browser
		return origin != s.origin
	default:
		return true
	}
}
