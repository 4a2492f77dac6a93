package tokenstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/incidentbridge/incidentbridge/internal/detach"
)

const (
	pollPause    = 200 * time.Millisecond // between two looks at a lease of another
	firstBackoff = 100 * time.Millisecond // between two tries to save
	longBackoff  = 5 * time.Second
)

// flight is the search for a good token, on behalf of all callers of this process. The line numbers are those of
// "TokenSource, the algorithm" in the protocol.
type flight struct {
	source  *TokenSource
	owner   string        // of every lease that this flight takes
	done    chan struct{} // closed when token or err is set
	lent    chan struct{} // closed when loan is set
	unsaved chan struct{} // closed when a new token has waited too long for the store
	tell    func()        // closes unsaved
	token   *oauth2.Token
	err     error
	loan    *oauth2.Token // the stored one, which serves while it is renewed; guarded by the source's mu

	interrupted string // the refresh token that an earlier refresh may have used up unheard
}

// held is a grant with the lease that this flight has on it.
type held struct {
	grant

	version string
	dueAt   time.Time
	taken   time.Time // has the monotonic clock, which Until has not
	length  time.Duration
}

func newFlight(s *TokenSource) *flight {
	unsaved := make(chan struct{})
	return &flight{
		source:  s,
		owner:   rand.Text(),
		done:    make(chan struct{}),
		lent:    make(chan struct{}),
		unsaved: unsaved,
		tell:    sync.OnceFunc(func() { close(unsaved) }),
	}
}

// wait is a caller's part. One who needs no more than a token that serves gives f.lent, else nil.
func (f *flight) wait(ctx context.Context, lent <-chan struct{}) (*oauth2.Token, error) {
	select {
	case <-lent:
		return clone(f.loan), nil
	case <-f.done:
		if f.err != nil {
			return nil, f.err
		}
		return clone(f.token), nil
	case <-f.unsaved:
		return nil, f.notSaved()
	case <-ctx.Done():
		return nil, failed(f.source.key, "wait for a token", ctx.Err())
	}
}

// fly is the flight's own goroutine: rounds until one ends with a token or an error.
func (f *flight) fly(ctx context.Context) {
	for f.token == nil && f.err == nil {
		f.token, f.err = f.round(ctx)
	}
	f.source.mu.Lock()
	f.source.flight = nil
	f.source.mu.Unlock()
	close(f.done)
}

// round finds a good token or the lease, and uses the lease. No token and no error: from line 3 again. Its budget covers
// a lease of another process. What is sent and saved under a lease of its own is bounded there, since giving up in the
// middle would lose the grant.
func (f *flight) round(detached context.Context) (*oauth2.Token, error) {
	s := f.source
	ctx, cancel := detach.Context(detached, 2*f.leaseLength())
	defer cancel()
	for {
		record, g, err := s.read(ctx) // line 3
		if errors.Is(err, ErrNotInstalled) {
			s.adopt(nil)
		}
		if err != nil {
			return nil, failed(s.key, "read grant", err)
		}
		if g.dead() {
			return nil, failed(s.key, "refresh", fmt.Errorf("%w (%s)", ErrReauthorize, g.Dead.Reason))
		}
		token := g.token()
		if s.know(token) && !isDue(record) { // line 4
			return token, nil
		}
		serves := f.lend(token)
		if g.Lease != nil && !g.leasedTo(f.owner) && time.Now().Before(g.Lease.Until) { // line 5 //mutant:lease-of-another
			if serves {
				return token, nil
			}
			if s.pause(ctx, pollPause) != nil {
				return nil, failed(s.key, "wait for the refresh of another process", ErrInDoubt)
			}
			continue
		}
		if g.RefreshToken == "" {
			return nil, failed(s.key, "refresh", fmt.Errorf("%w (it has no refresh token)", ErrReauthorize))
		}
		if endsSoon(ctx) {
			return nil, failed(s.key, "refresh", errEndsSoon)
		}
		mine, err := f.lease(ctx, record, g) // line 6
		if err != nil {
			if s.pause(ctx, pollPause) != nil {
				return nil, failed(s.key, "lease the grant", err)
			}
			continue
		}
		return f.renew(detached, mine)
	}
}

// lend hands out a token that still serves, so that callers do not wait for its renewal. It reports whether it does.
func (f *flight) lend(token *oauth2.Token) bool {
	s := f.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isGood(token, usableBefore) {
		return false
	}
	s.current = token
	if f.loan == nil {
		f.loan = token
		close(f.lent)
	}
	return true
}

// lease takes the lease by compare-and-swap on the version just read, which is the second look at the grant. Where an
// earlier try was in doubt and landed, it takes its own lease again.
func (f *flight) lease(ctx context.Context, record Record, g grant) (held, error) {
	if g.Lease != nil && !g.leasedTo(f.owner) {
		f.interrupted = g.RefreshToken
	}
	taken, length := time.Now(), f.leaseLength()
	g.Lease = &lease{Owner: f.owner, Until: taken.Add(length).UTC()}
	version, err := f.source.write(ctx, g, record.Version, record.DueAt, time.Time{})
	if err != nil {
		return held{}, err
	}
	return held{grant: g, version: version, dueAt: record.DueAt, taken: taken, length: length}, nil
}

func (f *flight) leaseLength() time.Duration {
	config := f.source.config
	if config.lateBound > 0 {
		return config.refreshTimeout + config.lateBound + saveBudget + clockSkew
	}
	return 2*config.refreshTimeout + saveBudget + clockSkew
}

// canSend is line 7: whether the lease outlives one more call by the wall clock, which other processes see, and by the
// monotonic one, which nobody sets. A process that was frozen has neither.
func (f *flight) canSend(mine held) bool {
	need := f.source.config.refreshTimeout + saveBudget
	now := time.Now()
	wall := mine.Lease.Until.Sub(now.Round(0))
	monotonic := mine.length - now.Sub(mine.taken)
	return min(wall, monotonic) >= need //mutant:lease-outlives-send
}

// sendAtLeast is what a refresh needs, mostly, to be seen through before its process is frozen.
const sendAtLeast = 2 * time.Second

var errEndsSoon = fmt.Errorf("%w: too little time is left before the process is frozen", context.DeadlineExceeded)

// endsSoon says that a refresh that is sent now might be cut off by a freeze, which costs the grant.
func endsSoon(ctx context.Context) bool {
	end, ok := detach.End(ctx)
	return ok && time.Until(end) < sendAtLeast
}

// renew uses the lease.
func (f *flight) renew(ctx context.Context, mine held) (*oauth2.Token, error) {
	s := f.source
	if endsSoon(ctx) {
		f.release(ctx, mine)
		return nil, failed(s.key, "refresh", errEndsSoon)
	}
	if !f.canSend(mine) { // line 7
		return nil, nil
	}
	answer, err := f.send(ctx, mine.grant) // line 8
	if isNoAnswer(err) {
		f.interrupted = mine.RefreshToken
	}
	if f.maySendAgain(err) && f.canSend(mine) && !endsSoon(ctx) { // line 9
		answer, err = f.send(ctx, mine.grant)
	}
	switch {
	case err == nil: // line 10
		return f.save(ctx, mine, newGrant(mine.Installation, answer, mine.grant)), nil //mutant:save-refreshed
	case isInvalidGrant(err): // lines 11 and 12
		reason, dead := f.bury(ctx, mine)
		if !dead {
			return nil, nil
		}
		err = fmt.Errorf("%w (%s): %w", ErrReauthorize, reason, err)
	case isNoAnswer(err), isUnsent(err) && f.interrupted == mine.RefreshToken:
		err = fmt.Errorf("%w: %w", ErrInDoubt, err)
	default:
		f.release(ctx, mine)
	}
	err = failed(s.key, "refresh", err, mine.AccessToken, mine.RefreshToken)
	f.report(ctx, mine, err)
	return nil, err
}

// maySendAgain reports whether a refresh that failed with err may be sent a second time under the same lease.
func (f *flight) maySendAgain(err error) bool {
	if isNoAnswer(err) && f.source.config.lateBound > 0 { //mutant:send-again-despite-detection
		return false
	}
	return isUnsent(err) || isNoAnswer(err)
}

func (f *flight) send(ctx context.Context, g grant) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, f.source.config.refreshTimeout)
	defer cancel()
	answer, err := f.source.refresh(ctx, g.refreshable())
	if err == nil && (answer == nil || answer.AccessToken == "") {
		return nil, errors.New("the refresh function returned no access token")
	}
	return answer, err
}

// bury is lines 11 and 12: the vendor refused the refresh token. That is final only if the grant is as it was when it was
// sent, and the compare-and-swap is the look that tells. The mark stops all further tries.
func (f *flight) bury(ctx context.Context, mine held) (reason string, dead bool) {
	reason = reasonRefused
	if f.interrupted == mine.RefreshToken {
		reason = reasonInterrupted // line 19
	}
	g := mine.grant
	g.Lease = nil
	g.Dead = &deathMark{Fingerprint: fingerprint(g.RefreshToken), Reason: reason}
	_, err := f.source.write(ctx, g, mine.version, time.Time{}, time.Time{})
	return reason, err == nil //mutant:dead-if-unchanged
}

// release gives the lease back where nothing was used up. If that fails, the lease runs out; so does one that is the trace
// of an earlier refresh, which may have used up the token unheard.
func (f *flight) release(ctx context.Context, mine held) {
	if f.interrupted == mine.RefreshToken {
		return
	}
	ctx, cancel := detach.Context(ctx, saveBudget)
	defer cancel()
	g := mine.grant
	g.Lease = nil
	_, _ = f.source.write(ctx, g, mine.version, mine.dueAt, time.Time{})
}

// save is lines 13 to 15. It returns the child's token once that is stored, or nil when the record belongs to somebody else
// now and the child is dropped. While the store or its keys are away it goes on, and the callers are told after a while.
func (f *flight) save(ctx context.Context, mine held, child grant) *oauth2.Token {
	s := f.source
	timer := time.AfterFunc(saveBudget, func() {
		f.tell()
		f.report(ctx, mine, f.notSaved())
	})
	defer timer.Stop()
	version := mine.version
	for backoff := firstBackoff; ; backoff = min(2*backoff, longBackoff) {
		_, err := s.write(ctx, child, version, s.keepAlive(child), time.Time{}) // line 13
		if err == nil {
			break
		}
		record, now, err := s.read(ctx) //mutant:save-again

		// line 14
		if errors.Is(err, ErrNotInstalled) || errors.Is(err, errDamaged) || errors.Is(err, errNewer) { //mutant:save-gone
			return nil
		}
		if err == nil && now.carries(child) {
			break
		}
		if err == nil && !now.isParentOf(child, mine.RefreshToken) { //mutant:save-over-other
			return nil
		}
		if err == nil {
			version = record.Version
		}
		_ = s.pause(ctx, backoff) // line 15; ctx has no end
	}
	token := child.token()
	s.adopt(token)
	f.report(ctx, mine, nil)
	return token
}

func (f *flight) notSaved() error {
	return failed(f.source.key, "save the refreshed token", ErrNotSaved)
}

func isInvalidGrant(err error) bool {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	return ok && answer.ErrorCode == "invalid_grant"
}

// isNoAnswer reports whether err leaves open what the vendor did with the refresh token.
func isNoAnswer(err error) bool {
	if err == nil || isUnsent(err) {
		return false
	}
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return true
	}
	if answer.Response == nil {
		return answer.ErrorCode == ""
	}
	status := answer.Response.StatusCode
	return status >= http.StatusInternalServerError || status == http.StatusRequestTimeout
}

// isUnsent reports whether err knows that the refresh token never left this process.
func isUnsent(err error) bool {
	fault, ok := errors.AsType[interface {
		error
		Unsent() bool
	}](err)
	return ok && fault.Unsent()
}
