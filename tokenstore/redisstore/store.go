package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// Store is a [tokenstore.Store] in Redis. It may be used by any number of goroutines and processes at once, and closes
// nothing: the client is its caller's.
//
// An error that matches none of the sentinels of tokenstore is that of go-redis, or of a context, and leaves a write in
// doubt. No value is ever in its text.
type Store struct {
	client redis.UniversalClient
	keys   layout

	get, put, remove *redis.Script
}

// Option changes a [Store].
type Option func(*Store) error

// WithPrefix sets what every name in Redis begins with, instead of "incidentbridge:": 1 to 64 printable ASCII bytes without
// braces. Stores with different prefixes share nothing.
func WithPrefix(prefix string) Option {
	return func(s *Store) error {
		if err := checkPrefix(prefix); err != nil {
			return err
		}
		s.keys.prefix = prefix
		return nil
	}
}

// New returns a Store on the client, which stays open until its owner closes it. It sends nothing.
//
// The client must have ContextTimeoutEnabled set, or a call could outlast its context by far. A *redis.Ring is refused: it
// moves keys to other servers, without their records, when one does not answer.
func New(client redis.UniversalClient, options ...Option) (*Store, error) {
	if err := checkClient(client); err != nil {
		return nil, err
	}
	s := &Store{
		client: client,
		keys:   layout{prefix: "incidentbridge:"},
		get:    redis.NewScript(getScript),
		put:    redis.NewScript(putScript),
		remove: redis.NewScript(deleteScript),
	}
	for _, option := range options {
		if err := option(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func checkClient(client redis.UniversalClient) error {
	const deaf = "redisstore: the client must have ContextTimeoutEnabled set"
	switch client := client.(type) {
	case nil:
		return errors.New("redisstore: no client")
	case *redis.Ring:
		return errors.New("redisstore: a redis.Ring loses sight of records when a server does not answer: use a cluster")
	case *redis.Client:
		if !client.Options().ContextTimeoutEnabled {
			return errors.New(deaf)
		}
	case *redis.ClusterClient:
		if !client.Options().ContextTimeoutEnabled {
			return errors.New(deaf)
		}
	}
	return nil
}

// Get implements [tokenstore.Store].
func (s *Store) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := ctx.Err(); err != nil {
		return tokenstore.Record{}, err
	}
	if err := tokenstore.CheckKey(key); err != nil {
		return tokenstore.Record{}, err
	}
	fields, err := s.get.Run(ctx, s.client, []string{s.keys.record(key)}).Slice()
	if err != nil {
		return tokenstore.Record{}, failed(ctx, "get", err)
	}
	return readRecord(fields)
}

// readRecord reads the answer of getScript: the fields, or nothing.
func readRecord(fields []any) (tokenstore.Record, error) {
	if len(fields) == 0 {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	damaged := errors.New("redisstore: get: the record is damaged: it lacks a field, or has a time that is no number")
	texts := make([]string, len(fields))
	for i, field := range fields {
		text, ok := field.(string)
		if !ok {
			return tokenstore.Record{}, damaged
		}
		texts[i] = text
	}
	r := tokenstore.Record{Value: []byte(texts[0]), Version: texts[1]}
	var dueErr, expiresErr error
	r.DueAt, dueErr = parseMillis(texts[2])
	r.ExpiresAt, expiresErr = parseMillis(texts[3])
	if dueErr != nil || expiresErr != nil {
		return tokenstore.Record{}, damaged
	}
	return r, nil
}

// Put implements [tokenstore.Store].
func (s *Store) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := tokenstore.CheckKey(key); err != nil {
		return "", err
	}
	r, err := r.Normalize()
	if err != nil {
		return "", err
	}
	version := rand.Text()
	keys := []string{s.keys.record(key), s.keys.due(shardOf(key), firstSegment(key))}
	written, err := s.put.Run(ctx, s.client, keys,
		r.Version, version, r.Value, formatMillis(r.DueAt), formatMillis(r.ExpiresAt), lastMilli(r.ExpiresAt), key).Bool()
	if err != nil {
		return "", failed(ctx, "put", err)
	}
	if !written {
		return "", tokenstore.ErrConflict
	}
	return version, nil
}

// Delete implements [tokenstore.Store]. When the reply was lost and go-redis has asked again, ErrConflict may mean that the
// record is gone by this very call.
func (s *Store) Delete(ctx context.Context, key, version string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := tokenstore.CheckKey(key); err != nil {
		return err
	}
	keys := []string{s.keys.record(key), s.keys.due(shardOf(key), firstSegment(key))}
	removed, err := s.remove.Run(ctx, s.client, keys, version, key).Bool()
	if err != nil {
		return failed(ctx, "delete", err)
	}
	if !removed {
		return tokenstore.ErrConflict
	}
	return nil
}

// failed names the call. go-redis reports the end of a context as a time-out of the network: both stay visible.
func failed(ctx context.Context, call string, err error) error {
	if over := ended(ctx); over != nil && !errors.Is(err, over) {
		return fmt.Errorf("redisstore: %s: %w: %w", call, over, err)
	}
	return fmt.Errorf("redisstore: %s: %w", call, err)
}

// ended is ctx.Err, but sure: the network's time-out may come a moment before the context's own timer.
func ended(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// A time in Redis is Unix milliseconds, or empty for none.
func formatMillis(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strconv.FormatInt(at.UnixMilli(), 10)
}

func parseMillis(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	millis, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(millis).UTC(), err
}

// lastMilli is the last millisecond in which the record is there: Redis drops a key only when the given one is over.
func lastMilli(expiresAt time.Time) string {
	if expiresAt.IsZero() {
		return ""
	}
	return formatMillis(expiresAt.Add(-time.Millisecond))
}
