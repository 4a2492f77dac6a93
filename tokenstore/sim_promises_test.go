package tokenstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// sheet is the grant record as the simulation reads it.
type sheet struct {
	Installation string
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Lease        *struct {
		Owner string
		Until time.Time
	}
	Rejected    *struct{}
	Uninstalled bool

	text string
}

func readSheet(r tokenstore.Record) sheet {
	var sh sheet
	if len(r.Value) > 0 && json.Unmarshal(r.Value, &sh) != nil {
		panic("the record is no grant")
	}
	sh.text = string(r.Value)
	return sh
}

// sheet is the record as it is now.
func (s *simulation) sheet() sheet {
	r, err := s.store.Get(context.Background(), key)
	if err != nil && !errors.Is(err, tokenstore.ErrNotFound) {
		panic(err)
	}
	return readSheet(r)
}

func (sh sheet) gone() bool { return sh.Uninstalled || sh.Installation == "" }

// kind is what a write of this sheet is, by the algorithm.
func (sh sheet) kind(by *actor) string {
	switch {
	case sh.Uninstalled:
		return "put tombstone"
	case by.consent != nil:
		return "put consent"
	case sh.Rejected != nil && sh.Lease == nil:
		return "put mark"
	case sh.Lease != nil:
		return "put lease"
	default:
		return "put successor"
	}
}

// broke notes the first promise that a run breaks.
func (s *simulation) broke(promise, detail string, args ...any) {
	if s.lie == "" {
		s.lie = "broken: " + promise + ": " + fmt.Sprintf(detail, args...)
	}
}

// committed checks a write that the store has taken.
func (s *simulation) committed(p *program, by *actor, was, is sheet) {
	s.written[is.AccessToken] = true
	running := was.Lease != nil && time.Now().Before(was.Lease.Until)
	switch {
	case is.Uninstalled:
		if strings.Contains(is.text, "access-") || strings.Contains(is.text, "refresh-") {
			s.broke("an uninstall leaves no token", "%s", is.text)
		}
		if was.Installation != is.Installation {
			s.broke("an uninstall keeps a newer installation", "%s went for %s", was.Installation, is.Installation)
		}
	case by.consent != nil:
		if by.consent.stored || is.Installation != by.consent.installation {
			s.broke("a consent is stored once", "%s over %s", is.Installation, was.text)
		}
		by.consent.stored = true
	case was.gone() || was.Installation != is.Installation:
		s.broke("nothing but a consent brings a grant back", "%s over %q", is.text, was.text)
	case was.RefreshToken != is.RefreshToken:
		e := s.exchanged[was.RefreshToken]
		if e == nil || e.child.RefreshToken != is.RefreshToken || e.child.AccessToken != is.AccessToken {
			s.broke("only its own child follows a refresh token", "%s after %s", is.RefreshToken, was.RefreshToken)
		}
		if was.Rejected != nil {
			s.cells["a child revives its parent"]++
		}
	case is.Lease != nil:
		s.owners[is.Lease.Owner] = p
		if running && was.Lease.Owner != is.Lease.Owner {
			s.broke("one at a time has the lease", "%s took it while it runs", p.name)
		}
		if was.Lease != nil && was.Lease.Owner != is.Lease.Owner {
			s.cells["a lease is taken over"]++
		}
	case is.Rejected != nil && was.Rejected == nil:
		s.buried(is)
	}
}

// buried checks that a grant is given up only when nothing at the vendor could be saved by anybody.
func (s *simulation) buried(is sheet) {
	e, grant := s.exchanged[is.RefreshToken], s.consentOf(is.RefreshToken)
	switch {
	case grant == nil || !grant.alive:
		s.cells["a dead grant is marked"]++
	case e == nil:
		s.broke("a grant that lives is not given up", "%s works at the vendor", is.RefreshToken)
	case !e.lost():
		s.broke("a grant that lives is not given up", "%s is about to store the successor of %s", e.by.name, is.RefreshToken)
	default:
		s.cells["a lost answer costs the grant"]++
	}
}

// lost reports whether nobody, or nobody in time, can store the successor.
func (e *exchange) lost() bool { return e.unheard || e.by.dead || !time.Now().Before(e.until) }

// sends checks that a refresh token is sent by whoever has the lease alone, and says when that ends.
func (s *simulation) sends(p *program, refresh string) (until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.sheet()
	if is.RefreshToken != refresh {
		return time.Now() // the grant was replaced meanwhile
	}
	if is.Rejected != nil || is.Lease == nil || s.owners[is.Lease.Owner] != p || !time.Now().Before(is.Lease.Until) {
		s.broke("nothing is sent without the lease", "%s sends %s", p.name, refresh)
		return time.Now()
	}
	if u := p.unanswered; u.owner != is.Lease.Owner || u.token != refresh {
		p.unanswered = unanswered{owner: is.Lease.Owner, token: refresh}
	}
	p.unanswered.n++
	switch n := p.unanswered.n; {
	case n > 2, n == 2 && s.reuseDetection:
		s.broke("a refresh sends its token once, and once more when nobody answered", "%s sends %s", p.name, refresh)
	case n == 2:
		s.cells["an unanswered refresh is sent again"]++
	}
	return is.Lease.Until
}

// unanswered counts the requests under one lease.
type unanswered struct {
	owner, token string
	n            int
}

// usedAgain checks that a token which the vendor has taken comes a second time only when its successor was lost. A message
// that was late, for its sender or for the lease, is nobody's fault.
func (s *simulation) usedAgain(c *call, used string, e *exchange, until time.Time) {
	if late := c.astray || !time.Now().Before(until); !late && !e.lost() {
		s.broke("a refresh token is used once", "%s sends %s, whose successor %s has", c.name, used, e.by.name)
	}
}

// told checks what a caller got.
func (s *simulation) told(a *actor) {
	var shown sheet // what the answer of this step says
	if c := s.delivered; c != nil && c.by == a.program && c.reply.err == nil {
		shown = readSheet(c.reply.record)
		if c.kind == "put mark" {
			shown.Rejected = &struct{}{}
		}
	}
	switch {
	case a.err == nil && a.token != nil:
		if !s.written[a.token.AccessToken] {
			s.broke("a successor is stored before it is handed out", "%s got %s", a.name, a.token.AccessToken)
		}
		if a.token.AccessToken == a.program.refused && a.program.refusedAt < a.began {
			s.broke("a refused token is handed out no more", "%s got %s", a.name, a.token.AccessToken)
		}
		if a.token.RefreshToken != "" {
			s.broke("no refresh token leaves a source", "%s got %s", a.name, a.token.RefreshToken)
		}
		a.program.newest = a.token
	case errors.Is(a.err, tokenstore.ErrReauthorize) && shown.Rejected == nil:
		s.broke("a caller is sent for consent only by a mark", "%s got %v", a.name, a.err)
	case errors.Is(a.err, tokenstore.ErrNotInstalled) && a.consent == nil && (s.delivered == nil || !shown.gone()):
		s.broke("a caller is told of no installation only when there is none", "%s got %v", a.name, a.err)
	case a.uninstalls != "" && a.err == nil:
		if is := s.sheet(); is.Installation == a.uninstalls && !is.Uninstalled {
			s.broke("after an uninstall no token is left", "%s", is.text)
		}
	case a.consent != nil && a.err == nil && !a.consent.stored:
		s.broke("a consent that is said to be saved is", "%s", a.name)
	}
	if a.err != nil && (strings.Contains(a.err.Error(), "refresh-") || strings.Contains(a.err.Error(), "access-")) {
		s.broke("no token is in an error", "%v", a.err)
	}
}

// wantInTheEnd is what every caller is told once nothing fails any more.
func (s *simulation) wantInTheEnd() error {
	is := s.sheet()
	if is.gone() {
		return tokenstore.ErrNotInstalled
	}
	if grant := s.consentOf(is.RefreshToken); grant == nil || !grant.alive || grant.valid != is.RefreshToken {
		return tokenstore.ErrReauthorize
	}
	return nil
}

// wantTold checks what somebody was told once nothing failed any more.
func (s *simulation) wantTold(a *actor, want error) {
	if !errors.Is(a.err, want) || want == nil && a.token == nil {
		s.broke("a grant that is not lost serves", "%s got %v, want %v", a, a.err, want)
		return
	}
	if want == nil && a.token.AccessToken != s.sheet().AccessToken {
		s.broke("the whole fleet has the newest token", "%s got %s", a, a.token.AccessToken)
	}
}
