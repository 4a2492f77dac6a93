package tokenstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Memory is a [Store] in the memory of one process: for tests, demos and bots that may forget. Everything is lost when the
// process ends. It keeps the whole contract of Store, its clock is time.Now, and it starts no goroutine.
type Memory struct {
	mu      sync.Mutex
	records map[string]Record
	due     timeline
	expiry  timeline
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{records: make(map[string]Record)}
}

// Get implements [Store].
func (m *Memory) Get(ctx context.Context, key string) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	if err := CheckKey(key); err != nil {
		return Record{}, err
	}
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

// Put implements [Store].
func (m *Memory) Put(ctx context.Context, key string, r Record) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := CheckKey(key); err != nil {
		return "", err
	}
	r, err := r.Normalize()
	if err != nil {
		return "", err
	}
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

// Delete implements [Store].
func (m *Memory) Delete(ctx context.Context, key, version string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckKey(key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropExpired()
	if version != "" && m.records[key].Version != version {
		return ErrConflict
	}
	m.remove(key)
	return nil
}

// Due implements [Store]. It is exact: it never misses a record, nor names one that is not due.
func (m *Memory) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if err := CheckDue(prefix, limit); err != nil {
		return nil, "", err
	}
	last, err := parseMoment(after)
	if err != nil {
		return nil, "", err
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropExpired()
	for _, moment := range m.due.until(before.UnixMilli()).after(last) {
		if moment.key != prefix && !strings.HasPrefix(moment.key, prefix+"/") {
			continue
		}
		if len(keys) == limit {
			return keys, last.String(), nil
		}
		keys = append(keys, moment.key)
		last = moment
	}
	return keys, "", nil
}

// dropExpired is the one place that knows of expiry: the methods call it first and never see an expired record.
func (m *Memory) dropExpired() {
	gone := m.expiry.until(time.Now().UnixMilli())
	if len(gone) == 0 {
		return
	}
	for _, moment := range gone {
		m.due.remove(m.records[moment.key].DueAt, moment.key)
		delete(m.records, moment.key)
	}
	m.expiry = slices.Delete(m.expiry, 0, len(gone))
}

func (m *Memory) remove(key string) {
	r, ok := m.records[key]
	if !ok {
		return
	}
	delete(m.records, key)
	m.due.remove(r.DueAt, key)
	m.expiry.remove(r.ExpiresAt, key)
}

// timeline holds moments in order, oldest first. Those without a time are not in it.
type timeline []moment

// moment is a key at a time, in Unix milliseconds. As text it is the cursor that Due hands out.
type moment struct {
	at  int64
	key string
}

func (m moment) String() string {
	return strconv.FormatInt(m.at, 10) + " " + m.key
}

func parseMoment(cursor string) (moment, error) {
	if cursor == "" {
		return moment{}, nil
	}
	millis, key, ok := strings.Cut(cursor, " ")
	at, err := strconv.ParseInt(millis, 10, 64)
	if !ok || err != nil {
		return moment{}, fmt.Errorf("%w: after is not a cursor of this store", ErrInvalid)
	}
	return moment{at: at, key: key}, nil
}

func (m moment) compare(other moment) int {
	return cmp.Or(cmp.Compare(m.at, other.at), strings.Compare(m.key, other.key))
}

func (l *timeline) add(at time.Time, key string) {
	if at.IsZero() {
		return
	}
	added := moment{at: at.UnixMilli(), key: key}
	i, _ := slices.BinarySearchFunc(*l, added, moment.compare)
	*l = slices.Insert(*l, i, added)
}

func (l *timeline) remove(at time.Time, key string) {
	if at.IsZero() {
		return
	}
	i, found := slices.BinarySearchFunc(*l, moment{at: at.UnixMilli(), key: key}, moment.compare)
	if found {
		*l = slices.Delete(*l, i, i+1)
	}
}

// after returns the moments behind last.
func (l timeline) after(last moment) timeline {
	i, found := slices.BinarySearchFunc(l, last, moment.compare)
	if found {
		i++
	}
	return l[i:]
}

// until returns the moments up to that millisecond, itself included.
func (l timeline) until(at int64) timeline {
	i, _ := slices.BinarySearchFunc(l, moment{at: at + 1}, moment.compare)
	return l[:i]
}
