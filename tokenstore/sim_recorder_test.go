package tokenstore_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/simtest"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// recorder is what is known of a run by somebody who sees everything. The promises are
// checked against it.
type recorder struct {
	sim    *simtest.Sim
	store  tokenstore.Store
	vendor *rotatingVendor

	mu      sync.Mutex          // for what goroutines of the processes touch
	written map[string]bool     // access tokens that a record has carried
	owners  map[string]*program // of leases
}

// What must have happened in some run.
const (
	revived         = "a child revives its parent"
	takenOver       = "a lease is taken over"
	rejectionMarked = "a rejected grant is marked"
	lostAnswer      = "a lost answer costs the grant"
	sentAgain       = "an unanswered refresh is sent again"
)

// happened checks the promises about an event, and then keeps what is to be known of it.
// Any goroutine may call it.
func (r *recorder) happened(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	simtest.Check(r.sim, promises, r, e)
	e.keep(r)
}

// met notes that something has happened that some run must have.
func (r *recorder) met(event string) { r.sim.Met("", event) }

// now is the record as it is.
func (r *recorder) now() grantView {
	record, err := r.store.Get(r.sim.T.Context(), key)
	if err != nil && !errors.Is(err, tokenstore.ErrNotFound) {
		panic(err)
	}
	return viewGrant(record)
}

// shows notes what an answer of the store says to a process.
func (r *recorder) shows(p *program, v grantView) {
	if step := r.sim.Steps(); p.shownAt != step {
		p.shown, p.shownAt = nil, step
	}
	p.shown = append(p.shown, v)
}

// wasShown reports whether an answer of this step showed something to a process.
func (r *recorder) wasShown(p *program, is func(grantView) bool) bool {
	return p.shownAt == r.sim.Steps() && slices.ContainsFunc(p.shown, is)
}

// unanswered counts the requests of a process under one lease.
type unanswered struct {
	owner, token string
	n            int
}

// sends notes that a process sends a refresh token, and returns when the lease for that
// ends.
func (r *recorder) sends(p *program, refresh string) (until time.Time) {
	now := r.now()
	r.happened(sent{by: p, token: refresh, now: now})
	if now.RefreshToken != refresh || now.Lease == nil {
		return time.Now() // the grant was replaced meanwhile
	}
	return now.Lease.Until
}

// hears notes what a process is told of a refresh.
func (r *recorder) hears(p *program, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.Response.StatusCode < http.StatusInternalServerError {
		p.unanswered = unanswered{} // a mark that is lost has it refused again
	}
	if errors.Is(err, unsent{}) {
		p.unanswered.n-- // it was not sent after all
	}
}

// loses notes that nobody hears the answer of an exchange.
func (r *recorder) loses(e *exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e != nil {
		e.unheard = true
	}
}

// event is something that happened in a run. Its keep changes what the recorder knows,
// after the promises were checked.
type event interface{ keep(r *recorder) }

// write is what a write to the record is, by the algorithm.
type write string

const (
	writesTombstone write = "tombstone"
	writesConsent   write = "consent"
	writesMark      write = "mark"
	writesLease     write = "lease"
	writesSuccessor write = "successor" // or a lease that is given back
)

func (w write) step() string { return "store put " + string(w) }

func writeOf(by *actor, is grantView) write {
	switch {
	case is.Uninstalled:
		return writesTombstone
	case by.consent != nil:
		return writesConsent
	case is.isRejected() && is.Lease == nil:
		return writesMark
	case is.Lease != nil:
		return writesLease
	default:
		return writesSuccessor
	}
}

// committed is a record that was written.
type committed struct {
	by      *actor
	was, is grantView
}

// isConsent reports whether an installation is saved.
func (e committed) isConsent() bool { return !e.is.Uninstalled && e.by.consent != nil }

// isOwn reports whether a source writes on its own, for none who installs or uninstalls.
func (e committed) isOwn() bool { return !e.is.Uninstalled && e.by.consent == nil }

// isRefresh reports whether a source writes to a grant that is there.
func (e committed) isRefresh() bool {
	return e.isOwn() && !e.was.isGone() && e.was.Installation == e.is.Installation
}

// rotates reports whether another refresh token follows.
func (e committed) rotates() bool { return e.isRefresh() && e.was.RefreshToken != e.is.RefreshToken }

// leases reports whether a lease is taken or extended.
func (e committed) leases() bool { return e.isRefresh() && !e.rotates() && e.is.Lease != nil }

// marksRejected reports whether a grant is marked rejected.
func (e committed) marksRejected() bool {
	return e.isRefresh() && !e.rotates() && e.is.Lease == nil && e.is.isRejected() && !e.was.isRejected()
}

// changesOwner reports whether a lease follows that of somebody else.
func (e committed) changesOwner() bool {
	return e.leases() && e.was.Lease != nil && e.was.Lease.Owner != e.is.Lease.Owner
}

func (e committed) keep(r *recorder) {
	r.written[e.is.AccessToken] = true
	switch {
	case e.isConsent():
		e.by.consent.stored = true
	case e.rotates() && e.was.isRejected():
		r.met(revived)
	case e.leases():
		r.owners[e.is.Lease.Owner] = e.by.program
		if e.changesOwner() {
			r.met(takenOver)
		}
	case e.marksRejected() && r.livesAtTheVendor(e.is.RefreshToken):
		r.met(lostAnswer)
	case e.marksRejected():
		r.met(rejectionMarked)
	}
}

func (r *recorder) livesAtTheVendor(refresh string) bool {
	c := r.vendor.consentOf(refresh)
	return c != nil && c.alive
}

// sent is a refresh token that leaves a process, and the record at that time.
type sent struct {
	by    *program
	token string
	now   grantView
}

// isCurrent reports whether the record has that refresh token: else the grant was
// replaced meanwhile.
func (e sent) isCurrent() bool { return e.now.RefreshToken == e.token }

// count is how often it was sent under the current lease, this time included.
func (e sent) count() int {
	if u := e.by.unanswered; e.now.Lease != nil && u.owner == e.now.Lease.Owner && u.token == e.token {
		return u.n + 1
	}
	return 1
}

func (e sent) keep(r *recorder) {
	if !e.isCurrent() || e.now.Lease == nil {
		return
	}
	n := e.count()
	e.by.unanswered = unanswered{owner: e.now.Lease.Owner, token: e.token, n: n}
	if n == 2 {
		r.met(sentAgain)
	}
}

// arrived is a refresh token that reaches the vendor, late for its sender or its lease or
// not.
type arrived struct {
	by     *program
	token  string
	isLate bool
}

func (arrived) keep(*recorder) {}

// told is what somebody was told.
type told struct{ by *actor }

func (e told) keep(*recorder) {
	if e.by.err == nil && e.by.token != nil {
		e.by.program.newest = e.by.token
	}
}

// toldInTheEnd is what somebody was told once nothing failed any more.
type toldInTheEnd struct {
	by   *actor
	want error
}

func (toldInTheEnd) keep(*recorder) {}

// hasToken finds a token in a text.
func hasToken(text string) bool {
	return strings.Contains(text, "refresh-") || strings.Contains(text, "access-")
}
