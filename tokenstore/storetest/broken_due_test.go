package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

type dueFunc func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error)

// brokenDue replaces Due by a function that calls the honest one.
func brokenDue(change func(honest dueFunc) dueFunc) func(*store) {
	return func(s *store) { s.due = change(s.due) }
}

// changedKeys passes the whole listing through change, in one page.
func changedKeys(change func(prefix string, keys []string) []string) func(*store) {
	return brokenDue(func(honest dueFunc) dueFunc {
		return func(ctx context.Context, prefix string, before time.Time, _ string, _ int) ([]string, string, error) {
			keys, _, err := honest(ctx, prefix, before, "", 100)
			return change(prefix, keys), "", err
		}
	})
}

func brokenDues() []brokenStore {
	return []brokenStore{
		{"Due makes up a key", changedKeys(func(prefix string, _ []string) []string { return []string{prefix} }), []string{
			"Due: nothing is due where there is nothing",
		}},
		{"Due is not inclusive", brokenDue(func(honest dueFunc) dueFunc {
			return func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error) {
				return honest(ctx, prefix, before.Add(-time.Millisecond), after, limit)
			}
		}), []string{"Due is inclusive and leaves out what is due later or never"}},
		{"Due names what is due later", brokenDue(func(honest dueFunc) dueFunc {
			return func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error) {
				return honest(ctx, prefix, before.Add(time.Hour), after, limit)
			}
		}), []string{"Due is inclusive and leaves out what is due later or never"}},
		{"Due is in the order of the keys", changedKeys(func(_ string, keys []string) []string {
			return slices.Sorted(slices.Values(keys))
		}), []string{"Due is oldest first"}},
		{"Due has no pages", changedKeys(func(_ string, keys []string) []string { return keys[:min(3, len(keys))] }), []string{
			"Due pages name every record once",
			"Due pages miss nothing while the named records are moved",
			"Due pages miss nothing while the named records are written again",
			"Due pages miss nothing while the named records are deleted",
			"Due: 100 records that nobody can finish do not hide the next",
		}},
		{"Due does not move its cursor", brokenDue(func(honest dueFunc) dueFunc {
			return func(ctx context.Context, prefix string, before time.Time, _ string, limit int) ([]string, string, error) {
				return honest(ctx, prefix, before, "", limit)
			}
		}), []string{"Due pages name every record once", "Due pages name every record of one millisecond once"}},
		{"Due pages by time", dueByTime, []string{"Due pages name every record of one millisecond once"}},
		{"Due cuts its cursor at a second space", brokenDue(func(honest dueFunc) dueFunc {
			return func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error) {
				words := strings.SplitN(after, " ", 3)
				return honest(ctx, prefix, before, strings.Join(words[:min(2, len(words))], " "), limit)
			}
		}), []string{"Due pages pass through keys of any printable bytes"}},
		{"Due asks for one more than the limit", brokenDue(func(honest dueFunc) dueFunc {
			return func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error) {
				keys, _, err := honest(ctx, prefix, before, after, limit+1)
				return keys[:min(limit, len(keys))], "", err
			}
		}), []string{"Due takes any limit"}},
		{"Due is indexed after the write", indexedLater, []string{"Due follows the last of 64 writers"}},
		{"Due pages by number", brokenDue(func(honest dueFunc) dueFunc {
			return func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error) {
				var from int
				if _, err := fmt.Sscan(after, &from); after != "" && err != nil {
					return nil, "", tokenstore.ErrInvalid
				}
				keys, _, err := honest(ctx, prefix, before, "", 1000)
				if len(keys) <= from+limit {
					return keys[min(from, len(keys)):], "", err
				}
				return keys[from : from+limit], fmt.Sprint(from + limit), err
			}
		}), []string{
			"Due pages miss nothing while the named records are moved",
			"Due pages miss nothing while the named records are deleted",
		}},
		{"Due prefix is any beginning of a key", func(s *store) {
			s.due = dueByPattern(s, strings.HasPrefix)
		}, []string{"Due prefix is whole segments"}},
		{"Due prefix is a byte range with the byte after the slash in it", func(s *store) {
			s.due = dueByPattern(s, func(key, prefix string) bool {
				return key == prefix || strings.HasPrefix(key, prefix+"/") || key == prefix+"0"
			})
		}, []string{"Due prefix is whole segments"}},
		{"Due prefix leaves out the key of the same name", func(s *store) {
			s.due = dueByPattern(s, func(key, prefix string) bool { return strings.HasPrefix(key, prefix+"/") })
		}, []string{"Due prefix is whole segments"}},
		{"Due prefix is compared without case", func(s *store) {
			s.due = dueByPattern(s, func(key, prefix string) bool {
				return strings.HasPrefix(strings.ToLower(key), strings.ToLower(prefix)+"/")
			})
		}, []string{"Due prefix is compared as bytes"}},
		{"Due prefix is a LIKE pattern", func(s *store) {
			s.due = dueByPattern(s, func(key, prefix string) bool {
				start, isPattern := strings.CutSuffix(prefix, "%")
				return strings.HasPrefix(key, prefix+"/") || isPattern && strings.HasPrefix(key, start)
			})
		}, []string{"Due prefix is compared as bytes"}},
		{"Due checks nothing", func(s *store) {
			honest := s.due
			s.due = func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error) {
				keys, next, err := honest(ctx, prefix, before, after, limit)
				if errors.Is(err, tokenstore.ErrInvalid) {
					return nil, "", nil
				}
				return keys, next, err
			}
		}, []string{"Due rejects a limit below 1, half a prefix and a strange cursor"}},
	}
}

// dueByPattern lists every key that matches, oldest first, in one page.
func dueByPattern(s *store, matches func(key, prefix string) bool) dueFunc {
	var mu sync.Mutex
	due := make(map[string]time.Time)
	s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		due[key] = r.DueAt
		return s.memory.Put(ctx, key, r)
	}
	return func(_ context.Context, prefix string, before time.Time, _ string, _ int) ([]string, string, error) {
		mu.Lock()
		defer mu.Unlock()
		var keys []string
		for key, at := range due {
			if matches(key, prefix) && !at.After(before) {
				keys = append(keys, key)
			}
		}
		slices.SortFunc(keys, func(a, b string) int { return due[a].Compare(due[b]) })
		return keys, "", nil
	}
}

// dueByTime has cursors that hold only a time.
func dueByTime(s *store) {
	honest := s.due
	s.due = func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error) {
		var last int64
		if _, err := fmt.Sscan(after, &last); after != "" && err != nil {
			return nil, "", tokenstore.ErrInvalid
		}
		all, _, err := honest(ctx, prefix, before, "", 1000)
		var keys []string
		for _, key := range all {
			r, _ := s.memory.Get(ctx, key)
			at := r.DueAt.UnixMilli()
			if at <= last {
				continue
			}
			keys = append(keys, key)
			if len(keys) == limit {
				return keys, fmt.Sprint(at), err
			}
		}
		return keys, "", err
	}
}

// indexedLater writes the index after the record, and the first writers are the slowest.
func indexedLater(s *store) {
	var mu sync.Mutex
	index, writes := make(map[string]time.Time), 0
	s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
		version, err := s.memory.Put(ctx, key, r)
		if err != nil {
			return "", err
		}
		mu.Lock()
		writes++
		lag := time.Minute / time.Duration(writes)
		mu.Unlock()
		time.Sleep(lag)
		mu.Lock()
		defer mu.Unlock()
		index[key] = r.DueAt
		return version, nil
	}
	s.due = func(_ context.Context, _ string, before time.Time, _ string, _ int) (keys []string, next string, err error) {
		mu.Lock()
		defer mu.Unlock()
		for key, at := range index {
			if !at.IsZero() && !at.After(before) {
				keys = append(keys, key)
			}
		}
		return keys, "", nil
	}
}
