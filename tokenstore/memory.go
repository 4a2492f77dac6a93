package tokenstore

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"
)

// NewMemory returns an empty [Store] in the memory of this process, for tests, demos and
// bots that may forget: everything is lost when the process ends. It keeps the whole
// contract of Store, and its Due is exact. Its clock is time.Now, and it starts no
// goroutine.
func NewMemory() Store {
	return Checked(&memory{records: make(map[string]Record)})
}

type memory struct {
	mu      sync.Mutex
	records map[string]Record
	due     timeIndex
	expiry  timeIndex
}

func (m *memory) Get(_ context.Context, key string) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropExpired()
	r, ok := m.records[key]
	if !ok {
		return Record{}, ErrNotFound
	}
	r.Value = slices.Clone(r.Value)
	return r, nil
}

func (m *memory) Put(_ context.Context, key string, r Record) (string, error) {
	r.Value = slices.Clone(r.Value)
	old := r.Version
	r.Version = rand.Text()

	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropExpired()
	if m.records[key].Version != old {
		return "", ErrConflict
	}
	m.remove(key)
	m.records[key] = r
	m.due.add(r.DueAt, key)
	m.expiry.add(r.ExpiresAt, key)
	return r.Version, nil
}

func (m *memory) Delete(_ context.Context, key, version string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropExpired()
	if version != "" && m.records[key].Version != version {
		return ErrConflict
	}
	m.remove(key)
	return nil
}

func (m *memory) Due(
	_ context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	last, err := ParseCursor(after)
	if err != nil {
		return nil, "", err
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropExpired()
	for _, cursor := range m.due.until(before.UnixMilli()).after(last) {
		if cursor.Key != prefix && !strings.HasPrefix(cursor.Key, prefix+"/") {
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

// dropExpired removes expired records. Each method calls it first and handles expiry
// nowhere else.
func (m *memory) dropExpired() {
	expired := m.expiry.until(time.Now().UnixMilli())
	if len(expired) == 0 {
		return
	}
	for _, cursor := range expired {
		m.due.remove(m.records[cursor.Key].DueAt, cursor.Key)
		delete(m.records, cursor.Key)
	}
	m.expiry = slices.Delete(m.expiry, 0, len(expired))
}

func (m *memory) remove(key string) {
	r, ok := m.records[key]
	if !ok {
		return
	}
	delete(m.records, key)
	m.due.remove(r.DueAt, key)
	m.expiry.remove(r.ExpiresAt, key)
}

// timeIndex holds keys by one of their times, oldest first. Keys without that time are
// not in it.
type timeIndex []Cursor

func (x *timeIndex) add(at time.Time, key string) {
	if at.IsZero() {
		return
	}
	added := Cursor{DueAt: at.UnixMilli(), Key: key}
	i, _ := slices.BinarySearchFunc(*x, added, Cursor.Compare)
	*x = slices.Insert(*x, i, added)
}

func (x *timeIndex) remove(at time.Time, key string) {
	if at.IsZero() {
		return
	}
	i, found := slices.BinarySearchFunc(*x, Cursor{DueAt: at.UnixMilli(), Key: key}, Cursor.Compare)
	if found {
		*x = slices.Delete(*x, i, i+1)
	}
}

// after returns the part behind last.
func (x timeIndex) after(last Cursor) timeIndex {
	i, found := slices.BinarySearchFunc(x, last, Cursor.Compare)
	if found {
		i++
	}
	return x[i:]
}

// until returns the part up to that millisecond, itself included.
func (x timeIndex) until(millis int64) timeIndex {
	i, _ := slices.BinarySearchFunc(x, Cursor{DueAt: millis + 1}, Cursor.Compare)
	return x[:i]
}
