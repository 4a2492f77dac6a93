package install

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// errDamaged reports a record that can neither be opened nor decoded, and is not a newer
// program's.
var errDamaged = errors.New("install: the record is damaged or sealed with another key")

// recordStore reads and writes the record of one installation.
type recordStore struct {
	store tokenstore.Store
	key   string
	now   func() time.Time
}

// current returns the record of an app that is installed, or ErrNotInstalled.
func (s *recordStore) current(ctx context.Context) (*record, error) {
	r, _, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if r.State != stateInstalled {
		return nil, ErrNotInstalled
	}
	return r, nil
}

// read returns the record and its version: an empty record and "" when there is none.
// With errDamaged the version is that of the record which a new install may replace.
func (s *recordStore) read(ctx context.Context) (r *record, version string, err error) {
	stored, err := s.store.Get(ctx, s.key)
	switch {
	case errors.Is(err, tokenstore.ErrNotFound):
		return &record{}, "", nil
	case errors.Is(err, tokenstore.ErrUnreadable) && stored.Version != "":
		return nil, stored.Version, fmt.Errorf("%w: %w", ErrUnavailable, errDamaged)
	case err != nil:
		return nil, "", fmt.Errorf("%w: the store cannot be read: %w", ErrUnavailable, err)
	}
	r = &record{}
	// A JSON error may quote the value, so none is wrapped.
	if json.Unmarshal(stored.Value, r) != nil || r.Format < oldestFormat {
		return nil, stored.Version, fmt.Errorf("%w: %w", ErrUnavailable, errDamaged)
	}
	if r.Format > recordFormat {
		return nil, "", fmt.Errorf("%w: the record has format %d and this program knows %d: run the newer program",
			ErrUnavailable, r.Format, recordFormat)
	}
	return r, stored.Version, nil
}

// update changes the record until the change is stored, or change fails, or returns
// false: there is nothing to change. It returns the record as it is then.
func (s *recordStore) update(ctx context.Context, change func(*record) (bool, error)) (*record, error) {
	r, version, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	return s.updateFrom(ctx, r, version, change)
}

// updateOrReplace is update, except that it replaces a damaged record by an empty one
// first.
func (s *recordStore) updateOrReplace(ctx context.Context, change func(*record) (bool, error)) (*record, error) {
	r, version, err := s.read(ctx)
	if errors.Is(err, errDamaged) {
		r, err = &record{}, nil
	}
	if err != nil {
		return nil, err
	}
	return s.updateFrom(ctx, r, version, change)
}

func (s *recordStore) updateFrom(
	ctx context.Context, r *record, version string, change func(*record) (bool, error),
) (*record, error) {
	for {
		next := r.clone()
		changed, err := change(next)
		if err != nil || !changed {
			return r, err
		}
		err = s.write(ctx, next, version)
		if err == nil {
			return next, nil
		}
		if !errors.Is(err, tokenstore.ErrConflict) {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if r, version, err = s.read(ctx); err != nil {
			return nil, err
		}
	}
}

// write replaces the record at this version. It returns tokenstore.ErrConflict if another
// writer was first; a lost reply is told from a lost race by the stamp.
func (s *recordStore) write(ctx context.Context, next *record, version string) error {
	next.Format, next.Stamp = recordFormat, rand.Text()
	value, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	_, putErr := s.store.Put(ctx, s.key, tokenstore.Record{
		Value: value, Version: version, DueAt: next.dueAt(), ExpiresAt: next.expiresAt(s.now()),
	})
	if putErr == nil {
		return nil
	}
	if stored, _, err := s.read(ctx); err == nil && stored.Stamp == next.Stamp {
		return nil
	}
	if errors.Is(putErr, tokenstore.ErrConflict) {
		return tokenstore.ErrConflict
	}
	return fmt.Errorf("%w: the store cannot be written: %w", ErrUnavailable, putErr)
}
