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

	"github.com/incidentbridge/incidentbridge/internal/detachctx"
)

const (
	pollInterval = 200 * time.Millisecond // between two reads while another process has the lease
	minBackoff   = 100 * time.Millisecond // between two attempts to save
	maxBackoff   = 5 * time.Second

	// minRefreshTime is what a refresh usually needs to be answered and stored before its
	// process is frozen.
	minRefreshTime = 2 * time.Second
)

var (
	// errReload ends an attempt without a result: another process may have changed the
	// grant, so the next attempt begins again with Load.
	errReload = errors.New("tokenstore: the grant must be read again")

	errNearDeadline = fmt.Errorf("%w: too little time is left before the process is frozen", context.DeadlineExceeded)
)

// refresher obtains a good token on behalf of all callers of this process. Its methods
// are the steps of docs/protocol.md, Tokens.
type refresher struct {
	source *TokenSource
	owner  string // of every lease that this refresher takes

	done  chan struct{} // closed when token or err is set
	token *oauth2.Token
	err   error

	staleReady chan struct{} // closed when staleToken is set
	staleToken *oauth2.Token // the stored token, still usable; guarded by source.mu

	unsaved       chan struct{} // closed when the store has not taken the new token for saveTimeout
	signalUnsaved func()

	// unacknowledged is the refresh token of a refresh, this one or an earlier one, whose
	// answer nobody received. The vendor may have used it up.
	unacknowledged string
}

// leasedGrant is a grant on which this refresher has the lease.
type leasedGrant struct {
	grant   grant
	version string
	dueAt   time.Time
	takenAt time.Time // with the monotonic clock, which the lease's own time lacks
	length  time.Duration
}

func newRefresher(s *TokenSource) *refresher {
	unsaved := make(chan struct{})
	return &refresher{
		source:        s,
		owner:         rand.Text(),
		done:          make(chan struct{}),
		staleReady:    make(chan struct{}),
		unsaved:       unsaved,
		signalUnsaved: sync.OnceFunc(func() { close(unsaved) }),
	}
}

// wait blocks until the refresh ends, until the new token has waited too long for the
// store, or until ctx ends. It also returns once stale is closed, with the stale token;
// nil means that the caller needs a new one.
func (r *refresher) wait(ctx context.Context, stale <-chan struct{}) (*oauth2.Token, error) {
	select {
	case <-stale:
		return clone(r.staleToken), nil
	case <-r.done:
		if r.err != nil {
			return nil, r.err
		}
		return clone(r.token), nil
	case <-r.unsaved:
		return nil, r.notSaved()
	case <-ctx.Done():
		return nil, failed(r.source.key, "wait for a token", ctx.Err())
	}
}

// run makes attempts until one ends with a token or an error. It is the refresher's own
// goroutine.
func (r *refresher) run(ctx context.Context) {
	for {
		r.token, r.err = r.attempt(ctx)
		if !errors.Is(r.err, errReload) {
			break
		}
	}
	r.source.mu.Lock()
	r.source.running = nil
	r.source.mu.Unlock()
	close(r.done)
}

// attempt finds a good token, or takes the lease and refreshes. It fails with errReload
// when the grant must be read again. Its time limit covers another process's lease. What
// it sends and saves under its own lease is limited by that lease instead, because to
// give up half-way would lose the grant.
func (r *refresher) attempt(detached context.Context) (*oauth2.Token, error) {
	s := r.source
	ctx, cancel := detachctx.Context(detached, 2*r.leaseLength())
	defer cancel()
	for {
		record, g, err := s.load(ctx)
		if errors.Is(err, ErrNotInstalled) {
			s.replaceCached(nil)
		}
		if err != nil {
			return nil, failed(s.key, "read grant", err)
		}
		if g.isRejected() {
			return nil, failed(s.key, "refresh", fmt.Errorf("%w (%s)", ErrReauthorize, g.Rejected.Reason))
		}
		token := g.token()
		if s.cache(token) && !isDue(record) {
			return token, nil
		}
		usable := r.serveStale(token)
		if g.Lease != nil && !g.isLeasedBy(r.owner) && time.Now().Before(g.Lease.Until) { //mutant:lease-of-another
			if usable {
				return token, nil
			}
			if s.sleep(ctx, pollInterval) != nil {
				return nil, failed(s.key, "wait for the refresh of another process", ErrInDoubt)
			}
			continue
		}
		if g.RefreshToken == "" {
			return nil, failed(s.key, "refresh", fmt.Errorf("%w (it has no refresh token)", ErrReauthorize))
		}
		if nearHardDeadline(ctx) {
			return nil, failed(s.key, "refresh", errNearDeadline)
		}
		leased, err := r.lease(ctx, record, g)
		if err != nil {
			if s.sleep(ctx, pollInterval) != nil {
				return nil, failed(s.key, "lease the grant", err)
			}
			continue
		}
		return r.refreshUnderLease(detached, leased)
	}
}

// serveStale gives token to callers that wait, if it is still usable, and reports whether
// it is. They need not wait for its refresh.
func (r *refresher) serveStale(token *oauth2.Token) bool {
	s := r.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isGood(token, usableBefore) {
		return false
	}
	s.current = token
	if r.staleToken == nil {
		r.staleToken = token
		close(r.staleReady)
	}
	return true
}

// lease takes the lease by a compare-and-swap on the version just read (docs/protocol.md,
// Lease). Where an earlier write was in doubt and landed, it takes its own lease again.
func (r *refresher) lease(ctx context.Context, record Record, g grant) (leasedGrant, error) {
	if g.Lease != nil && !g.isLeasedBy(r.owner) {
		r.unacknowledged = g.RefreshToken
	}
	takenAt, length := time.Now(), r.leaseLength()
	g.Lease = &lease{Owner: r.owner, Until: takenAt.Add(length).UTC()}
	version, err := r.source.write(ctx, g, record.Version, record.DueAt, time.Time{})
	if err != nil {
		return leasedGrant{}, err
	}
	return leasedGrant{grant: g, version: version, dueAt: record.DueAt, takenAt: takenAt, length: length}, nil
}

func (r *refresher) leaseLength() time.Duration {
	config := r.source.config
	if config.lateBound > 0 {
		return config.refreshTimeout + config.lateBound + saveTimeout + clockSkew
	}
	return 2*config.refreshTimeout + saveTimeout + clockSkew
}

// leaseCovers reports whether the lease outlasts one more call and its save, by the wall
// clock, which other processes see, and by the monotonic clock, which nobody sets. A
// process that was frozen may have neither.
func (r *refresher) leaseCovers(leased leasedGrant) bool {
	need := r.source.config.refreshTimeout + saveTimeout
	now := time.Now()
	wall := leased.grant.Lease.Until.Sub(now.Round(0))
	monotonic := leased.length - now.Sub(leased.takenAt)
	return min(wall, monotonic) >= need //mutant:lease-outlives-send
}

// nearHardDeadline reports whether a refresh sent now might be cut off by a freeze, which
// would cost the grant.
func nearHardDeadline(ctx context.Context) bool {
	end, ok := detachctx.End(ctx)
	return ok && time.Until(end) < minRefreshTime
}

// refreshUnderLease sends the refresh token, a second time where that is safe, and stores
// the outcome.
func (r *refresher) refreshUnderLease(ctx context.Context, leased leasedGrant) (*oauth2.Token, error) {
	s, sent := r.source, leased.grant.RefreshToken
	if nearHardDeadline(ctx) {
		r.release(ctx, leased)
		return nil, failed(s.key, "refresh", errNearDeadline)
	}
	if !r.leaseCovers(leased) {
		return nil, errReload
	}
	answer, err := r.callVendor(ctx, leased.grant)
	if isAmbiguous(err) {
		r.unacknowledged = sent
	}
	if r.maySendAgain(err) && r.leaseCovers(leased) && !nearHardDeadline(ctx) {
		answer, err = r.callVendor(ctx, leased.grant)
	}
	switch {
	case err == nil:
		return r.save(ctx, leased, newGrant(leased.grant.Installation, answer, leased.grant)) //mutant:save-refreshed
	case isInvalidGrant(err):
		reason, marked := r.markRejected(ctx, leased)
		if !marked {
			return nil, errReload
		}
		err = fmt.Errorf("%w (%s): %w", ErrReauthorize, reason, err)
	case isAmbiguous(err), neverSent(err) && r.unacknowledged == sent:
		err = fmt.Errorf("%w: %w", ErrInDoubt, err)
	default:
		r.release(ctx, leased)
	}
	err = failed(s.key, "refresh", err, leased.grant.AccessToken, sent)
	r.report(ctx, leased, err)
	return nil, err
}

// callVendor sends the refresh token once.
func (r *refresher) callVendor(ctx context.Context, g grant) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, r.source.config.refreshTimeout)
	defer cancel()
	answer, err := r.source.refresh(ctx, g.withRefreshToken())
	if err == nil && (answer == nil || answer.AccessToken == "") {
		return nil, errors.New("the refresh function returned no access token")
	}
	return answer, err
}

// maySendAgain reports whether a refresh that failed with err may be sent a second time
// under the same lease.
func (r *refresher) maySendAgain(err error) bool {
	if isAmbiguous(err) && r.source.config.lateBound > 0 { //mutant:send-again-despite-detection
		return false
	}
	return neverSent(err) || isAmbiguous(err)
}

// markRejected records that the vendor rejected the refresh token, which stops all
// further attempts. It writes at the version of the lease, so a refresh of another
// process wins; it reports whether the mark was written.
func (r *refresher) markRejected(ctx context.Context, leased leasedGrant) (reason string, marked bool) {
	reason = reasonInvalidGrant
	if r.unacknowledged == leased.grant.RefreshToken {
		reason = reasonInterrupted
	}
	g := leased.grant
	g.Lease = nil
	g.Rejected = &rejection{Fingerprint: fingerprint(g.RefreshToken), Reason: reason}
	_, err := r.source.write(ctx, g, leased.version, time.Time{}, time.Time{})
	return reason, err == nil //mutant:rejected-if-unchanged
}

// release gives the lease back when the refresh token was not used up; if that fails, the
// lease runs out. The lease stays where an earlier refresh is unacknowledged: it tells
// the next process that the token may have been used up.
func (r *refresher) release(ctx context.Context, leased leasedGrant) {
	if r.unacknowledged == leased.grant.RefreshToken {
		return
	}
	ctx, cancel := detachctx.Context(ctx, saveTimeout)
	defer cancel()
	g := leased.grant
	g.Lease = nil
	_, _ = r.source.write(ctx, g, leased.version, leased.dueAt, time.Time{})
}

// save stores the successor of the leased grant and returns its token (docs/protocol.md,
// Save and Confirm). It drops the successor and fails with errReload when the record has
// none of its tokens any more. While the store or its keys are unavailable it repeats
// without end, and callers are told after saveTimeout.
func (r *refresher) save(ctx context.Context, leased leasedGrant, successor grant) (*oauth2.Token, error) {
	s := r.source
	timer := time.AfterFunc(saveTimeout, func() {
		r.signalUnsaved()
		r.report(ctx, leased, r.notSaved())
	})
	defer timer.Stop()
	version := leased.version
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		_, err := s.write(ctx, successor, version, s.keepAliveAt(successor), time.Time{})
		if err == nil {
			break
		}
		record, stored, err := s.load(ctx)                     //mutant:confirm
		if errors.Is(err, ErrNotInstalled) || isForeign(err) { //mutant:successor-of-nothing
			return nil, errReload
		}
		if err == nil && stored.sameTokens(successor) {
			break
		}
		if err == nil && !stored.isPredecessorOf(successor, leased.grant.RefreshToken) { //mutant:successor-of-another
			return nil, errReload
		}
		if err == nil {
			version = record.Version
		}
		_ = s.sleep(ctx, backoff) // ctx has no end
	}
	token := successor.token()
	s.replaceCached(token)
	r.report(ctx, leased, nil)
	return token, nil
}

func (r *refresher) notSaved() error {
	return failed(r.source.key, "save the refreshed token", ErrNotSaved)
}

// report tells the observer how the refresh under this lease went.
func (r *refresher) report(ctx context.Context, leased leasedGrant, err error) {
	r.source.config.observe(ctx, Refresh{Key: r.source.key, Duration: time.Since(leased.takenAt), Err: err})
}

func isInvalidGrant(err error) bool {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	return ok && answer.ErrorCode == "invalid_grant"
}

// isAmbiguous reports whether err leaves open what the vendor did with the refresh token.
func isAmbiguous(err error) bool {
	if err == nil || neverSent(err) {
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

// neverSent reports whether err says that the refresh token did not leave this process.
func neverSent(err error) bool {
	fault, ok := errors.AsType[interface {
		error
		Unsent() bool
	}](err)
	return ok && fault.Unsent()
}
