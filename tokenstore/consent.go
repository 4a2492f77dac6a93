package tokenstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"
)

// tombstoneLife outlives every late message about an installation.
const tombstoneLife = 90 * 24 * time.Hour

// Save stores the token of a fresh consent over whatever the key holds: a tombstone, a dead grant, even one that is damaged
// or sealed with a key that is lost. The installation is an id that was never used before. A refresh that is under way for
// the former installation cannot overwrite it. This is line 18.
//
// It waits for the store until ctx ends, and then fails with ErrNotSaved and the cause: ask for consent again. It fails with
// ErrUnreadable when a newer program wrote the record.
func (s *TokenSource) Save(ctx context.Context, installation string, token *oauth2.Token) error {
	const step = "save a consent"
	if installation == "" || token == nil || token.AccessToken == "" {
		return failed(s.key, step, fmt.Errorf("%w: it needs an installation and an access token", ErrInvalid))
	}
	fresh := newGrant(installation, token, grant{})
	for tried := false; ; {
		record, now, err := s.read(ctx)
		if tried && now.Installation == installation && errors.Is(err, ErrNotInstalled) {
			return failed(s.key, step, err)
		}
		if tried && now.Installation == installation && err == nil { //mutant:consent-landed
			return nil // a write in doubt has landed, and may have been refreshed since
		}
		if err == nil || errors.Is(err, ErrNotInstalled) || isLost(record, err) {
			tried = true
			_, err = s.write(ctx, fresh, record.Version, s.keepAlive(fresh), time.Time{})
			if err == nil {
				s.adopt(nil)
				s.know(fresh.token()) // unless it was used, and refused, before the store answered
				return nil
			}
		}
		if errors.Is(err, ErrInvalid) || errors.Is(err, ErrUnreadable) {
			return failed(s.key, step, err)
		}
		if pauseErr := s.pause(ctx, firstBackoff); pauseErr != nil {
			return failed(s.key, step, fmt.Errorf("%w: %w: %w", ErrNotSaved, pauseErr, err), token.AccessToken, token.RefreshToken)
		}
	}
}

// isLost reports whether a consent may be written over a record that read could not make out.
func isLost(record Record, err error) bool {
	return errors.Is(err, ErrUnreadable) && !errors.Is(err, errNewer) && record.Version != ""
}

// Uninstall leaves a tombstone without any secret in place of the grant, if it is of this installation: one that was
// installed again meanwhile is kept. It returns nil when there is nothing to do. This is the tokens' part of line 17.
func (s *TokenSource) Uninstall(ctx context.Context, installation string) error {
	const step = "uninstall"
	for {
		record, now, err := s.read(ctx)
		if errors.Is(err, ErrNotInstalled) ||
			err == nil && now.Installation != installation { //mutant:uninstall-other
			s.adopt(nil)
			return nil
		}
		if err == nil {
			tombstone := grant{Format: grantFormat, Installation: installation, Uninstalled: true} //mutant:tombstone
			_, err = s.write(ctx, tombstone, record.Version, time.Time{}, time.Now().Add(tombstoneLife))
			if err == nil {
				s.adopt(nil)
				return nil
			}
		}
		if errors.Is(err, ErrUnreadable) {
			return failed(s.key, step, err)
		}
		if pauseErr := s.pause(ctx, firstBackoff); pauseErr != nil {
			return failed(s.key, step, errors.Join(pauseErr, err))
		}
	}
}
