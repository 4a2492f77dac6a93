package storetest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/incidentbridge/incidentbridge/tokenstore"
	"github.com/incidentbridge/incidentbridge/tokenstore/storetest"
)

func TestAHookWithoutHooksKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) tokenstore.Store {
		return storetest.NewHook(tokenstore.NewMemory(), storetest.Hooks{})
	})
}

func TestAHookSeesAndStopsCalls(t *testing.T) {
	t.Parallel()
	errStopped := errors.New("stopped")
	var seen []string
	see := func(call string) error {
		seen = append(seen, call)
		return errStopped
	}
	store := storetest.NewHook(tokenstore.NewMemory(), storetest.Hooks{
		BeforeGet: func(_ context.Context, key string) error { return see("Get " + key) },
		BeforePut: func(_ context.Context, key string, r tokenstore.Record) error {
			return see("Put " + key + " " + string(r.Value))
		},
		BeforeDelete: func(_ context.Context, key string) error { return see("Delete " + key) },
		BeforeDue:    func(_ context.Context, prefix string) error { return see("Due " + prefix) },
		AfterPut: func(context.Context, string, tokenstore.Record, error) error {
			t.Error("AfterPut is called for a Put that was stopped")
			return nil
		},
	})
	_, getErr := store.Get(t.Context(), "a")
	_, putErr := store.Put(t.Context(), "a", tokenstore.Record{Value: []byte("value")})
	_, _, dueErr := store.Due(t.Context(), "a", time.Now(), "", 1)
	for _, err := range []error{getErr, putErr, store.Delete(t.Context(), "a", ""), dueErr} {
		if !errors.Is(err, errStopped) {
			t.Errorf("error = %v, want that of the hook", err)
		}
	}
	if diff := cmp.Diff([]string{"Get a", "Put a value", "Due a", "Delete a"}, seen); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}

	store.Set(storetest.Hooks{})
	if _, err := store.Get(t.Context(), "a"); !errors.Is(err, tokenstore.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound: nothing was written", err)
	}
}

func TestAHookForTheNextPutReplacesItsErrorOnce(t *testing.T) {
	t.Parallel()
	errLost := errors.New("lost")
	store := storetest.NewHook(tokenstore.NewMemory(), storetest.Hooks{})
	store.SetForNextPut(storetest.Hooks{
		AfterPut: func(_ context.Context, _ string, _ tokenstore.Record, err error) error {
			if err != nil {
				t.Errorf("Put = %v, want nil", err)
			}
			return errLost
		},
	})
	if version, err := store.Put(t.Context(), "a", tokenstore.Record{}); !errors.Is(err, errLost) || version != "" {
		t.Errorf("Put = %q, %v, want the error of the hook", version, err)
	}
	r, err := store.Get(t.Context(), "a")
	if err != nil {
		t.Fatalf("Get = %v, want the record", err)
	}
	if _, err := store.Put(t.Context(), "a", r); err != nil {
		t.Errorf("the next Put = %v, want nil", err)
	}
}
