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
	defaultRefreshTimeout = 8 * time.Second
	defaultKeepAlive      = 7 * 24 * time.Hour

	renewBefore  = time.Minute     // a token this near its expiry is renewed
	renewPause   = 5 * time.Second // between two tries to renew one that still serves
	usableBefore = 5 * time.Second // one this near is not handed out any more
	saveBudget   = 5 * time.Second // for one answer of the store
	clockSkew    = 5 * time.Second // between two processes of the fleet
)

// RefreshFunc asks the vendor for the successor of old, whose refresh token it sends exactly once: the source decides about
// a second try. It gives up when ctx is over.
//
// An error answer of the vendor is an *oauth2.RetrieveError, wrapped or not, as golang.org/x/oauth2 returns it; its
// ErrorCode "invalid_grant" means that the grant is dead. A 5xx, a 408 and any other error count as no answer: the vendor
// may or may not have used up the token. An error with a method Unsent() bool that returns true says that it cannot have,
// because the request never left.
type RefreshFunc func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error)

// TokenSource hands out the access token of one grant, refreshed when it nears its expiry. Any number of sources, in any
// number of processes, may share the record: a rotating refresh token is used by one of them, and its successor is stored
// before anyone gets it.
//
// All methods may be called by any number of goroutines.
type TokenSource struct {
	store   Store
	key     string
	refresh RefreshFunc
	config  sourceConfig

	mu      sync.Mutex
	current *oauth2.Token // the newest token known
	refused string        // the access token that Invalidate named last
	flight  *flight       // the one that runs, or nil
	renewAt time.Time     // when the next try may begin while the current token still serves
}

// sourceConfig is what the options fill.
type sourceConfig struct {
	refreshTimeout time.Duration
	keepAlive      time.Duration
	lateBound      time.Duration
	observe        func(context.Context, Refresh)
	jitter         func(about time.Duration) time.Duration // at least half of it
}

// Option changes a default of a [TokenSource].
type Option func(*sourceConfig) error

// WithRefreshTimeout bounds one call of the refresh function; the default is 8 seconds.
func WithRefreshTimeout(timeout time.Duration) Option {
	return func(c *sourceConfig) error {
		if timeout <= 0 {
			return fmt.Errorf("%w: refresh timeout is %v, want more than 0", ErrInvalid, timeout)
		}
		c.refreshTimeout = timeout
		return nil
	}
}

// WithKeepAlive sets how long after a refresh KeepAlive refreshes again, before the vendor forgets an idle grant; the
// default is 7 days.
func WithKeepAlive(after time.Duration) Option {
	return func(c *sourceConfig) error {
		if after <= 0 {
			return fmt.Errorf("%w: keep-alive is %v, want more than 0", ErrInvalid, after)
		}
		c.keepAlive = after
		return nil
	}
}

// WithReuseDetection is for a vendor that revokes the whole grant when it sees a refresh token twice. A refresh without an
// answer is then not sent again before late has passed, the longest that an answer may be under way.
func WithReuseDetection(late time.Duration) Option {
	return func(c *sourceConfig) error {
		if late <= 0 {
			return fmt.Errorf("%w: late bound is %v, want more than 0", ErrInvalid, late)
		}
		c.lateBound = late
		return nil
	}
}

// NewTokenSource returns the source of the grant kept in store under key. It reads nothing yet: the grant may be stored
// later, with Save. Use one source per key and process; two are safe, but each reads the store for itself.
func NewTokenSource(store Store, key string, refresh RefreshFunc, opts ...Option) (*TokenSource, error) {
	if store == nil || refresh == nil {
		return nil, fmt.Errorf("%w: a token source needs a store and a refresh function", ErrInvalid)
	}
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	config := sourceConfig{
		refreshTimeout: defaultRefreshTimeout, keepAlive: defaultKeepAlive,
		observe: func(context.Context, Refresh) {}, jitter: spread,
	}
	for _, opt := range opts {
		if err := opt(&config); err != nil {
			return nil, err
		}
	}
	return &TokenSource{store: store, key: key, refresh: refresh, config: config}, nil
}

// Token returns an access token that was good a moment ago, with the extras "scope" and "api_url" and without the refresh
// token. In the good case it costs no I/O. In the last minute before a token expires it is still handed out at once, while
// its renewal is under way; only in the last five seconds callers wait.
//
// A refresh goes on when ctx ends, since the vendor may already have used up the old token: ctx bounds the caller's wait
// alone. Under bridge.Until none is sent in the last two seconds before the end, which is DeadlineExceeded.
//
// Errors are *Error and match ErrNotInstalled, ErrReauthorize, ErrInDoubt, ErrNotSaved, ErrUnreadable, the context's error,
// or else what the store or the vendor said.
func (s *TokenSource) Token(ctx context.Context) (*oauth2.Token, error) {
	s.mu.Lock()
	if token := s.current; s.isGood(token, renewBefore) { // line 1
		s.mu.Unlock()
		return clone(token), nil
	}
	if err := ctx.Err(); err != nil {
		s.mu.Unlock()
		return nil, failed(s.key, "wait for a token", err)
	}
	if token := s.current; s.isGood(token, usableBefore) {
		if now := time.Now(); !now.Before(s.renewAt) {
			s.renewAt = now.Add(renewPause)
			s.take(ctx)
		}
		s.mu.Unlock()
		return clone(token), nil
	}
	flight := s.take(ctx)
	lent := flight.lent
	if flight.loan != nil {
		lent = nil // what was lent does not serve any more
	}
	s.mu.Unlock()
	return flight.wait(ctx, lent)
}

// take returns the flight that is under way, or begins one: line 2. The caller holds s.mu.
func (s *TokenSource) take(ctx context.Context) *flight {
	if s.flight == nil {
		s.flight = newFlight(s)
		go s.flight.fly(context.WithoutCancel(ctx))
	}
	return s.flight
}

// KeepAlive refreshes the grant when that is due (see WithKeepAlive), even if its access token is good, so that the vendor
// does not forget it. Otherwise it costs one read of the store, and a grant that is not installed or lost costs no more.
// Call it now and then, say every hour, from any number of processes: one of them refreshes. Errors are those of Token.
func (s *TokenSource) KeepAlive(ctx context.Context) error {
	record, _, err := s.read(ctx)
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
	flight := s.take(ctx)
	s.mu.Unlock()
	_, err = flight.wait(ctx, nil)
	return err
}

func isDue(r Record) bool { return !r.DueAt.IsZero() && !time.Now().Before(r.DueAt) }

// Invalidate says that the vendor refused this access token although it looked good. The source hands it out no more; a
// newer one, this process's or another's, stays in use. This is line 16.
func (s *TokenSource) Invalidate(_ context.Context, token *oauth2.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A token older than the newest known was superseded already. To remember it would forget the newer refusal.
	if token != nil && (s.current == nil || s.current.AccessToken == token.AccessToken) {
		s.refused = token.AccessToken //mutant:remember-rejected
	}
}

// Wait returns when no refresh of this process is under way, or with ctx's error. Call it before the process ends or is
// frozen, as on AWS Lambda: a refresh that is cut off between the vendor's answer and the store costs the grant.
func (s *TokenSource) Wait(ctx context.Context) error {
	s.mu.Lock()
	flight := s.flight
	s.mu.Unlock()
	if flight == nil {
		return nil
	}
	select {
	case <-flight.done:
		return nil
	case <-ctx.Done():
		return failed(s.key, "wait for a refresh", ctx.Err())
	}
}

// isGood reports whether the token has that long to live and was not refused. The caller holds s.mu.
func (s *TokenSource) isGood(token *oauth2.Token, left time.Duration) bool {
	if token == nil || token.AccessToken == "" || token.AccessToken == s.refused {
		return false
	}
	return token.Expiry.IsZero() || time.Now().Before(token.Expiry.Add(-left))
}

// know keeps token as the newest one, if it is not near expiry.
func (s *TokenSource) know(token *oauth2.Token) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isGood(token, renewBefore) {
		return false
	}
	s.current = token
	return true
}

// adopt makes token the newest one known: the vendor has just given it. Nil forgets the one there was.
func (s *TokenSource) adopt(token *oauth2.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = token
	if token != nil && token.AccessToken == s.refused {
		s.refused = "" // the vendor stands by it
	}
}

// read returns the record and the grant in it: line 3. A missing or uninstalled one is ErrNotInstalled. The record of an
// uninstalled or unreadable one is returned too.
func (s *TokenSource) read(ctx context.Context) (Record, grant, error) {
	ctx, cancel := context.WithTimeout(ctx, saveBudget)
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

// write puts g where version is.
func (s *TokenSource) write(ctx context.Context, g grant, version string, dueAt, expiresAt time.Time) (string, error) {
	value, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("%w: grant has no JSON form", ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, saveBudget)
	defer cancel()
	return s.store.Put(ctx, s.key, Record{Value: value, Version: version, DueAt: dueAt, ExpiresAt: expiresAt})
}

// keepAlive is when KeepAlive refreshes again, so that the vendor does not forget the grant.
func (s *TokenSource) keepAlive(g grant) time.Time {
	if g.RefreshToken == "" {
		return time.Time{}
	}
	return time.Now().Add(s.config.keepAlive)
}

// spread is about that long, at least half of it, so that several waiters do not come back at once.
func spread(about time.Duration) time.Duration {
	return about/2 + rand.N(about) //nolint:gosec // G404: jitter needs no secrecy
}

// pause waits about that long.
func (s *TokenSource) pause(ctx context.Context, about time.Duration) error {
	timer := time.NewTimer(s.config.jitter(about))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func clone(token *oauth2.Token) *oauth2.Token {
	own := *token
	return &own
}
