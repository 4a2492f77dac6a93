package tokenstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	refreshBefore = time.Minute     // a token this near its expiry is refreshed
	retryInterval = 5 * time.Second // between two refreshes of a token that is still usable
	usableBefore  = 5 * time.Second // a token this near its expiry is not handed out any more
	saveTimeout   = 5 * time.Second // for one answer of the store
	clockSkew     = 5 * time.Second // between two processes of the fleet

	// tombstoneTTL is longer than any late message about an installation may take.
	tombstoneTTL = 90 * 24 * time.Hour
)

// RefreshFunc asks the vendor for the successor of old. It sends old's refresh token
// exactly once, since the source decides about a second attempt, and gives up when ctx
// ends.
//
// An error answer of the vendor is an *oauth2.RetrieveError, wrapped or not, as
// golang.org/x/oauth2 returns it; its ErrorCode "invalid_grant" means that the grant is
// rejected. A 5xx, a 408 and any other error count as no answer: the vendor may or may
// not have used up the token. An error with a method Unsent() bool that returns true
// states that the vendor cannot have, because the request was never sent.
type RefreshFunc func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error)

// TokenSource hands out the access token of one grant and refreshes it near its expiry.
// Any number of sources, in any number of processes, may share the record: a rotating
// refresh token is used by one of them, and its successor is stored before it is handed
// out.
//
// All methods may be called by any number of goroutines.
type TokenSource struct {
	store   Store
	key     string
	refresh RefreshFunc
	config  sourceConfig

	mu       sync.Mutex
	current  *oauth2.Token // the newest token known
	rejected string        // the access token that Invalidate named last
	running  *refresher    // nil when none runs
	retryAt  time.Time     // when the next refresh may begin while the current token is usable
}

// NewTokenSource returns the source of the grant stored under key. It reads nothing yet:
// the grant may be stored later, with Save. Use one source per key and process; two are
// safe, but each reads the store for itself.
func NewTokenSource(store Store, key string, refresh RefreshFunc, opts ...Option) (*TokenSource, error) {
	if store == nil || refresh == nil {
		return nil, fmt.Errorf("%w: a token source needs a store and a refresh function", ErrInvalid)
	}
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	config := sourceConfig{
		refreshTimeout: defaultRefreshTimeout, keepAlive: defaultKeepAlive,
		observe: func(context.Context, Refresh) {}, jitter: jitter,
	}
	for _, opt := range opts {
		if err := opt(&config); err != nil {
			return nil, err
		}
	}
	return &TokenSource{store: store, key: key, refresh: refresh, config: config}, nil
}

// Token returns an access token that is believed good, with the extras "scope" and
// "api_url" and without the refresh token. Usually it costs no I/O. In the last minute
// before a token expires it is still returned at once, while a refresh runs in the
// background; only in the last five seconds callers wait.
//
// A refresh continues when ctx ends, since the vendor may already have used up the old
// token: ctx limits only the caller's wait. Under bridge.Until no refresh is sent in the
// last two seconds before the end; the error is then DeadlineExceeded.
//
// Errors are *Error and match ErrNotInstalled, ErrReauthorize, ErrInDoubt, ErrNotSaved,
// ErrUnreadable, the context's error, or else the error of the store or the vendor.
func (s *TokenSource) Token(ctx context.Context) (*oauth2.Token, error) {
	s.mu.Lock()
	if token := s.current; s.isGood(token, refreshBefore) {
		s.mu.Unlock()
		return clone(token), nil
	}
	if err := ctx.Err(); err != nil {
		s.mu.Unlock()
		return nil, failed(s.key, "wait for a token", err)
	}
	if token := s.current; s.isGood(token, usableBefore) {
		if now := time.Now(); !now.Before(s.retryAt) {
			s.retryAt = now.Add(retryInterval)
			s.startRefresh(ctx)
		}
		s.mu.Unlock()
		return clone(token), nil
	}
	running := s.startRefresh(ctx)
	stale := running.staleReady
	if running.staleToken != nil {
		stale = nil // it is not usable any more, or it would be the current token
	}
	s.mu.Unlock()
	return running.wait(ctx, stale)
}

// KeepAlive refreshes the grant when that is due (see WithKeepAlive), even if its access
// token is good, so that the vendor does not expire an idle grant. Otherwise it costs one
// read of the store; so does a grant that is not installed or was rejected. Call it
// regularly, say every hour, from any number of processes: one of them refreshes. Errors
// are those of Token.
func (s *TokenSource) KeepAlive(ctx context.Context) error {
	record, _, err := s.load(ctx)
	if errors.Is(err, ErrNotInstalled) {
		return nil
	}
	if err != nil {
		return failed(s.key, "keep the grant alive", err)
	}
	if !isDue(record) {
		return nil
	}
	s.mu.Lock()
	running := s.startRefresh(ctx)
	s.mu.Unlock()
	_, err = running.wait(ctx, nil)
	return err
}

// Invalidate reports that the vendor rejected this access token although it looked good.
// The source does not return it again; a newer one, of this process or another, stays in
// use.
func (s *TokenSource) Invalidate(_ context.Context, token *oauth2.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A token older than the current one is superseded anyway. To remember it would
	// forget a newer rejection.
	if token != nil && (s.current == nil || s.current.AccessToken == token.AccessToken) {
		s.rejected = token.AccessToken //mutant:remember-rejected
	}
}

// Wait returns when no refresh of this process is running, or with ctx's error. Call it
// before the process ends or is frozen, as on AWS Lambda: a refresh that is cut off
// between the vendor's answer and the store costs the grant.
func (s *TokenSource) Wait(ctx context.Context) error {
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running == nil {
		return nil
	}
	select {
	case <-running.done:
		return nil
	case <-ctx.Done():
		return failed(s.key, "wait for a refresh", ctx.Err())
	}
}

// Save stores the token of a new consent, whatever the key holds: a tombstone, a rejected
// grant, even a record that is damaged or sealed with a lost key. The installation is an
// id that was never used before. A refresh that is running for the former installation
// cannot overwrite the new grant.
//
// Save waits for the store until ctx ends, and then fails with ErrNotSaved and the cause:
// ask for consent again. It fails with ErrUnreadable when a newer program wrote the
// record.
func (s *TokenSource) Save(ctx context.Context, installation string, token *oauth2.Token) error {
	const step = "save a consent"
	if installation == "" || token == nil || token.AccessToken == "" {
		return failed(s.key, step, fmt.Errorf("%w: it needs an installation and an access token", ErrInvalid))
	}
	fresh := newGrant(installation, token, grant{})
	for tried := false; ; {
		record, stored, err := s.load(ctx)
		if tried && stored.Installation == installation && errors.Is(err, ErrNotInstalled) {
			return failed(s.key, step, err)
		}
		if tried && stored.Installation == installation && err == nil { //mutant:consent-landed
			return nil // a write in doubt has landed, and may have been refreshed since
		}
		if err == nil || errors.Is(err, ErrNotInstalled) || isReplaceable(record, err) {
			tried = true
			_, err = s.write(ctx, fresh, record.Version, s.keepAliveAt(fresh), time.Time{})
			if err == nil {
				s.replaceCached(nil)
				s.cache(fresh.token()) // unless it was rejected before the store answered
				return nil
			}
		}
		if errors.Is(err, ErrInvalid) || errors.Is(err, ErrUnreadable) {
			return failed(s.key, step, err)
		}
		if sleepErr := s.sleep(ctx, minBackoff); sleepErr != nil {
			return failed(s.key, step, fmt.Errorf("%w: %w: %w", ErrNotSaved, sleepErr, err), token.AccessToken, token.RefreshToken)
		}
	}
}

// isReplaceable reports whether a consent may be written over a record that load could
// not read.
func isReplaceable(record Record, err error) bool {
	return errors.Is(err, ErrUnreadable) && !errors.Is(err, errNewer) && record.Version != ""
}

// Uninstall replaces the grant of this installation by a tombstone without secrets. A
// grant of another installation, installed since, is kept. Uninstall returns nil when
// there is nothing to do.
func (s *TokenSource) Uninstall(ctx context.Context, installation string) error {
	const step = "uninstall"
	for {
		record, stored, err := s.load(ctx)
		if errors.Is(err, ErrNotInstalled) ||
			err == nil && stored.Installation != installation { //mutant:uninstall-other
			s.replaceCached(nil)
			return nil
		}
		if err == nil {
			tombstone := grant{Format: grantFormat, Installation: installation, Uninstalled: true} //mutant:tombstone
			_, err = s.write(ctx, tombstone, record.Version, time.Time{}, time.Now().Add(tombstoneTTL))
			if err == nil {
				s.replaceCached(nil)
				return nil
			}
		}
		if errors.Is(err, ErrUnreadable) {
			return failed(s.key, step, err)
		}
		if sleepErr := s.sleep(ctx, minBackoff); sleepErr != nil {
			return failed(s.key, step, errors.Join(sleepErr, err))
		}
	}
}

// startRefresh returns the refresh that is running, or starts one. The caller holds s.mu.
func (s *TokenSource) startRefresh(ctx context.Context) *refresher {
	if s.running == nil {
		s.running = newRefresher(s)
		go s.running.run(context.WithoutCancel(ctx))
	}
	return s.running
}

// isGood reports whether the token is valid for at least that long and was not rejected.
// The caller holds s.mu.
func (s *TokenSource) isGood(token *oauth2.Token, left time.Duration) bool {
	if token == nil || token.AccessToken == "" || token.AccessToken == s.rejected {
		return false
	}
	return token.Expiry.IsZero() || time.Now().Before(token.Expiry.Add(-left))
}

// cache makes token the current one unless it is about to expire or was rejected, and
// reports whether it did.
func (s *TokenSource) cache(token *oauth2.Token) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isGood(token, refreshBefore) {
		return false
	}
	s.current = token
	return true
}

// replaceCached makes token, which the vendor has just issued, the current one. Nil
// removes the current token.
func (s *TokenSource) replaceCached(token *oauth2.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = token
	if token != nil && token.AccessToken == s.rejected {
		s.rejected = "" // the vendor has issued it again
	}
}

// load returns the record and the grant in it (docs/protocol.md, Load). A missing or
// uninstalled grant is ErrNotInstalled. The record of an uninstalled or unreadable one is
// returned too.
func (s *TokenSource) load(ctx context.Context) (Record, grant, error) {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	record, err := s.store.Get(ctx, s.key)
	if errors.Is(err, ErrNotFound) {
		return Record{}, grant{}, ErrNotInstalled
	}
	if err != nil {
		return record, grant{}, err
	}
	g, err := parseGrant(record.Value)
	if err != nil {
		return record, grant{}, err
	}
	if g.Uninstalled {
		return record, g, ErrNotInstalled
	}
	return record, g, nil
}

// write puts g in place of the given version.
func (s *TokenSource) write(ctx context.Context, g grant, version string, dueAt, expiresAt time.Time) (string, error) {
	value, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("%w: grant has no JSON form", ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	return s.store.Put(ctx, s.key, Record{Value: value, Version: version, DueAt: dueAt, ExpiresAt: expiresAt})
}

// keepAliveAt returns when KeepAlive refreshes the grant next. A grant without a refresh
// token is never due.
func (s *TokenSource) keepAliveAt(g grant) time.Time {
	if g.RefreshToken == "" {
		return time.Time{}
	}
	return time.Now().Add(s.config.keepAlive)
}

// sleep waits about that long, or until ctx ends.
func (s *TokenSource) sleep(ctx context.Context, about time.Duration) error {
	timer := time.NewTimer(s.config.jitter(about))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func isDue(r Record) bool { return !r.DueAt.IsZero() && !time.Now().Before(r.DueAt) }

// jitter returns half to one and a half of about, so that several waiters do not return
// at the same time. It is seeded by the clock, so that a test with a clock of its own can
// be repeated.
func jitter(about time.Duration) time.Duration {
	seeded := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(about))) //nolint:gosec // guards nothing
	return about/2 + time.Duration(seeded.Int64N(int64(about)))
}

func clone(token *oauth2.Token) *oauth2.Token {
	own := *token
	return &own
}
