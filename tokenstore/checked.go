package tokenstore

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Checked returns a [Store] that rejects a context that is over and arguments outside the
// limits before store gets them, and truncates the times of a record to UTC milliseconds.
// The constructor of a backend returns its store through Checked, so that its methods
// need no checks of their own, except for the cursor of Due (see [ParseCursor]).
func Checked(store Store) Store { return checked{store} }

type checked struct{ store Store }

func (c checked) Get(ctx context.Context, key string) (Record, error) {
	if err := check(ctx, key); err != nil {
		return Record{}, err
	}
	return c.store.Get(ctx, key)
}

func (c checked) Put(ctx context.Context, key string, r Record) (string, error) {
	if err := check(ctx, key); err != nil {
		return "", err
	}
	r, err := r.normalize()
	if err != nil {
		return "", err
	}
	return c.store.Put(ctx, key, r)
}

func (c checked) Delete(ctx context.Context, key, version string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	return c.store.Delete(ctx, key, version)
}

func (c checked) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if err := checkDue(prefix, limit); err != nil {
		return nil, "", err
	}
	return c.store.Due(ctx, prefix, before, after, limit)
}

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return CheckKey(key)
}

// CheckKey returns an error that matches [ErrInvalid] unless key is a key of a [Store].
func CheckKey(key string) error {
	if len(key) < 1 || len(key) > MaxKeyLen {
		return fmt.Errorf("%w: key has %d bytes, want 1 to %d", ErrInvalid, len(key), MaxKeyLen)
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return fmt.Errorf("%w: key byte %d is not printable ASCII", ErrInvalid, i)
		}
	}
	return nil
}

func checkDue(prefix string, limit int) error {
	if err := CheckKey(prefix); err != nil {
		return fmt.Errorf("prefix: %w", err)
	}
	if strings.HasPrefix(prefix, "/") || strings.HasSuffix(prefix, "/") {
		return fmt.Errorf("%w: prefix begins or ends with a slash, want whole segments", ErrInvalid)
	}
	if limit < 1 {
		return fmt.Errorf("%w: limit is %d, want at least 1", ErrInvalid, limit)
	}
	return nil
}

// normalize returns r with its times truncated. The value is not copied.
func (r Record) normalize() (Record, error) {
	if len(r.Value) > MaxSealedLen {
		return Record{}, fmt.Errorf("%w: value has %d bytes, want at most %d", ErrInvalid, len(r.Value), MaxSealedLen)
	}
	var err error
	if r.DueAt, err = wholeMillis(r.DueAt); err != nil {
		return Record{}, fmt.Errorf("DueAt: %w", err)
	}
	if r.ExpiresAt, err = wholeMillis(r.ExpiresAt); err != nil {
		return Record{}, fmt.Errorf("ExpiresAt: %w", err)
	}
	return r, nil
}

func wholeMillis(t time.Time) (time.Time, error) {
	if t.IsZero() {
		return time.Time{}, nil
	}
	t = t.UTC()
	if t.UnixMilli() <= 0 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("%w: time is outside 1970 to 9999", ErrInvalid)
	}
	return t.Truncate(time.Millisecond), nil
}
