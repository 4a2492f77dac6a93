package tokenstore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/oauth2"
)

// grantFormat is the format this program writes. A record of a higher one belongs to a newer program.
const grantFormat = 1

// grant is the JSON value of a token record: what the vendor gave, who may refresh it now, and whether it is dead.
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
	Dead         *deathMark `json:"dead,omitempty"`
	Uninstalled  bool       `json:"uninstalled,omitempty"` // a tombstone: nothing but the installation is left
}

// lease says who may refresh a grant until when. It saves work; the record's version guards the truth.
type lease struct {
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

// deathMark says that the vendor refused the refresh token of this fingerprint for good.
type deathMark struct {
	Fingerprint string `json:"fingerprint"`
	Reason      string `json:"reason"`
}

// Why a grant died.
const (
	reasonRefused     = "refused"     // revoked, expired or used elsewhere
	reasonInterrupted = "interrupted" // an earlier refresh was cut off, so the vendor may have rotated the token unheard
)

// newGrant is what a token is stored as. What an answer leaves out is as it was in the parent: vendors may omit the refresh
// token where they do not rotate it, and the scope where it did not change.
func newGrant(installation string, token *oauth2.Token, parent grant) grant {
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
		g.RefreshToken = parent.RefreshToken
	}
	if g.Scope == "" {
		g.Scope = parent.Scope
	}
	if g.APIURL == "" {
		g.APIURL = parent.APIURL
	}
	return g
}

func extra(token *oauth2.Token, name string) string {
	text, _ := token.Extra(name).(string)
	return text
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

// token is the grant without the refresh token, which never leaves the source.
func (g grant) token() *oauth2.Token {
	token := &oauth2.Token{AccessToken: g.AccessToken, TokenType: g.TokenType, Expiry: g.Expiry}
	return token.WithExtra(map[string]any{"scope": g.Scope, "api_url": g.APIURL})
}

// refreshable is what the refresh function gets.
func (g grant) refreshable() *oauth2.Token {
	token := g.token()
	token.RefreshToken = g.RefreshToken
	return token
}

func (g grant) dead() bool {
	return g.Dead != nil && g.Dead.Fingerprint == fingerprint(g.RefreshToken)
}

func (g grant) leasedTo(owner string) bool {
	return g.Lease != nil && g.Lease.Owner == owner
}

// carries reports whether g holds the very tokens of other, whatever their leases and marks.
func (g grant) carries(other grant) bool {
	return g.Installation == other.Installation &&
		g.AccessToken == other.AccessToken && g.RefreshToken == other.RefreshToken
}

// isParentOf reports whether g still holds the refresh token that the vendor exchanged for child, of the same installation.
func (g grant) isParentOf(child grant, used string) bool {
	return g.Installation == child.Installation && g.RefreshToken == used
}

func fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:8])
}
