package nethttp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/install"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	stateLife    = 10 * time.Minute // from the begin of a flow to its callback
	stateKnown   = time.Hour        // until then a browser whose callback comes late, or again, is told so
	stateGarbage = 24 * time.Hour   // until then any other is told that it is none of its own
	stateFormat  = 1
)

// purpose is what an OAuth flow was begun for.
type purpose string

const forLogin purpose = "login"

func forInstall(vendor install.Vendor) purpose { return purpose("install-" + string(vendor)) }

// Why a callback's state is not good. Whatever else finish fails with is the store's.
var (
	errNoState      = errors.New("the callback has no state")
	errUnknownState = errors.New("the state is not one of ours")
	errOtherBrowser = errors.New("the flow was begun in another browser")
	errUsedState    = errors.New("the state was used already")
	errExpiredState = errors.New("the flow took too long")
)

// oauthStates keeps what a callback must find again, from the begin of a flow to its end: in the store, so that another
// process or a restarted one can end it. A state is good once, for ten minutes, in the browser that began the flow.
type oauthStates struct {
	store  tokenstore.Store
	secure bool // the service is reached over https
}

// flow is an OAuth flow that a callback has ended well.
type flow struct {
	purpose  purpose
	verifier string // of PKCE, for Exchange
	back     string // path of ours to go on at
	carried  json.RawMessage
}

// startedFlow is what a browser is sent to the vendor with.
type startedFlow struct {
	state    string
	verifier string
	cookie   *http.Cookie // binds the flow to the browser
}

// keptFlow is a flow in the store. Once it is used only the purpose is left.
type keptFlow struct {
	Format   int             `json:"format"`
	Purpose  purpose         `json:"purpose"`
	Used     bool            `json:"used,omitempty"`
	Until    time.Time       `json:"until"`
	Browser  string          `json:"browser"` // fingerprint of the cookie
	Verifier string          `json:"verifier,omitempty"`
	Back     string          `json:"back,omitempty"`
	Carried  json.RawMessage `json:"carried,omitempty"`
}

// begin starts a flow. carried, which may be secret, is handed back by finish.
func (s *oauthStates) begin(ctx context.Context, why purpose, back string, carried json.RawMessage) (startedFlow, error) {
	started := startedFlow{state: rand.Text(), verifier: oauth2.GenerateVerifier()}
	secret := rand.Text()
	started.cookie = s.cookie(started.state, secret)
	value, err := json.Marshal(keptFlow{
		Format: stateFormat, Purpose: why, Until: time.Now().Add(stateLife).UTC(), Browser: fingerprint(secret),
		Verifier: started.verifier, Back: localPath(back), Carried: carried,
	})
	if err != nil {
		return startedFlow{}, fmt.Errorf("begin a flow: %w", err)
	}
	_, err = s.store.Put(ctx, stateKey(started.state), tokenstore.Record{
		Value: value, ExpiresAt: time.Now().Add(stateGarbage),
	})
	if err != nil {
		return startedFlow{}, fmt.Errorf("begin a flow: %w", err)
	}
	return started, nil
}

// finish ends the flow of the callback's state, which is worthless afterwards. A callback of another browser ends
// nothing. When two come at once, one gets it. With an error about a state of ours the flow says what it was for, and with
// an expired one what it carried.
func (s *oauthStates) finish(ctx context.Context, r *http.Request) (*flow, error) {
	state := r.URL.Query().Get("state")
	if state == "" {
		return nil, errNoState
	}
	key := stateKey(state)
	stored, err := s.store.Get(ctx, key)
	if errors.Is(err, tokenstore.ErrNotFound) {
		return nil, errUnknownState
	}
	if err != nil {
		return nil, fmt.Errorf("end a flow: %w", err)
	}
	var kept keptFlow
	if err := json.Unmarshal(stored.Value, &kept); err != nil || kept.Format != stateFormat {
		return nil, errUnknownState // nothing of the value is for an error: it holds secrets
	}
	refused := &flow{purpose: kept.Purpose, back: "/"}
	switch {
	case !s.sameBrowser(r, state, kept.Browser):
		return refused, errOtherBrowser
	case kept.Used:
		return refused, errUsedState
	case !time.Now().Before(kept.Until):
		refused.carried = kept.Carried
		return refused, errExpiredState
	}
	used := keptFlow{Format: stateFormat, Purpose: kept.Purpose, Used: true, Until: kept.Until, Browser: kept.Browser}
	if stored.Value, err = json.Marshal(used); err != nil {
		return nil, fmt.Errorf("end a flow: %w", err)
	}
	_, err = s.store.Put(ctx, key, stored)
	if errors.Is(err, tokenstore.ErrConflict) {
		return refused, errUsedState
	}
	if err != nil {
		return nil, fmt.Errorf("end a flow: %w", err)
	}
	return &flow{purpose: kept.Purpose, verifier: kept.Verifier, back: kept.Back, carried: kept.Carried}, nil
}

// cookie is the flow's own, so that several flows of one browser do not disturb each other. Over https nobody but this
// very host can set or read it.
func (s *oauthStates) cookie(state, secret string) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // G124: a browser takes no Secure cookie over http, which is for this machine alone
		Name: s.cookieName(state), Value: secret, Path: "/", MaxAge: int(stateKnown.Seconds()),
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, // strict would keep it from the callback
	}
}

func (s *oauthStates) cookieName(state string) string {
	const enough = 16
	name := "incidentbridge-flow-" + fingerprint(state)[:enough]
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *oauthStates) sameBrowser(r *http.Request, state, browser string) bool {
	cookie, err := r.Cookie(s.cookieName(state))
	return err == nil && subtle.ConstantTimeCompare([]byte(fingerprint(cookie.Value)), []byte(browser)) == 1
}

// stateKey holds no state: keys stand in the store as they are.
func stateKey(state string) string { return "oauth/" + fingerprint(state) }

func fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// localPath is path if it leads to this service, else "/": nobody is sent elsewhere.
func localPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsFunc(path, unfit) {
		return "/"
	}
	return path
}

// unfit is what a browser reads as a slash, or leaves out, and what no address has.
func unfit(r rune) bool { return r == '\\' || r <= ' ' || r == 0x7f }
