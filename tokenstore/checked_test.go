package tokenstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// unreached is a store that must not be called.
type unreached struct{ t *testing.T }

func (u unreached) Get(context.Context, string) (tokenstore.Record, error) {
	u.t.Error("Get is called")
	return tokenstore.Record{}, nil
}

func (u unreached) Put(context.Context, string, tokenstore.Record) (string, error) {
	u.t.Error("Put is called")
	return "", nil
}

func (u unreached) Delete(context.Context, string, string) error {
	u.t.Error("Delete is called")
	return nil
}

func (u unreached) Due(context.Context, string, time.Time, string, int) ([]string, string, error) {
	u.t.Error("Due is called")
	return nil, "", nil
}

func TestCheckedStopsInvalidCalls(t *testing.T) {
	t.Parallel()
	store := tokenstore.Checked(unreached{t})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	put := func(ctx context.Context, key string, r tokenstore.Record) error {
		_, err := store.Put(ctx, key, r)
		return err
	}
	get := func(ctx context.Context, key string) error {
		_, err := store.Get(ctx, key)
		return err
	}
	due := func(ctx context.Context, prefix string, limit int) error {
		_, _, err := store.Due(ctx, prefix, time.Now(), "", limit)
		return err
	}
	tests := []struct {
		name string
		err  error
		want error
	}{
		{"Get, context over", get(over, "a"), context.Canceled},
		{"Put, context over", put(over, "a", tokenstore.Record{}), context.Canceled},
		{"Delete, context over", store.Delete(over, "a", ""), context.Canceled},
		{"Due, context over", due(over, "a", 1), context.Canceled},
		{"Get, bad key", get(t.Context(), "\n"), tokenstore.ErrInvalid},
		{"Put, bad key", put(t.Context(), "", tokenstore.Record{}), tokenstore.ErrInvalid},
		{"Delete, bad key", store.Delete(t.Context(), "é", ""), tokenstore.ErrInvalid},
		{"Due, bad prefix", due(t.Context(), "a/", 1), tokenstore.ErrInvalid},
		{"Due, bad limit", due(t.Context(), "a", 0), tokenstore.ErrInvalid},
		{
			"Put, value too large",
			put(t.Context(), "a", tokenstore.Record{Value: make([]byte, tokenstore.MaxSealedLen+1)}), tokenstore.ErrInvalid,
		},
		{"Put, bad DueAt", put(t.Context(), "a", tokenstore.Record{DueAt: time.Unix(0, 0)}), tokenstore.ErrInvalid},
		{"Put, bad ExpiresAt", put(t.Context(), "a", tokenstore.Record{ExpiresAt: time.Unix(-1, 0)}), tokenstore.ErrInvalid},
	}
	for _, test := range tests {
		if !errors.Is(test.err, test.want) {
			t.Errorf("%s: error = %v, want %v", test.name, test.err, test.want)
		}
	}
}
