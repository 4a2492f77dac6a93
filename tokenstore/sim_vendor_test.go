package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

const accessLife = 10 * time.Minute

// consent is what an administrator agreed to at the vendor, which gives a refresh token that works once, and a successor
// each time.
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

// agree is a new consent, and the token that comes of it.
func (s *simulation) agree() (*consent, *oauth2.Token) {
	c := &consent{installation: fmt.Sprintf("installation-%d", len(s.consents)+1), alive: true}
	s.consents = append(s.consents, c)
	return c, s.mint(c)
}

func (s *simulation) mint(c *consent) *oauth2.Token {
	s.minted++
	c.valid = fmt.Sprintf("refresh-%d", s.minted)
	return &oauth2.Token{
		AccessToken: fmt.Sprintf("access-%d", s.minted), RefreshToken: c.valid, Expiry: time.Now().Add(accessLife),
	}
}

// refresh is the road of a process to the vendor.
func (s *simulation) refresh(p *program) func(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
		until := s.sends(p, old.RefreshToken)
		c := &call{by: p, kind: "refresh", changes: true, broken: errLost}
		c.do = func() reply { return s.take(c, old.RefreshToken, until) }
		r := s.cross(ctx, c)
		if _, answered := errors.AsType[*oauth2.RetrieveError](r.err); answered {
			p.unanswered = unanswered{} // a mark that is lost has it refused again
		}
		if errors.Is(r.err, unsent{}) {
			p.unanswered.n-- // it was not sent after all
		}
		return r.token, r.err
	}
}

// take is the vendor, asked with that refresh token.
func (s *simulation) take(c *call, used string, until time.Time) reply {
	if e := s.exchanged[used]; e != nil {
		s.usedAgain(c, used, e, until)
		if s.reuseDetection {
			s.consentOf(e.child.RefreshToken).alive = false
		}
		return reply{err: vendorError(http.StatusBadRequest, "invalid_grant")}
	}
	grant := s.consentOf(used)
	if grant == nil || !grant.alive {
		return reply{err: vendorError(http.StatusBadRequest, "invalid_grant")}
	}
	token := s.mint(grant)
	c.spent = &exchange{child: token, by: c.by, until: until}
	s.exchanged[used] = c.spent
	return reply{token: token}
}

// consentOf is the consent that the refresh token belongs to, whether it still works or not.
func (s *simulation) consentOf(refresh string) *consent {
	for {
		for _, c := range s.consents {
			if c.valid == refresh {
				return c
			}
		}
		e := s.exchanged[refresh]
		if e == nil {
			return nil
		}
		refresh = e.child.RefreshToken
	}
}
