package storetest

import (
	"context"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// database is like any database: rows, each changed by one conditional statement at a
// time.
type database struct {
	mu   sync.Mutex
	rows map[string]tokenstore.Record
}

// row returns the row of the key. An expired row is absent, and an absent one has the
// version "".
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

// write is the statement of a Put: it replaces the row if its version is the old one, or
// already the new one.
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

// due returns what was due under prefix by then, oldest first.
func (d *database) due(prefix string, before time.Time) []tokenstore.Cursor {
	d.mu.Lock()
	defer d.mu.Unlock()
	var due []tokenstore.Cursor
	for key := range d.rows {
		at := d.row(key).DueAt
		if strings.HasPrefix(key+"/", prefix+"/") && !at.IsZero() && !at.After(before) {
			due = append(due, tokenstore.Cursor{DueAt: at.UnixMilli(), Key: key})
		}
	}
	slices.SortFunc(due, tokenstore.Cursor.Compare)
	return due
}

// textbook is the store that docs/implementing-a-store.md describes.
type textbook struct {
	db      *database
	between func() // when set, every Put is sent twice: see WithResend
}

// newTextbook is the constructor. The methods get only what Checked lets through.
func newTextbook(db *database) tokenstore.Store {
	return tokenstore.Checked(&textbook{db: db})
}

func (s *textbook) Get(_ context.Context, key string) (tokenstore.Record, error) {
	r := s.db.read(key)
	if r.Version == "" {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	r.Value = slices.Clone(r.Value)
	return r, nil
}

func (s *textbook) Put(_ context.Context, key string, r tokenstore.Record) (string, error) {
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

func (s *textbook) Delete(_ context.Context, key, version string) error {
	if !s.db.remove(key, version) {
		return tokenstore.ErrConflict
	}
	return nil
}

func (s *textbook) Due(
	_ context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	last, err := tokenstore.ParseCursor(after)
	if err != nil {
		return nil, "", err
	}
	for _, cursor := range s.db.due(prefix, before) {
		if cursor.Compare(last) <= 0 {
			continue
		}
		if len(keys) == limit {
			return keys, last.String(), nil
		}
		keys = append(keys, cursor.Key)
		last = cursor
	}
	return keys, "", nil
}

func newDatabase() *database {
	return &database{rows: make(map[string]tokenstore.Record)}
}

func TestTheTextbookStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	db := newDatabase() // one for all rules
	open := func(*testing.T) tokenstore.Store { return newTextbook(db) }
	Run(
		t, open,
		WithResend(func(_ *testing.T, between func()) tokenstore.Store {
			return tokenstore.Checked(&textbook{db: db, between: between})
		}),
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
