package settings

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Backend is an open store.
type Backend struct {
	Store tokenstore.Store
	// Prune removes expired records; call it every hour. It is nil for stores that remove
	// them on their own.
	Prune func(ctx context.Context) error
	// Close closes the store. It is never nil.
	Close func() error
}

// Opener opens the store of a STORE_URL of its kind and logs what an operator should know
// about it. Its errors do not contain the URL, which may hold a password. An invalid URL
// is an *[Error].
type Opener func(ctx context.Context, url string, logger *slog.Logger) (Backend, error)

// OpenStore opens the store of STORE_URL and seals it with STORE_KEYS. openers has the
// kinds that the program supports ("sqlite", "postgres", "redis", "dynamodb") besides
// memory; any other kind is an *[Error].
func (s *Settings) OpenStore(ctx context.Context, openers map[string]Opener, logger *slog.Logger) (Backend, error) {
	backend, err := s.open(ctx, openers, logger)
	if err != nil || s.StoreKeys == "" {
		return backend, err
	}
	keys, err := tokenstore.ParseKeyring(string(s.StoreKeys))
	if err != nil {
		return Backend{}, err
	}
	backend.Store, err = tokenstore.Sealed(backend.Store, keys)
	return backend, err
}

func (s *Settings) open(ctx context.Context, openers map[string]Opener, logger *slog.Logger) (Backend, error) {
	if s.storeIs("memory") {
		return Backend{Store: tokenstore.NewMemory(), Close: func() error { return nil }}, nil
	}
	kind, _, _ := strings.Cut(string(s.StoreURL), ":")
	open, ok := openers[kind]
	if !ok {
		kinds := append([]string{"memory"}, slices.Sorted(maps.Keys(openers))...)
		return Backend{}, InvalidSetting("STORE_URL", "may be of these kinds here: "+strings.Join(kinds, ", "))
	}
	backend, err := open(ctx, string(s.StoreURL), logger)
	if _, wrong := errors.AsType[*Error](err); wrong {
		return Backend{}, err
	}
	if err != nil {
		return Backend{}, fmt.Errorf("open the %s store: %w", kind, err)
	}
	return backend, nil
}

// storeIs reports whether STORE_URL is of a kind: memory, sqlite, postgres, redis or
// dynamodb.
func (s *Settings) storeIs(kind string) bool {
	scheme, _, _ := strings.Cut(string(s.StoreURL), ":")
	return scheme == kind
}

// storeURLProblem returns what is wrong with STORE_URL, "" if nothing.
func storeURLProblem(value string) string {
	const want = "must be memory:, sqlite:FILE, postgres://…, redis://… or dynamodb://TABLE"
	kind, rest, _ := strings.Cut(value, ":")
	switch kind {
	case "memory":
		if rest == "" && strings.HasSuffix(value, ":") {
			return ""
		}
	case "sqlite":
		if rest != "" {
			return ""
		}
	case "postgres", "redis", "dynamodb":
		if u, err := url.Parse(value); err == nil && u.Host != "" {
			return ""
		}
	}
	return want
}

// storeKeysProblem returns what is wrong with STORE_KEYS, "" if nothing. It names no id:
// in a malformed list that may be a key.
func storeKeysProblem(value string) string {
	if value == "" {
		return ""
	}
	_, err := tokenstore.ParseKeyring(value)
	if err == nil {
		return ""
	}
	_, why, _ := strings.Cut(err.Error(), "keyring: ")
	return why
}
