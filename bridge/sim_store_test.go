package bridge_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// gatedStore is the store that all processes share, seen from one of them.
type gatedStore struct {
	*simulation
	program *program
}

type storeAnswer struct {
	record  tokenstore.Record
	version string
	keys    []string
	next    string
	err     error
}

var errStoreDown = errors.New("the store is down")

func (g gatedStore) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	by := g.actor(ctx)
	answer := g.call(ctx, "get", key, "store get", func(ctx context.Context) (a storeAnswer) {
		a.record, a.err = g.store.Get(ctx, key)
		g.met(by, readSheet(a.record.Value))
		return a
	})
	return answer.record, answer.err
}

func (g gatedStore) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	step, p := "store put other", sheet{}
	if strings.HasPrefix(key, "bridge/") {
		p = readSheet(r.Value)
		step = "store put " + p.State
	}
	by := g.actor(ctx)
	answer := g.call(ctx, "put", key, step, func(ctx context.Context) (a storeAnswer) {
		a.version, a.err = g.store.Put(ctx, key, r)
		if a.err == nil && p.IncidentID != "" {
			g.committed(by, p, r.DueAt)
		}
		return a
	})
	return answer.version, answer.err
}

func (g gatedStore) Delete(ctx context.Context, key, version string) error {
	return g.call(ctx, "delete", key, "store delete", func(ctx context.Context) (a storeAnswer) {
		a.err = g.store.Delete(ctx, key, version)
		return a
	}).err
}

// Due is a hint, and so this one names no other incident than the one that its caller is to look after: then no two
// goroutines of a Reconcile do the same thing at once, and every call has a name of its own.
func (g gatedStore) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) ([]string, string, error) {
	by := g.actor(ctx)
	answer := g.call(ctx, "due", prefix, "store due", func(ctx context.Context) (a storeAnswer) {
		var all []string
		all, a.next, a.err = g.store.Due(ctx, prefix, before, after, limit)
		for _, key := range all {
			if strings.HasSuffix(key, "/"+by.incident) {
				a.keys = append(a.keys, key)
			}
		}
		return a
	})
	return answer.keys, answer.next, answer.err
}

func (g gatedStore) call(
	ctx context.Context, op, key, step string, do func(context.Context) storeAnswer,
) storeAnswer {
	if err := ctx.Err(); err != nil {
		return storeAnswer{err: err}
	}
	return g.cross(&call{
		by: g.actor(ctx), op: op, key: key, step: step, ctx: ctx, changes: op == "put" || op == "delete",
		process: func() any { return do(context.WithoutCancel(ctx)) },
		broken: func(f fault) any {
			switch f {
			case hang:
				return storeAnswer{err: context.Cause(ctx)}
			case crash:
				return storeAnswer{err: errCrashed}
			default:
				return storeAnswer{err: errStoreDown}
			}
		},
	}).(storeAnswer)
}

func (g gatedStore) actor(ctx context.Context) *actor { return actorOf(ctx, g.program) }
