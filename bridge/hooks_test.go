package bridge_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// record is the incident's record as it lies in the store.
func (w *world) record(t *testing.T, id string) (recordView, tokenstore.Record) {
	t.Helper()
	r, err := w.store.Get(t.Context(), "bridge/default/"+id)
	if err != nil {
		t.Fatal(err)
	}
	return readRecord(r.Value), r
}

// hooked calls put before each Put of a bridge's record.
type hooked struct {
	tokenstore.Store
	mu  sync.Mutex
	put func(v recordView) error
}

func (h *hooked) on(put func(v recordView) error) { h.mu.Lock(); h.put = put; h.mu.Unlock() }

func (h *hooked) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	h.mu.Lock()
	put := h.put
	h.mu.Unlock()
	if put != nil && strings.HasPrefix(key, "bridge/") {
		if err := put(readRecord(r.Value)); err != nil {
			return "", err
		}
	}
	return h.Store.Put(ctx, key, r)
}

// short is the patience of a caller with little of it.
func short(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// humans is a bridge that somebody wrote by hand.
func humans() pagerduty.ConferenceBridge {
	return pagerduty.ConferenceBridge{URL: "https://meet.example.com/humans"}
}

// flaky is a provider that fails a few times, for now.
type flaky struct {
	bridge.Provider
	fails int
}

func (f *flaky) Create(ctx context.Context, host string, spec bridge.MeetingSpec) (*bridge.Meeting, error) {
	if f.fails > 0 {
		f.fails--
		return nil, fmt.Errorf("%w: for now", bridge.ErrProvider)
	}
	return f.Provider.Create(ctx, host, spec)
}
