package tokenstore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"
)

// grantFormat is the format this program writes. A record with a higher one was written
// by a newer program.
const grantFormat = 1

// grant is the JSON value of a token record: what the vendor issued, who may refresh it
// now, and whether the vendor has rejected it.
type grant struct {
	Format       int        `json:"format"`
	Installation string     `json:"installation"`
	AccessToken  string     `json:"access_token,omitempty"`
	RefreshToken string     `json:"refresh_token,omitempty"`
	Expiry       time.Time  `json:"expiry,omitzero"`
	TokenType    string     `json:"token_type,omitempty"`
	Scope        string     `json:"scope,omitempty"`
	APIURL       string     `json:"api_url,omitempty"`
	Lease        *lease     `json:"lease,omitempty"`
	Rejected     *rejection `json:"rejected,omitempty"`
	Uninstalled  bool       `json:"uninstalled,omitempty"` // a tombstone: only the installation is left
}

// lease names who may refresh a grant, and until when. It only avoids duplicate work:
// correctness rests on the record's version.
type lease struct {
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

// rejection records that the vendor rejected the refresh token with this fingerprint.
type rejection struct {
	Fingerprint string `json:"fingerprint"`
	Reason      string `json:"reason"`
}

// The reasons of a rejection.
const (
	reasonInvalidGrant = "invalid_grant" // revoked, expired or used elsewhere
	reasonInterrupted  = "interrupted"   // an earlier refresh, which was cut off, may have used up the token
)

// newGrant returns the grant to store for a token. What the answer leaves out is taken
// from the predecessor: vendors may omit a refresh token that they do not rotate, and a
// scope that did not change.
func newGrant(installation string, token *oauth2.Token, predecessor grant) grant {
	g := grant{
		Format:       grantFormat,
		Installation: installation,
		AccessToken:  token.AccessToken,
		RefreshToken: token.RefreshToken,
		Expiry:       token.Expiry.UTC(),
		TokenType:    token.TokenType,
		Scope:        extra(token, "scope"),
		APIURL:       extra(token, "api_url"),
	}
	if g.RefreshToken == "" {
		g.RefreshToken = predecessor.RefreshToken
	}
	if g.Scope == "" {
		g.Scope = predecessor.Scope
	}
	if g.APIURL == "" {
		g.APIURL = predecessor.APIURL
	}
	return g
}

// token returns the grant without its refresh token, which never leaves the source.
func (g grant) token() *oauth2.Token {
	token := &oauth2.Token{AccessToken: g.AccessToken, TokenType: g.TokenType, Expiry: g.Expiry}
	return token.WithExtra(map[string]any{"scope": g.Scope, "api_url": g.APIURL})
}

// withRefreshToken returns what the refresh function gets.
func (g grant) withRefreshToken() *oauth2.Token {
	token := g.token()
	token.RefreshToken = g.RefreshToken
	return token
}

// isRejected reports whether the vendor rejected the refresh token that g holds now.
func (g grant) isRejected() bool {
	return g.Rejected != nil && g.Rejected.Fingerprint == fingerprint(g.RefreshToken)
}

func (g grant) isLeasedBy(owner string) bool {
	return g.Lease != nil && g.Lease.Owner == owner
}

// sameTokens reports whether g holds the tokens of other, whatever their leases and
// marks.
func (g grant) sameTokens(other grant) bool {
	return g.Installation == other.Installation &&
		g.AccessToken == other.AccessToken && g.RefreshToken == other.RefreshToken
}

// isPredecessorOf reports whether g still holds the refresh token that the vendor
// exchanged for successor, of the same installation.
func (g grant) isPredecessorOf(successor grant, used string) bool {
	return g.Installation == successor.Installation && g.RefreshToken == used
}

var (
	errDamaged = fmt.Errorf("%w: it is damaged", ErrUnreadable)
	errNewer   = fmt.Errorf("%w: a newer program wrote it, run that one", ErrUnreadable)
)

func parseGrant(value []byte) (grant, error) {
	var head struct {
		Format int `json:"format"`
	}
	// A JSON error may quote the value, so none is wrapped.
	if err := json.Unmarshal(value, &head); err != nil || head.Format < 1 {
		return grant{}, errDamaged
	}
	if head.Format > grantFormat {
		return grant{}, errNewer
	}
	var g grant
	if err := json.Unmarshal(value, &g); err != nil {
		return grant{}, errDamaged
	}
	return g, nil
}

// isForeign reports whether err, of load, says that the record was read and is no grant
// of this program. A record that cannot be unsealed may be one.
func isForeign(err error) bool {
	return errors.Is(err, errDamaged) || errors.Is(err, errNewer)
}

func extra(token *oauth2.Token, name string) string {
	text, _ := token.Extra(name).(string)
	return text
}

func fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:8])
}
