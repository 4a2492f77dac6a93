package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func contextRules() []rule {
	return []rule{
		{"A context that is over is answered with its error and writes nothing", contextOver},
		{"A context that ends on the way leaves a write whole or undone, and done where acknowledged", contextEnds},
		{"A context that ends on the way is answered with its error, or too late to matter", contextEndsWithItsError},
	}
}

func contextOver(t testing.TB, store tokenstore.Store, space string) {
	r := tokenstore.Record{Value: []byte("kept"), DueAt: past()}
	r.Version = mustPut(t, store, space+"/a", r)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), past())
	defer cancel()
	for want, ctx := range map[error]context.Context{context.Canceled: cancelled, context.DeadlineExceeded: late} {
		_, err := store.Get(ctx, space+"/a")
		wantContextError(t, "Get", err, want)
		_, err = store.Put(ctx, space+"/a", tokenstore.Record{Version: r.Version})
		wantContextError(t, "Put", err, want)
		_, err = store.Put(ctx, space+"/new", tokenstore.Record{})
		wantContextError(t, "Put of a new record", err, want)
		wantContextError(t, "Delete", store.Delete(ctx, space+"/a", r.Version), want)
		wantContextError(t, "Delete without a version", store.Delete(ctx, space+"/a", ""), want)
		_, _, err = store.Due(ctx, space, soon(), "", 1)
		wantContextError(t, "Due", err, want)
	}
	wantRecord(t, store, space+"/a", r)
	wantAbsent(t, store, space+"/new")
}

func wantContextError(t testing.TB, call string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want %v", call, err, want)
	}
}

// interruptions is the number of steps of a call at which a context is made to end.
const interruptions = 8

func contextEnds(t testing.TB, store tokenstore.Store, space string) {
	before := tokenstore.Record{Value: []byte("before")}
	before.Version = mustPut(t, store, space+"/a", before)
	for checks := range interruptions {
		after := tokenstore.Record{Value: []byte("after"), Version: before.Version}
		version, err := store.Put(endAfterChecks(t.Context(), checks), space+"/a", after)
		now := wantWholeOrUndone(t, store, space+"/a", before)
		if err == nil && now.Version != version {
			t.Fatalf("Put = nil, though the record does not carry its version")
		}
		before = restore(t, store, space+"/a", before)
	}
}

// restore writes the record before again, under a new version. An interrupted Put may
// land until then, but not afterwards.
func restore(t testing.TB, store tokenstore.Store, key string, before tokenstore.Record) tokenstore.Record {
	t.Helper()
	for range 2 {
		fresh := tokenstore.Record{Value: before.Value, Version: wantWholeOrUndone(t, store, key, before).Version}
		version, err := store.Put(t.Context(), key, fresh)
		if err == nil {
			fresh.Version = version
			return fresh
		}
		if !errors.Is(err, tokenstore.ErrConflict) {
			t.Fatalf("Put(%q) = %v, want nil, or ErrConflict where the interrupted one has just landed", key, err)
		}
	}
	t.Fatalf("Put(%q) conflicts again and again, though nobody else writes", key)
	return before
}

func wantWholeOrUndone(t testing.TB, store tokenstore.Store, key string, before tokenstore.Record) tokenstore.Record {
	t.Helper()
	now := mustGet(t, store, key)
	written := string(now.Value) == "after" && now.Version != before.Version
	untouched := string(now.Value) == "before" && now.Version == before.Version
	if !written && !untouched {
		t.Fatalf("the record has value %q and version %q, which is neither before nor after", now.Value, now.Version)
	}
	return now
}

func contextEndsWithItsError(t testing.TB, store tokenstore.Store, space string) {
	for checks := range interruptions {
		key := fmt.Sprintf("%s/%d", space, checks)
		version := mustPut(t, store, key, tokenstore.Record{DueAt: past()})
		_, err := store.Get(endAfterChecks(t.Context(), checks), key)
		wantNilOrContextError(t, "Get", err)
		_, _, err = store.Due(endAfterChecks(t.Context(), checks), space, soon(), "", 1)
		wantNilOrContextError(t, "Due", err)
		_, err = store.Put(endAfterChecks(t.Context(), checks), key+"/new", tokenstore.Record{})
		wantNilOrContextError(t, "Put", err)
		err = store.Delete(endAfterChecks(t.Context(), checks), key, version)
		wantNilOrContextError(t, "Delete", err)
		if err == nil {
			wantAbsent(t, store, key)
		}
	}
}

func wantNilOrContextError(t testing.TB, call string, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("%s, interrupted, = %v, want nil or Canceled", call, err)
	}
}

// countdown is a context that is cancelled when it is checked after a number of checks:
// an interruption at a chosen step of a call.
type countdown struct {
	context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	checks int // until it is cancelled
}

func endAfterChecks(ctx context.Context, checks int) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	return &countdown{Context: ctx, cancel: cancel, checks: checks}
}

func (c *countdown) check() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checks == 0 {
		c.cancel()
	}
	c.checks--
}

func (c *countdown) Done() <-chan struct{} {
	c.check()
	return c.Context.Done()
}

func (c *countdown) Err() error {
	c.check()
	return c.Context.Err()
}
