package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

func contextRules() []rule {
	return []rule{
		{"A context that is over is answered with its error and writes nothing", contextOver},
		{"A context that ends on the way leaves a write whole or undone, and done where acknowledged", contextEnds},
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

func contextEnds(t testing.TB, store tokenstore.Store, space string) {
	before := tokenstore.Record{Value: []byte("before")}
	before.Version = mustPut(t, store, space+"/a", before)
	for looks := range 8 {
		after := tokenstore.Record{Value: []byte("after"), Version: before.Version}
		version, err := store.Put(endingContext(t.Context(), looks), space+"/a", after)
		now := mustGet(t, store, space+"/a")
		written := string(now.Value) == "after" && now.Version != before.Version
		untouched := string(now.Value) == "before" && now.Version == before.Version
		if !written && !untouched {
			t.Fatalf("the record has value %q and version %q, which is neither before nor after", now.Value, now.Version)
		}
		if err == nil && (!written || now.Version != version) {
			t.Fatalf("Put = nil, though the record does not carry its version")
		}
		before = tokenstore.Record{Value: []byte("before"), Version: now.Version}
		before.Version = mustPut(t, store, space+"/a", before)
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
