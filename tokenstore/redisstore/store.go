package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// maxPage limits the work of one Due: members read from each shard, and keys in a page.
const maxPage = 256

var errContextTimeout = errors.New("redisstore: the client must have ContextTimeoutEnabled set")

// Option changes a default of the store that [New] returns.
type Option func(*store) error

// WithPrefix sets the beginning of every name in Redis, instead of "incidentbridge:": 1
// to 64 printable ASCII bytes without braces. Stores with different prefixes share
// nothing.
func WithPrefix(prefix string) Option {
	return func(s *store) error {
		if err := checkPrefix(prefix); err != nil {
			return err
		}
		s.keys.prefix = prefix
		return nil
	}
}

// New returns a Store in the Redis of the client. It sends nothing, and closes nothing:
// the client stays its owner's. Any number of goroutines and processes may use the same
// data.
//
// The client must have ContextTimeoutEnabled set, or a call could outlast its context by
// far. New fails for a *redis.Ring, which moves keys to other servers, without their
// records, when one does not answer.
//
// An error of the store that matches none of the sentinels of tokenstore is that of
// go-redis, or of a context, and leaves a write in doubt. Its text holds no value. When
// the reply to a Delete was lost and go-redis has sent it again, ErrConflict may mean
// that this very call has removed the record. Due is ordered by time and then by key,
// over all shards, and misses no record that existed when it began. A page has at most
// 256 keys.
func New(client redis.UniversalClient, options ...Option) (tokenstore.Store, error) {
	if err := checkClient(client); err != nil {
		return nil, err
	}
	s := &store{
		client:       client,
		keys:         layout{prefix: "incidentbridge:"},
		getScript:    redis.NewScript(getScript),
		putScript:    redis.NewScript(putScript),
		deleteScript: redis.NewScript(deleteScript),
	}
	for _, option := range options {
		if err := option(s); err != nil {
			return nil, err
		}
	}
	return tokenstore.Checked(s), nil
}

func checkClient(client redis.UniversalClient) error {
	switch client := client.(type) {
	case nil:
		return errors.New("redisstore: no client")
	case *redis.Ring:
		return errors.New("redisstore: a redis.Ring hides records when a server does not answer: use a cluster")
	case *redis.Client:
		if !client.Options().ContextTimeoutEnabled {
			return errContextTimeout
		}
	case *redis.ClusterClient:
		if !client.Options().ContextTimeoutEnabled {
			return errContextTimeout
		}
	}
	return nil
}

// store is behind the checks of its arguments.
type store struct {
	client redis.UniversalClient
	keys   layout

	getScript, putScript, deleteScript *redis.Script
}

func (s *store) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	fields, err := s.getScript.Run(ctx, s.client, []string{s.keys.record(key)}).Slice()
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

func (s *store) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	version := rand.Text()
	keys := []string{s.keys.record(key), s.keys.due(shardOf(key), firstSegment(key))}
	written, err := s.putScript.Run(ctx, s.client, keys, r.Version, version, r.Value,
		formatMillis(r.DueAt), formatMillis(r.ExpiresAt), expireAtMillis(r.ExpiresAt), key).Bool()
	if err != nil {
		return "", failed(ctx, "put", err)
	}
	if !written {
		return "", tokenstore.ErrConflict
	}
	return version, nil
}

func (s *store) Delete(ctx context.Context, key, version string) error {
	keys := []string{s.keys.record(key), s.keys.due(shardOf(key), firstSegment(key))}
	removed, err := s.deleteScript.Run(ctx, s.client, keys, version, key).Bool()
	if err != nil {
		return failed(ctx, "delete", err)
	}
	if !removed {
		return tokenstore.ErrConflict
	}
	return nil
}

func (s *store) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	last, err := tokenstore.ParseCursor(after)
	if err != nil {
		return nil, "", err
	}

	limit = min(limit, maxPage)
	found, more, err := s.dueAfter(ctx, firstSegment(prefix), before, last, limit)
	if err != nil {
		return nil, "", failed(ctx, "due", err)
	}
	for _, cursor := range found {
		if cursor.Key == prefix || strings.HasPrefix(cursor.Key, prefix+"/") {
			if len(keys) == limit {
				more = true
				break
			}
			keys = append(keys, cursor.Key)
		}
		last = cursor
	}
	keys, err = s.existing(ctx, keys)
	if err != nil {
		return nil, "", failed(ctx, "due", err)
	}
	if more {
		next = last.String()
	}
	return keys, next, nil
}

// dueAfter reads up to n members behind last from every shard and merges them, as far as
// their order is certain. There may be more when a shard was not read to its end.
func (s *store) dueAfter(
	ctx context.Context, segment string, before time.Time, last tokenstore.Cursor, n int,
) (found []tokenstore.Cursor, more bool, err error) {
	answers := make([]*redis.Cmd, shards)
	_, err = s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for shard := range shards {
			answers[shard] = pipe.Eval(ctx, pageScript, []string{s.keys.due(shard, segment)},
				before.UnixMilli(), score(last), last.Key, n)
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}

	var certain tokenstore.Cursor // no unread member comes before it
	for _, answer := range answers {
		flat, err := answer.StringSlice()
		if err != nil {
			return nil, false, err
		}
		read, err := readMembers(flat)
		if err != nil {
			return nil, false, err
		}
		if len(read) == n && (!more || read[n-1].Compare(certain) < 0) {
			certain, more = read[n-1], true
		}
		found = append(found, read...)
	}
	slices.SortFunc(found, tokenstore.Cursor.Compare)
	if more {
		end, _ := slices.BinarySearchFunc(found, certain, tokenstore.Cursor.Compare)
		found = found[:end+1]
	}
	return found, more, nil
}

// existing returns those of the keys that have a record, in the same order, and drops the
// others from the due sets.
func (s *store) existing(ctx context.Context, keys []string) ([]string, error) {
	byShard := make(map[int][]string)
	for _, key := range keys {
		byShard[shardOf(key)] = append(byShard[shardOf(key)], key)
	}
	if len(byShard) == 0 {
		return nil, nil
	}
	answers, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for shard, members := range byShard {
			names := []string{s.keys.due(shard, firstSegment(members[0]))}
			args := make([]any, len(members))
			for i, member := range members {
				names = append(names, s.keys.record(member))
				args[i] = member
			}
			pipe.Eval(ctx, existingScript, names, args...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	exists := make(map[string]bool)
	for _, answer := range answers {
		members, err := answer.(*redis.Cmd).StringSlice() //nolint:errcheck // it is what Eval returned
		if err != nil {
			return nil, err
		}
		for _, member := range members {
			exists[member] = true
		}
	}
	return slices.DeleteFunc(keys, func(key string) bool { return !exists[key] }), nil
}

// readMembers reads members and scores in turn. Scores are floats, and exact far beyond
// the year 9999.
func readMembers(flat []string) ([]tokenstore.Cursor, error) {
	var members []tokenstore.Cursor
	for pair := range slices.Chunk(flat, 2) {
		score, err := strconv.ParseFloat(pair[len(pair)-1], 64)
		if err != nil {
			return nil, fmt.Errorf("score of a due member: %w", err)
		}
		members = append(members, tokenstore.Cursor{DueAt: int64(score), Key: pair[0]})
	}
	return members, nil
}

// score returns the time of the cursor as pageScript takes it: empty for the beginning.
func score(c tokenstore.Cursor) string {
	if c == (tokenstore.Cursor{}) {
		return ""
	}
	return strconv.FormatInt(c.DueAt, 10)
}

// failed names the call. go-redis reports the end of a context as a time-out of the
// network: both stay visible.
func failed(ctx context.Context, call string, err error) error {
	if over := contextError(ctx); over != nil && !errors.Is(err, over) {
		return fmt.Errorf("redisstore: %s: %w: %w", call, over, err)
	}
	return fmt.Errorf("redisstore: %s: %w", call, err)
}

// contextError is ctx.Err, except that it also compares the deadline with the clock: the
// network's time-out may come a moment before the context's own timer.
func contextError(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// formatMillis returns a time as Redis keeps it: Unix milliseconds, or empty for none.
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

// expireAtMillis returns the last millisecond in which the record exists: Redis drops a
// key only when the millisecond given to PEXPIREAT is over.
func expireAtMillis(expiresAt time.Time) string {
	if expiresAt.IsZero() {
		return ""
	}
	return formatMillis(expiresAt.Add(-time.Millisecond))
}
