package nethttp

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	sessionLife   = 12 * time.Hour
	sessionCookie = "incidentbridge-session"
	sessionFormat = 1
)

// errNoSession reports that nobody is logged in, or no longer.
var errNoSession = errors.New("not logged in")

// session is a person who is logged in. It is a record in the store, found by the random
// secret in the browser's cookie: it survives a restart, is valid in every replica, and
// is gone everywhere once it was ended.
type session struct {
	Format int       `json:"format"`
	User   string    `json:"user"` // id at PagerDuty, never empty
	Name   string    `json:"name"`
	Home   string    `json:"home,omitempty"` // the account's address at PagerDuty
	Token  string    `json:"token"`          // of the forms: see sessions.checkForm
	Until  time.Time `json:"until"`
}

func (s *session) requester() bridge.Requester { return bridge.Requester{ID: s.User} }

func (s *session) view() *sessionView { return &sessionView{Name: s.Name, Token: s.Token} }

// sessions keeps the sessions of a site.
type sessions struct{ site *site }

// begin logs a person in and returns the cookie for their browser.
func (ss *sessions) begin(ctx context.Context, s session) (*http.Cookie, error) {
	secret := rand.Text()
	s.Format, s.Token, s.Until = sessionFormat, rand.Text(), time.Now().Add(sessionLife).UTC()
	value, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("begin session: %w", err)
	}
	_, err = ss.site.store.Put(ctx, ss.key(secret), tokenstore.Record{Value: value, ExpiresAt: s.Until})
	if err != nil {
		return nil, fmt.Errorf("begin session: %w", err)
	}
	return ss.site.cookie(sessionCookie, secret, sessionLife), nil
}

// find returns the session of the browser that sent the request, or errNoSession.
func (ss *sessions) find(ctx context.Context, r *http.Request) (*session, error) {
	cookie, err := r.Cookie(ss.site.cookieName(sessionCookie))
	if err != nil {
		return nil, errNoSession
	}
	stored, err := ss.site.store.Get(ctx, ss.key(cookie.Value))
	if errors.Is(err, tokenstore.ErrNotFound) || errors.Is(err, tokenstore.ErrUnreadable) { // ended, or its key is gone
		return nil, errNoSession
	}
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	var s session
	if err := json.Unmarshal(stored.Value, &s); err != nil || s.Format != sessionFormat {
		return nil, errNoSession // of another version
	}
	if s.User == "" || s.Token == "" || !time.Now().Before(s.Until) {
		return nil, errNoSession
	}
	return &s, nil
}

// end logs out, in every browser that has the cookie, and returns the cookie that deletes
// it in this one.
func (ss *sessions) end(ctx context.Context, r *http.Request) (*http.Cookie, error) {
	if cookie, err := r.Cookie(ss.site.cookieName(sessionCookie)); err == nil {
		// Without a version: a secret is never used again, so a late deletion hits no
		// successor.
		if err := ss.site.store.Delete(ctx, ss.key(cookie.Value), ""); err != nil {
			return nil, fmt.Errorf("end session: %w", err)
		}
	}
	return ss.site.cookie(sessionCookie, "", -time.Second), nil
}

// key is where a session is stored. It contains no secret, because keys are stored
// unsealed. It contains the origin, so that a session of one service is none of another's
// in the same store.
func (ss *sessions) key(secret string) string {
	return "session/" + fingerprint(ss.site.origin+" "+secret)
}

// Why a form is refused: another site sent it, or it was made for an earlier session.
var (
	errForeignForm = errors.New("form sent by another origin")
	errStaleForm   = errors.New("form made for another session")
)

// checkForm refuses a form that a page of another origin, sibling hosts included, sends
// in the name of the person who is logged in. Two things must be right: the headers in
// which the browser tells where the form comes from, and the token, which only pages of
// this session have.
func (ss *sessions) checkForm(r *http.Request, form url.Values, s *session) error {
	if ss.isCrossOrigin(r) {
		return errForeignForm
	}
	if subtle.ConstantTimeCompare([]byte(form.Get("token")), []byte(s.Token)) != 1 {
		return errStaleForm
	}
	return nil
}

// isCrossOrigin reports whether the browser does not confirm that a page of ours sent the
// form.
func (ss *sessions) isCrossOrigin(r *http.Request) bool {
	origin, fetchSite := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	// The two checks before http.CrossOriginProtection refuse what it accepts: a request
	// without either header, which browsers do not send for a form; an Origin with our
	// host and another scheme, because it compares hosts only; and an Origin of another
	// site, if the browser calls it same-origin or the Host header repeats it.
	if origin == "" && fetchSite == "" {
		return true
	}
	if origin != "" && origin != "null" && origin != ss.site.origin { // null: a page that hides its address
		return true
	}
	r = r.WithContext(r.Context())
	_, r.Host, _ = strings.Cut(ss.site.origin, "://") // a proxy in front may have sent its own
	return http.NewCrossOriginProtection().Check(r) != nil
}
