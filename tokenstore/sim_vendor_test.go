package tokenstore_test

import (
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

// rotatingVendor gives refresh tokens that work once, and a successor each time.
type rotatingVendor struct {
	detectsReuse bool // a refresh token that comes twice ends the grant
	consents     []*consent
	exchanged    map[string]*exchange // by the refresh token that was used up
	minted       int
}

// consent is what an administrator agreed to.
type consent struct {
	installation string
	valid        string // the refresh token that works
	alive        bool   // not revoked
	stored       bool   // a record has carried it
}

// exchange is a refresh token that the vendor took for its successor.
type exchange struct {
	child   *oauth2.Token
	by      *program
	until   time.Time // when the lease that it was sent under ends
	unheard bool      // the answer was lost
}

// isLost reports whether nobody, or nobody in time, can store the successor.
func (e *exchange) isLost() bool { return e.unheard || e.by.IsDead() || !time.Now().Before(e.until) }

// agree is a new consent, and the token that comes of it.
func (v *rotatingVendor) agree() (*consent, *oauth2.Token) {
	c := &consent{installation: fmt.Sprintf("installation-%d", len(v.consents)+1), alive: true}
	v.consents = append(v.consents, c)
	return c, v.mint(c)
}

func (v *rotatingVendor) mint(c *consent) *oauth2.Token {
	v.minted++
	c.valid = fmt.Sprintf("refresh-%d", v.minted)
	return &oauth2.Token{
		AccessToken: fmt.Sprintf("access-%d", v.minted), RefreshToken: c.valid, Expiry: time.Now().Add(accessLife),
	}
}

// refresh is a request with a refresh token, sent under a lease.
func (v *rotatingVendor) refresh(by *program, used string, until time.Time) (*oauth2.Token, *exchange, error) {
	if e := v.exchanged[used]; e != nil {
		if v.detectsReuse {
			v.consentOf(e.child.RefreshToken).alive = false
		}
		return nil, nil, vendorError(http.StatusBadRequest, "invalid_grant")
	}
	c := v.consentOf(used)
	if c == nil || !c.alive {
		return nil, nil, vendorError(http.StatusBadRequest, "invalid_grant")
	}
	e := &exchange{child: v.mint(c), by: by, until: until}
	v.exchanged[used] = e
	return e.child, e, nil
}

// consentOf is the consent that the refresh token belongs to, whether it still works or
// not.
func (v *rotatingVendor) consentOf(refresh string) *consent {
	for {
		for _, c := range v.consents {
			if c.valid == refresh {
				return c
			}
		}
		e := v.exchanged[refresh]
		if e == nil {
			return nil
		}
		refresh = e.child.RefreshToken
	}
}
