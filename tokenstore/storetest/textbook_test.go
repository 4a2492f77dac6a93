package storetest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// database is what a backend talks to: rows, each changed by one conditional statement at a time.
type database struct {
	mu   sync.Mutex
	rows map[string]tokenstore.Record
}

// row returns what is under the key now. An expired row is absent, and an absent one has the version "".
func (d *database) row(key string) tokenstore.Record {
	row := d.rows[key]
	if !row.ExpiresAt.IsZero() && !time.Now().Before(row.ExpiresAt) {
		return tokenstore.Record{}
	}
	return row
}

func (d *database) read(key string) tokenstore.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.row(key)
}

// write is the statement of a Put: it replaces the row where its version is the old one, or already the new one.
func (d *database) write(key, old string, row tokenstore.Record) (written bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.row(key).Version; now != old && now != row.Version {
		return false
	}
	d.rows[key] = row
	return true
}

func (d *database) remove(key, version string) (removed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if version != "" && d.row(key).Version != version {
		return false
	}
	delete(d.rows, key)
	return true
}

// due returns the keys under prefix that were due by then, oldest first.
func (d *database) due(prefix string, before time.Time) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	isDue := func(key string) bool {
		at := d.row(key).DueAt
		return strings.HasPrefix(key+"/", prefix+"/") && !at.IsZero() && !at.After(before)
	}
	keys := slices.DeleteFunc(slices.Collect(maps.Keys(d.rows)), func(key string) bool { return !isDue(key) })
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(d.rows[a].DueAt.Compare(d.rows[b].DueAt), strings.Compare(a, b))
	})
	return keys
}

// textbook is the store that docs/implementing-a-store.md describes.
type textbook struct {
	db      *database
	between func() // when set, every Put is sent twice: see WithResend
}

func (s *textbook) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := errors.Join(ctx.Err(), tokenstore.CheckKey(key)); err != nil {
		return tokenstore.Record{}, err
	}
	r := s.db.read(key)
	if r.Version == "" {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	r.Value = slices.Clone(r.Value)
	return r, nil
}

func (s *textbook) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := errors.Join(ctx.Err(), tokenstore.CheckKey(key)); err != nil {
		return "", err
	}
	r, err := r.Normalize()
	if err != nil {
		return "", err
	}
	old := r.Version
	r.Version = rand.Text()
	r.Value = slices.Clone(r.Value)
	written := s.db.write(key, old, r)
	if s.between != nil {
		s.between()
		written = s.db.write(key, old, r)
	}
	if !written {
		return "", tokenstore.ErrConflict
	}
	return r.Version, nil
}

func (s *textbook) Delete(ctx context.Context, key, version string) error {
	if err := errors.Join(ctx.Err(), tokenstore.CheckKey(key)); err != nil {
		return err
	}
	if !s.db.remove(key, version) {
		return tokenstore.ErrConflict
	}
	return nil
}

// Due hands out the time and the key of the last record as its cursor.
func (s *textbook) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	if err := errors.Join(ctx.Err(), tokenstore.CheckDue(prefix, limit)); err != nil {
		return nil, "", err
	}
	millis, lastKey, found := strings.Cut(after, " ")
	last, err := strconv.ParseInt(cmp.Or(millis, "0"), 10, 64)
	if err != nil || after != "" && !found {
		return nil, "", fmt.Errorf("%w: after is not a cursor of this store", tokenstore.ErrInvalid)
	}
	for _, key := range s.db.due(prefix, before) {
		at := s.db.read(key).DueAt.UnixMilli()
		if at < last || at == last && key <= lastKey {
			continue
		}
		if len(keys) == limit {
			return keys, next, nil
		}
		keys = append(keys, key)
		next = strconv.FormatInt(at, 10) + " " + key
	}
	return keys, "", nil
}

func newDatabase() *database {
	return &database{rows: make(map[string]tokenstore.Record)}
}

func TestTheTextbookKeepsTheContract(t *testing.T) {
	t.Parallel()
	db := newDatabase() // one for all rules
	open := func(*testing.T) tokenstore.Store { return &textbook{db: db} }
	Run(
		t, open,
		WithResend(func(_ *testing.T, between func()) tokenstore.Store { return &textbook{db: db, between: between} }),
		WithReopen(func(t *testing.T) (tokenstore.Store, func() tokenstore.Store) {
			return open(t), func() tokenstore.Store { return open(t) }
		}),
		WithSecondInstance(func(t *testing.T) (one, other tokenstore.Store) { return open(t), open(t) }),
	)
}

func TestTheGuideShowsTheTextbook(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/implementing-a-store.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("textbook_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(guide), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Error("the guide shows no code")
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(string(source), code) {
			t.Errorf("the guide shows what is not in textbook_test.go:\n%s", code)
		}
	}
}
