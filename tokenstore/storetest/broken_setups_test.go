package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// brokenSetups break promises that only the options can show.
func brokenSetups() []broken {
	return slices.Concat(brokenResends(), brokenReopens(), brokenSeconds())
}

// conditional is a store whose Puts have another condition: may reports whether a copy is
// written over the row with version now.
type conditional struct {
	*textbook

	may func(copies int, now, old, drawn string) bool
}

func (s *conditional) Put(_ context.Context, key string, r tokenstore.Record) (string, error) {
	old := r.Version
	r.Version = time.Now().Format(time.RFC3339Nano)
	time.Sleep(time.Millisecond) // in the bubble: the next version is another one
	var written bool
	for copies := range 2 {
		if copies == 1 {
			s.between()
		}
		s.db.mu.Lock()
		written = s.may(copies, s.db.row(key).Version, old, r.Version)
		if written {
			s.db.rows[key] = r
		}
		s.db.mu.Unlock()
	}
	if !written {
		return "", tokenstore.ErrConflict
	}
	return r.Version, nil
}

func brokenResends() []broken {
	resend := func(may func(copies int, now, old, drawn string) bool) func() subject {
		return func() subject {
			return subject{resend: func(between func()) tokenstore.Store {
				return &conditional{textbook: &textbook{db: newDatabase(), between: between}, may: may}
			}}
		}
	}
	return []broken{
		{"a resend conflicts with itself", resend(func(_ int, now, old, _ string) bool { return now == old }), []string{
			"Resent: a create that landed is acknowledged",
			"Resent: a create over an expired record that landed is acknowledged",
			"Resent: a change that landed is acknowledged",
		}},
		{"a resend has no condition", resend(func(copies int, now, old, _ string) bool { return copies == 1 || now == old }), []string{
			"Resent: a stale write conflicts and changes nothing",
			"Resent: a copy that comes after the next write conflicts and changes nothing",
		}},
		{"a resend creates", resend(func(_ int, now, old, drawn string) bool {
			return now == "" || now == old || now == drawn
		}), []string{
			"Resent: a copy of a change that comes after a delete creates nothing",
		}},
		{"nothing is sent twice", func() subject {
			return subject{resend: func(func()) tokenstore.Store { return tokenstore.NewMemory() }}
		}, []string{
			"Resent: a create that landed is acknowledged",
			"Resent: a create over an expired record that landed is acknowledged",
			"Resent: a change that landed is acknowledged",
			"Resent: a stale write conflicts and changes nothing",
		}},
	}
}

func brokenReopens() []broken {
	reopen := func(lose func(before, after *database)) func() subject {
		return func() subject {
			return subject{reopen: func() (tokenstore.Store, func() tokenstore.Store) {
				before, after := newDatabase(), newDatabase()
				return &textbook{db: before}, func() tokenstore.Store {
					lose(before, after)
					return &textbook{db: after}
				}
			}}
		}
	}
	each := func(spoil func(r *tokenstore.Record)) func() subject {
		return reopen(func(before, after *database) {
			for key, r := range before.rows {
				spoil(&r)
				after.rows[key] = r
			}
		})
	}
	const (
		keeps = "Reopened: every record is as it was acknowledged"
		due   = "Reopened: what was deleted is absent and what is due is due"
	)
	return []broken{
		{"all is lost with the process", reopen(func(_, _ *database) {}), []string{keeps, due}},
		{"versions are lost with the process", each(func(r *tokenstore.Record) { r.Version = "recovered" }), []string{keeps}},
		{"times are lost with the process", each(func(r *tokenstore.Record) {
			r.DueAt, r.ExpiresAt = time.Time{}, time.Time{}
		}), []string{keeps, due}},
		{"versions are counted by the process", func() subject {
			counting := func() tokenstore.Store { return openBroken(countVersions) }
			return subject{reopen: func() (tokenstore.Store, func() tokenstore.Store) { return counting(), counting }}
		}, []string{"Reopened: a version that was used stays invalid"}},
	}
}

func brokenSeconds() []broken {
	return []broken{
		{"each instance has its own data", func() subject {
			return subject{second: func() (one, other tokenstore.Store) { return tokenstore.NewMemory(), tokenstore.NewMemory() }}
		}, []string{
			"Two instances: each sees at once what the other was acknowledged",
			"Two instances: of 64 creates at once exactly one wins",
			"Two instances: of 64 writers on one version exactly one wins",
			"Two instances: 64 goroutines count to 64 without a lost update",
			"Two instances: each names what the other made due",
		}},
		{"each instance has a cache", func() subject {
			return subject{second: func() (one, other tokenstore.Store) {
				db := newDatabase()
				return newCached(db), newCached(db)
			}}
		}, []string{"Two instances: each sees at once what the other was acknowledged"}},
	}
}

// cached answers Get from memory once it has read a record.
type cached struct {
	*textbook

	seen map[string]tokenstore.Record
}

func newCached(db *database) *cached {
	return &cached{textbook: &textbook{db: db}, seen: make(map[string]tokenstore.Record)}
}

func (c *cached) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if r, ok := c.seen[key]; ok {
		return r, nil
	}
	r, err := c.textbook.Get(ctx, key)
	if err == nil {
		c.seen[key] = r
	}
	return r, err
}

func (c *cached) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	delete(c.seen, key)
	return c.textbook.Put(ctx, key, r)
}
