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

// interruptions is at how many steps of a call a context is made to end.
const interruptions = 8

func contextEnds(t testing.TB, store tokenstore.Store, space string) {
	before := tokenstore.Record{Value: []byte("before")}
	before.Version = mustPut(t, store, space+"/a", before)
	for looks := range interruptions {
		after := tokenstore.Record{Value: []byte("after"), Version: before.Version}
		version, err := store.Put(endingContext(t.Context(), looks), space+"/a", after)
		now := wantWholeOrUndone(t, store, space+"/a", before)
		if err == nil && now.Version != version {
			t.Fatalf("Put = nil, though the record does not carry its version")
		}
		before = settle(t, store, space+"/a", before)
	}
}

// settle writes before anew. A Put in doubt may land until then, and no more afterwards.
func settle(t testing.TB, store tokenstore.Store, key string, before tokenstore.Record) tokenstore.Record {
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
	for looks := range interruptions {
		key := fmt.Sprintf("%s/%d", space, looks)
		version := mustPut(t, store, key, tokenstore.Record{DueAt: past()})
		_, err := store.Get(endingContext(t.Context(), looks), key)
		wantNilOrContextError(t, "Get", err)
		_, _, err = store.Due(endingContext(t.Context(), looks), space, soon(), "", 1)
		wantNilOrContextError(t, "Due", err)
		_, err = store.Put(endingContext(t.Context(), looks), key+"/new", tokenstore.Record{})
		wantNilOrContextError(t, "Put", err)
		err = store.Delete(endingContext(t.Context(), looks), key, version)
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

// ending is a context that is cancelled after it has been looked at a number of times: an interruption at a chosen step.
type ending struct {
	context.Context
	cancel context.CancelFunc

	mu    sync.Mutex
	looks int
}

func endingContext(ctx context.Context, looks int) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	return &ending{Context: ctx, cancel: cancel, looks: looks}
}

func (e *ending) look() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.looks == 0 {
		e.cancel()
	}
	e.looks--
}

func (e *ending) Done() <-chan struct{} {
	e.look()
	return e.Context.Done()
}

func (e *ending) Err() error {
	e.look()
	return e.Context.Err()
}
