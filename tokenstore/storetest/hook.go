package storetest

import (
	"context"
	"sync"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Hooks are functions that a [Hook] calls around the methods of a store, in the goroutine
// of the caller. They may call the store and change the hooks. A nil function is not
// called.
type Hooks struct {
	BeforeGet    func(ctx context.Context, key string) error
	BeforePut    func(ctx context.Context, key string, r tokenstore.Record) error
	BeforeDelete func(ctx context.Context, key string) error
	BeforeDue    func(ctx context.Context, prefix string) error

	// AfterPut gets the record as it was given, and the error of the Put. Put fails with
	// what it returns.
	AfterPut func(ctx context.Context, key string, r tokenstore.Record, err error) error
}

// Hook is a [tokenstore.Store] for tests that fail, delay or observe the calls of another
// store. A call for which a Before function returns an error fails with that error and
// does not reach the other store.
type Hook struct {
	store tokenstore.Store

	mu    sync.Mutex
	hooks Hooks
	once  bool // hooks are for one Put
}

// NewHook returns a Hook around store.
func NewHook(store tokenstore.Store, hooks Hooks) *Hook {
	return &Hook{store: store, hooks: hooks}
}

// Set replaces the hooks.
func (h *Hook) Set(hooks Hooks) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks, h.once = hooks, false
}

// SetForNextPut replaces the hooks, and removes them when the next Put begins.
func (h *Hook) SetForNextPut(hooks Hooks) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks, h.once = hooks, true
}

func (h *Hook) current() Hooks {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hooks
}

// Get implements [tokenstore.Store].
func (h *Hook) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if before := h.current().BeforeGet; before != nil {
		if err := before(ctx, key); err != nil {
			return tokenstore.Record{}, err
		}
	}
	return h.store.Get(ctx, key)
}

// Put implements [tokenstore.Store].
func (h *Hook) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	hooks := h.currentForPut()
	if hooks.BeforePut != nil {
		if err := hooks.BeforePut(ctx, key, r); err != nil {
			return "", err
		}
	}
	version, err := h.store.Put(ctx, key, r)
	if hooks.AfterPut != nil {
		err = hooks.AfterPut(ctx, key, r, err)
	}
	if err != nil {
		return "", err
	}
	return version, nil
}

func (h *Hook) currentForPut() Hooks {
	h.mu.Lock()
	defer h.mu.Unlock()
	hooks := h.hooks
	if h.once {
		h.hooks, h.once = Hooks{}, false
	}
	return hooks
}

// Delete implements [tokenstore.Store].
func (h *Hook) Delete(ctx context.Context, key, version string) error {
	if before := h.current().BeforeDelete; before != nil {
		if err := before(ctx, key); err != nil {
			return err
		}
	}
	return h.store.Delete(ctx, key, version)
}

// Due implements [tokenstore.Store].
func (h *Hook) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	if hook := h.current().BeforeDue; hook != nil {
		if err := hook(ctx, prefix); err != nil {
			return nil, "", err
		}
	}
	return h.store.Due(ctx, prefix, before, after, limit)
}
