package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// lagging is a Memory whose index is eventually consistent: Due answers as things were three seconds ago.
type lagging struct {
	*tokenstore.Memory

	mu      sync.Mutex
	entries []entry
}

// entry says that the key was due at that time from then on.
type entry struct {
	since time.Time
	key   string
	due   time.Time
}

func newLagging() *lagging { return &lagging{Memory: tokenstore.NewMemory()} }

func (l *lagging) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	version, err := l.Memory.Put(ctx, key, r)
	if err == nil {
		l.entries = append(l.entries, entry{time.Now(), key, r.DueAt.Truncate(time.Millisecond)})
	}
	return version, err
}

func (l *lagging) Delete(ctx context.Context, key, version string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.Memory.Delete(ctx, key, version)
	if err == nil {
		l.entries = append(l.entries, entry{time.Now(), key, time.Time{}})
	}
	return err
}

func (l *lagging) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	// For what is refused, and for the form of a cursor.
	if _, _, err := l.Memory.Due(ctx, prefix, before, after, limit); err != nil {
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
	cursor := func(key string) string { return fmt.Sprintf("%020d %s", due[key].UnixMilli(), key) }
	for key, at := range due {
		covered := strings.HasPrefix(key+"/", prefix+"/")
		if covered && !at.IsZero() && !at.After(before) && cursor(key) > after {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(cursor(a), cursor(b)) })
	if len(keys) <= limit {
		return keys, "", nil
	}
	return keys[:limit], cursor(keys[limit-1]), nil
}
