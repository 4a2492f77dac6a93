package storetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// lagging is a store in memory whose index is eventually consistent: Due returns what was
// due three seconds ago.
type lagging struct {
	tokenstore.Store

	mu      sync.Mutex
	entries []entry
}

// entry records that since then the key is due at that time.
type entry struct {
	since time.Time
	key   string
	due   time.Time
}

func newLagging() *lagging { return &lagging{Store: tokenstore.NewMemory()} }

func (l *lagging) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	version, err := l.Store.Put(ctx, key, r)
	if err == nil {
		l.entries = append(l.entries, entry{time.Now(), key, r.DueAt.Truncate(time.Millisecond)})
	}
	return version, err
}

func (l *lagging) Delete(ctx context.Context, key, version string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.Store.Delete(ctx, key, version)
	if err == nil {
		l.entries = append(l.entries, entry{time.Now(), key, time.Time{}})
	}
	return err
}

func (l *lagging) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	// For invalid arguments.
	if _, _, err := l.Store.Due(ctx, prefix, before, after, limit); err != nil {
		return nil, "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	due := make(map[string]time.Time)
	for _, e := range l.entries {
		if time.Since(e.since) >= 3*time.Second {
			due[e.key] = e.due
		}
	}
	last, err := tokenstore.ParseCursor(after)
	if err != nil {
		return nil, "", err
	}
	cursor := func(key string) tokenstore.Cursor {
		return tokenstore.Cursor{DueAt: due[key].UnixMilli(), Key: key}
	}
	for key, at := range due {
		covered := strings.HasPrefix(key+"/", prefix+"/")
		if covered && !at.IsZero() && !at.After(before) && cursor(key).Compare(last) > 0 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cursor(a).Compare(cursor(b)) })
	if len(keys) <= limit {
		return keys, "", nil
	}
	return keys[:limit], cursor(keys[limit-1]).String(), nil
}
