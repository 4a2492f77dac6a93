package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// store is a store in memory, any method of which can be replaced by a broken one.
type store struct {
	memory tokenstore.Store
	get    func(ctx context.Context, key string) (tokenstore.Record, error)
	put    func(ctx context.Context, key string, r tokenstore.Record) (string, error)
	delete func(ctx context.Context, key, version string) error
	due    func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error)
}

func (s *store) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	return s.get(ctx, key)
}

func (s *store) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	return s.put(ctx, key, r)
}

func (s *store) Delete(ctx context.Context, key, version string) error {
	return s.delete(ctx, key, version)
}

func (s *store) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) ([]string, string, error) {
	return s.due(ctx, prefix, before, after, limit)
}

// overwrite writes r without a condition.
func (s *store) overwrite(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	now, _ := s.memory.Get(ctx, key)
	r.Version = now.Version
	return s.memory.Put(ctx, key, r)
}

func openBroken(damage func(*store)) tokenstore.Store {
	m := tokenstore.NewMemory()
	s := &store{memory: m, get: m.Get, put: m.Put, delete: m.Delete, due: m.Due}
	damage(s)
	return s
}

// brokenStore is a store that breaks a promise without any option.
type brokenStore struct {
	name   string
	damage func(*store)
	breaks []string
}

func brokenStores() []broken {
	var all []broken
	for _, b := range slices.Concat(
		brokenGets(), brokenPuts(), brokenDeletes(), brokenExpiry(), brokenDues(), brokenLimits(), brokenContexts(),
	) {
		all = append(all, broken{b.name, func() subject { return subject{store: openBroken(b.damage)} }, b.breaks})
	}
	return all
}

func brokenGets() []brokenStore {
	return []brokenStore{
		{"an absent record is an empty one", func(s *store) {
			s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
				r, err := s.memory.Get(ctx, key)
				if errors.Is(err, tokenstore.ErrNotFound) {
					return tokenstore.Record{}, nil
				}
				return r, err
			}
		}, []string{"Get of an absent key is ErrNotFound"}},
		{"Get leaves out the times", func(s *store) {
			s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
				r, err := s.memory.Get(ctx, key)
				return tokenstore.Record{Value: r.Value, Version: r.Version}, err
			}
		}, []string{"Get returns the whole record that was put"}},
		{"Get reads a replica that is one write behind", func(s *store) {
			var mu sync.Mutex
			replica := make(map[string]tokenstore.Record)
			s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				now, err := s.memory.Get(ctx, key)
				seen, ok := replica[key]
				replica[key] = now
				if ok && err == nil {
					return seen, nil
				}
				return now, err
			}
		}, []string{
			"Get sees an acknowledged write at once",
			"Get never goes back, nor behind what was acknowledged, beside a writer",
		}},
		{"Get hands out its own bytes", func(s *store) {
			cache := make(map[string]tokenstore.Record)
			s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
				now, err := s.memory.Get(ctx, key)
				if seen, ok := cache[key]; ok && seen.Version == now.Version {
					return seen, nil
				}
				cache[key] = now
				return now, err
			}
		}, []string{"Get copies the value: a change by one caller is not seen by the next"}},
	}
}

func brokenPuts() []brokenStore {
	return []brokenStore{
		{"Put keeps times that are not given", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				now, _ := s.memory.Get(ctx, key)
				if r.DueAt.IsZero() {
					r.DueAt = now.DueAt
				}
				return s.memory.Put(ctx, key, r)
			}
		}, []string{"Put replaces the whole record", "Due follows a record that is moved, finished or deleted"}},
		{"Put checks no version", func(s *store) { s.put = s.overwrite }, []string{
			"Put without a version on a record conflicts and changes nothing",
			"Put with an old version conflicts and changes nothing",
			"Put with a version on an absent record conflicts and creates nothing",
			"Put with a version that no store drew conflicts",
			"Put: of 64 creates at once exactly one wins",
			"Put: of 64 writers on one version exactly one wins",
		}},
		{"Put reads and then writes", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				now, _ := s.memory.Get(ctx, key)
				if now.Version != r.Version {
					return "", tokenstore.ErrConflict
				}
				time.Sleep(time.Millisecond) // in the bubble: until all others have read too
				return s.overwrite(ctx, key, r)
			}
		}, []string{
			"Put: of 64 creates at once exactly one wins",
			"Put: of 64 creates at once over an expired record exactly one wins",
			"Put: of 64 writers on one version exactly one wins",
			"Put: 64 goroutines count to 64 without a lost update",
		}},
		{"Put conflicts only after it has written", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				now, err := s.memory.Get(ctx, key)
				version, putErr := s.overwrite(ctx, key, r)
				if err == nil && now.Version != r.Version {
					return "", tokenstore.ErrConflict
				}
				return version, putErr
			}
		}, []string{
			"Put without a version on a record conflicts and changes nothing",
			"Put with an old version conflicts and changes nothing",
		}},
		{"Put with a version creates", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				if _, err := s.memory.Get(ctx, key); err != nil {
					r.Version = ""
				}
				return s.memory.Put(ctx, key, r)
			}
		}, []string{
			"Put with a version on an absent record conflicts and creates nothing",
			"Expired: Put with its version conflicts and creates nothing",
		}},
		{"versions are counted from one", countVersions, []string{
			"Put never reuses a version, not even after a delete",
			"Expired: its version stays invalid when the key is used again",
		}},
		{"keys have the record's path removed", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				if _, err := s.memory.Get(ctx, key+"/b"); err == nil {
					_ = s.memory.Delete(ctx, key+"/b", "")
				}
				return s.memory.Put(ctx, key, r)
			}
		}, []string{"Put touches no other key"}},
		{"Put keeps the caller's bytes", func(s *store) {
			given := make(map[string][]byte)
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				given[key] = r.Value
				return s.memory.Put(ctx, key, r)
			}
			s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
				r, err := s.memory.Get(ctx, key)
				r.Value = bytes.Clone(given[key])
				return r, err
			}
		}, []string{"Put copies the value: a later change by the caller is not seen"}},
	}
}

// countVersions numbers the writes of each record, so that a new record begins again.
func countVersions(s *store) {
	var mu sync.Mutex
	numbers := make(map[string]string) // number by real version
	count := make(map[string]int)
	s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		now, _ := s.memory.Get(ctx, key)
		if numbers[now.Version] != r.Version {
			return "", tokenstore.ErrConflict
		}
		version, err := s.overwrite(ctx, key, r)
		if now.Version == "" {
			count[key] = 0
		}
		count[key]++
		numbers[version] = fmt.Sprint(count[key])
		return numbers[version], err
	}
	s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
		mu.Lock()
		defer mu.Unlock()
		r, err := s.memory.Get(ctx, key)
		r.Version = numbers[r.Version]
		return r, err
	}
	s.delete = func(ctx context.Context, key, _ string) error { return s.memory.Delete(ctx, key, "") }
}

func brokenDeletes() []brokenStore {
	return []brokenStore{
		{"Delete does nothing", func(s *store) {
			s.delete = func(context.Context, string, string) error { return nil }
		}, []string{
			"Delete with the version removes the record",
			"Delete with a version of an absent record conflicts",
			"Delete without a version removes any record",
			"Due follows a record that is moved, finished or deleted",
		}},
		{"Delete checks no version", func(s *store) {
			s.delete = func(ctx context.Context, key, _ string) error { return s.memory.Delete(ctx, key, "") }
		}, []string{
			"Delete with an old version conflicts and removes nothing",
			"Delete with a version of an absent record conflicts",
			"Expired: Delete with its version conflicts",
		}},
		{"Delete of an absent record is not found", func(s *store) {
			s.delete = func(ctx context.Context, key, version string) error {
				if _, err := s.memory.Get(ctx, key); err != nil {
					return err
				}
				return s.memory.Delete(ctx, key, version)
			}
		}, []string{
			"Delete without a version of an absent record is no error",
			"Expired: Delete without a version is no error",
		}},
		{"Delete reads and then removes", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				time.Sleep(time.Millisecond) // in the bubble: until all Deletes have read
				return s.memory.Put(ctx, key, r)
			}
			s.delete = func(ctx context.Context, key, version string) error {
				now, _ := s.memory.Get(ctx, key)
				if now.Version != version {
					return tokenstore.ErrConflict
				}
				time.Sleep(2 * time.Millisecond)
				return s.memory.Delete(ctx, key, "")
			}
		}, []string{"Put and Delete of one version at once: exactly one wins"}},
		{"Delete takes the key for a folder", func(s *store) {
			s.delete = func(ctx context.Context, key, version string) error {
				_ = s.memory.Delete(ctx, key+"/b", "")
				return s.memory.Delete(ctx, key, version)
			}
		}, []string{"Delete touches no other key"}},
	}
}

func brokenExpiry() []brokenStore {
	return []brokenStore{
		{"nothing ever expires", func(s *store) {
			expiry := make(map[string]time.Time)
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				at := r.ExpiresAt
				r.ExpiresAt = time.Time{}
				version, err := s.memory.Put(ctx, key, r)
				if err == nil {
					expiry[key] = at
				}
				return version, err
			}
			s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
				r, err := s.memory.Get(ctx, key)
				r.ExpiresAt = expiry[key]
				return r, err
			}
		}, []string{
			"Expired: Get is ErrNotFound",
			"Expired: Put without a version succeeds",
			"Expired: Put with its version conflicts and creates nothing",
			"Expired: Delete with its version conflicts",
			"Expiry: a record is there before its time and absent after",
		}},
		{"an expiry once given stays", func(s *store) {
			var mu sync.Mutex
			first, shown := make(map[string]time.Time), make(map[string]time.Time)
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				shown[key] = r.ExpiresAt
				if first[key].IsZero() {
					first[key] = r.ExpiresAt
				}
				r.ExpiresAt = first[key]
				return s.memory.Put(ctx, key, r)
			}
			s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
				mu.Lock()
				defer mu.Unlock()
				r, err := s.memory.Get(ctx, key)
				r.ExpiresAt = shown[key]
				return r, err
			}
		}, []string{"Expiry: a record that is written again keeps to its new time"}},
		{"what expired stays in the index", func(s *store) {
			var stale []string
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				if !r.ExpiresAt.IsZero() && !r.DueAt.IsZero() {
					stale = append(stale, key)
				}
				return s.memory.Put(ctx, key, r)
			}
			honest := s.due
			s.due = func(ctx context.Context, prefix string, before time.Time, after string, limit int) ([]string, string, error) {
				keys, next, err := honest(ctx, prefix, before, after, limit)
				return append(keys, stale...), next, err
			}
		}, []string{"Expired: what takes its place is due at its own time"}},
		{"a record with an expiry is gone at once", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				if !r.ExpiresAt.IsZero() {
					r.ExpiresAt = past()
				}
				return s.memory.Put(ctx, key, r)
			}
		}, []string{"Expiry: a record is there before its time and absent after"}},
	}
}
