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
	stateLife    = 10 * time.Minute // from the start of a flow to its callback
	stateKnown   = time.Hour        // until then, the browser of a late or repeated callback is told so
	stateGarbage = 24 * time.Hour   // until then, any other browser is told that the flow is not its own
	stateFormat  = 1
)

// purpose is what an OAuth flow was started for.
type purpose string

const forLogin purpose = "login"

func forInstall(vendor install.Vendor) purpose { return purpose("install-" + string(vendor)) }

// Why a callback's state is not good. Any other error of finish is the store's.
var (
	errNoState      = errors.New("callback without state")
	errUnknownState = errors.New("unknown state")
	errOtherBrowser = errors.New("flow started in another browser")
	errUsedState    = errors.New("state used already")
	errExpiredState = errors.New("state expired")
)

// oauthStates stores what a callback needs, from the start of a flow to its end, so that
// another process can finish it after a restart. A state is good once, for ten minutes,
// in the browser that started the flow.
type oauthStates struct {
	store  tokenstore.Store
	secure bool // the service is reached over https
}

// newFlow is what a browser is sent to the vendor with.
type newFlow struct {
	state    string
	verifier string
	cookie   *http.Cookie // binds the flow to the browser
}

// flow is what a callback knows of the flow that it belongs to.
type flow struct {
	purpose    purpose
	verifier   string // of PKCE, for Exchange
	returnPath string // path of ours to continue at
	payload    json.RawMessage
}

// storedFlow is a flow in the store. Once it is used, nothing secret is left in it.
type storedFlow struct {
	Format     int             `json:"format"`
	Purpose    purpose         `json:"purpose"`
	Used       bool            `json:"used,omitempty"`
	Until      time.Time       `json:"until"`
	Browser    string          `json:"browser"` // fingerprint of the cookie
	Verifier   string          `json:"verifier,omitempty"`
	ReturnPath string          `json:"return_path,omitempty"`
	Payload    json.RawMessage `json:"payload,omitempty"`
}

// begin starts a flow. finish returns the payload, which may be secret.
func (s *oauthStates) begin(
	ctx context.Context, p purpose, returnPath string, payload json.RawMessage,
) (newFlow, error) {
	started := newFlow{state: rand.Text(), verifier: oauth2.GenerateVerifier()}
	secret := rand.Text()
	started.cookie = s.cookie(started.state, secret)
	value, err := json.Marshal(storedFlow{
		Format: stateFormat, Purpose: p, Until: time.Now().Add(stateLife).UTC(), Browser: fingerprint(secret),
		Verifier: started.verifier, ReturnPath: localPath(returnPath), Payload: payload,
	})
	if err != nil {
		return newFlow{}, fmt.Errorf("begin OAuth flow: %w", err)
	}
	_, err = s.store.Put(ctx, stateKey(started.state), tokenstore.Record{
		Value: value, ExpiresAt: time.Now().Add(stateGarbage),
	})
	if err != nil {
		return newFlow{}, fmt.Errorf("begin OAuth flow: %w", err)
	}
	return started, nil
}

// finish ends the flow of the callback's state. The state cannot be used again, and of
// two callbacks at once only one succeeds. A callback in another browser changes nothing.
// With an error about a known state, the flow has its purpose; with an expired one also
// its payload.
func (s *oauthStates) finish(ctx context.Context, r *http.Request) (*flow, error) {
	state := r.URL.Query().Get("state")
	if state == "" {
		return nil, errNoState
	}
	key := stateKey(state)
	record, err := s.store.Get(ctx, key)
	if errors.Is(err, tokenstore.ErrNotFound) {
		return nil, errUnknownState
	}
	if err != nil {
		return nil, fmt.Errorf("finish OAuth flow: %w", err)
	}
	var stored storedFlow
	if err := json.Unmarshal(record.Value, &stored); err != nil || stored.Format != stateFormat {
		return nil, errUnknownState // without err, which may quote secrets of the value
	}
	rejected := &flow{purpose: stored.Purpose, returnPath: "/"}
	switch {
	case !s.sameBrowser(r, state, stored.Browser):
		return rejected, errOtherBrowser
	case stored.Used:
		return rejected, errUsedState
	case !time.Now().Before(stored.Until):
		rejected.payload = stored.Payload
		return rejected, errExpiredState
	}
	used := storedFlow{
		Format: stateFormat, Purpose: stored.Purpose, Used: true, Until: stored.Until, Browser: stored.Browser,
	}
	if record.Value, err = json.Marshal(used); err != nil {
		return nil, fmt.Errorf("finish OAuth flow: %w", err)
	}
	_, err = s.store.Put(ctx, key, record)
	if errors.Is(err, tokenstore.ErrConflict) {
		return rejected, errUsedState
	}
	if err != nil {
		return nil, fmt.Errorf("finish OAuth flow: %w", err)
	}
	return &flow{
		purpose: stored.Purpose, verifier: stored.Verifier, returnPath: stored.ReturnPath, payload: stored.Payload,
	}, nil
}

// cookie is one per flow, so that several flows in one browser do not disturb each other.
// Over https only this very host can set or read it.
func (s *oauthStates) cookie(state, secret string) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // G124: Secure is missing only over http, which is for loopback addresses
		Name: s.cookieName(state), Value: secret, Path: "/", MaxAge: int(stateKnown.Seconds()),
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, // with strict, the callback would not get it
	}
}

func (s *oauthStates) cookieName(state string) string {
	const length = 16
	name := "incidentbridge-flow-" + fingerprint(state)[:length]
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *oauthStates) sameBrowser(r *http.Request, state, browser string) bool {
	cookie, err := r.Cookie(s.cookieName(state))
	return err == nil && subtle.ConstantTimeCompare([]byte(fingerprint(cookie.Value)), []byte(browser)) == 1
}

// stateKey contains only a fingerprint of the state, because keys are stored unsealed.
func stateKey(state string) string { return "oauth/" + fingerprint(state) }

func fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// localPath returns the path if it leads to this service, else "/". Nobody is redirected
// to another site.
func localPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsFunc(path, unsafePathRune) {
		return "/"
	}
	return path
}

// unsafePathRune reports whether browsers read a rune as a slash or drop it.
func unsafePathRune(r rune) bool { return r == '\\' || r <= ' ' || r == 0x7f }
