package bridge_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/bridge"
	"github.com/incidentbridge/incidentbridge/pagerduty"
	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

// record is the incident's record as it lies in the store.
func (w *env) record(t *testing.T, id string) (recordView, tokenstore.Record) {
	t.Helper()
	r, err := w.store.Get(t.Context(), "bridge/default/"+id)
	if err != nil {
		t.Fatal(err)
	}
	return readRecord(r.Value), r
}

// beforeRecord calls check before each Put of a bridge's record, which fails with its
// error.
func beforeRecord(check func(v recordView) error) storetest.Hooks {
	return storetest.Hooks{BeforePut: func(_ context.Context, key string, r tokenstore.Record) error {
		if !strings.HasPrefix(key, "bridge/") {
			return nil
		}
		return check(readRecord(r.Value))
	}}
}

// short is the patience of a caller with little of it.
func short(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// humans is a bridge that somebody wrote by hand.
func humanBridge() pagerduty.ConferenceBridge {
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
