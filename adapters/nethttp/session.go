package nethttp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	sessionLife   = 12 * time.Hour
	sessionCookie = "incidentbridge-session"
	sessionFormat = 1
)

// errNoSession says that nobody is logged in, or not any more.
var errNoSession = errors.New("nobody is logged in")

// session is somebody who is logged in. It is a record of the store, found by the random secret in the browser's cookie;
// so it survives a restart, counts in every replica, and is gone everywhere once it was ended.
type session struct {
	Format int       `json:"format"`
	User   string    `json:"user"` // id at PagerDuty, never empty
	Name   string    `json:"name"`
	Home   string    `json:"home,omitempty"` // the account's address at PagerDuty
	Token  string    `json:"token"`          // see antiForgery
	Until  time.Time `json:"until"`
}

// requester is whoever is logged in, as the service knows people.
func (s *session) requester() bridge.Requester { return bridge.Requester{ID: s.User} }

// visitor is whoever is logged in, as the layout shows them.
func (s *session) visitor() *visitor { return &visitor{Name: s.Name, Token: s.Token} }

// begin logs somebody in and returns the cookie that the browser shows from now on.
func (s *site) begin(ctx context.Context, who session) (*http.Cookie, error) {
	secret := rand.Text()
	who.Format, who.Token, who.Until = sessionFormat, rand.Text(), time.Now().Add(sessionLife).UTC()
	value, err := json.Marshal(who)
	if err != nil {
		return nil, fmt.Errorf("begin a session: %w", err)
	}
	_, err = s.store.Put(ctx, s.sessionKey(secret), tokenstore.Record{Value: value, ExpiresAt: who.Until})
	if err != nil {
		return nil, fmt.Errorf("begin a session: %w", err)
	}
	return s.cookie(sessionCookie, secret, sessionLife), nil
}

// session returns who is logged in in the browser that sent the request; errNoSession when nobody is.
func (s *site) session(ctx context.Context, r *http.Request) (*session, error) {
	cookie, err := r.Cookie(s.cookieName(sessionCookie))
	if err != nil {
		return nil, errNoSession
	}
	stored, err := s.store.Get(ctx, s.sessionKey(cookie.Value))
	if errors.Is(err, tokenstore.ErrNotFound) || errors.Is(err, tokenstore.ErrUnreadable) { // ended, or its key is gone
		return nil, errNoSession
	}
	if err != nil {
		return nil, fmt.Errorf("read a session: %w", err)
	}
	var who session
	if err := json.Unmarshal(stored.Value, &who); err != nil || who.Format != sessionFormat {
		return nil, errNoSession // of another version
	}
	if who.User == "" || who.Token == "" || !time.Now().Before(who.Until) {
		return nil, errNoSession
	}
	return &who, nil
}

// end logs out, in every browser that has the cookie, and returns the cookie that takes it away from this one.
func (s *site) end(ctx context.Context, r *http.Request) (*http.Cookie, error) {
	if cookie, err := r.Cookie(s.cookieName(sessionCookie)); err == nil {
		// Without a version: a secret is never used again, so there is no successor that a late deletion could hit.
		if err := s.store.Delete(ctx, s.sessionKey(cookie.Value), ""); err != nil {
			return nil, fmt.Errorf("end a session: %w", err)
		}
	}
	return s.cookie(sessionCookie, "", -time.Second), nil
}

// sessionKey is where a session is kept. It holds no secret, since keys stand in the store as they are; and where two
// installations share a store, a session of one is none of the other.
func (s *site) sessionKey(secret string) string { return "session/" + fingerprint(s.origin+" "+secret) }
