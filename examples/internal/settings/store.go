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

// Backend is a store that a program has opened.
type Backend struct {
	Store tokenstore.Store
	// Prune removes what has expired; to be called every hour. nil: that store does it by itself.
	Prune func(ctx context.Context) error
	// Close is called when nobody uses the store any more. Never nil.
	Close func() error
}

// Opener opens the store that a STORE_URL of its kind names. What an operator should know of it goes to the logger; no
// error tells the address, which may hold a password. An address that is none is an *[Error].
type Opener func(ctx context.Context, url string, logger *slog.Logger) (Backend, error)

// OpenStore opens the store that STORE_URL names and seals it with STORE_KEYS. A program brings the openers that it is
// linked with, by kind ("sqlite", "postgres", "redis", "dynamodb"); memory is built in. Without the right one the error is
// an *[Error].
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
		return Backend{}, Wrong("STORE_URL", "may be of these kinds here: "+strings.Join(kinds, ", "))
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

// storeIs says whether STORE_URL is of a kind: memory, sqlite, postgres, redis or dynamodb.
func (s *Settings) storeIs(kind string) bool {
	scheme, _, _ := strings.Cut(string(s.StoreURL), ":")
	return scheme == kind
}

func storeURL(value string) string {
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

// storeKeys says what is wrong with a keyring, which never names an id: in a list put together wrongly it may be a key.
func storeKeys(value string) string {
	_, err := tokenstore.ParseKeyring(value)
	if err == nil {
		return ""
	}
	_, why, _ := strings.Cut(err.Error(), "keyring: ")
	return why
}
