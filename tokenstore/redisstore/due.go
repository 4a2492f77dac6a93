package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// maxPage bounds the work of one Due: members read of each shard, and keys in a page.
const maxPage = 256

// Due implements [tokenstore.Store]. Its order is by time and then by key, over all shards, and exact: it misses no record
// that was there when it began. A page has at most 256 keys.
func (s *Store) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if err := tokenstore.CheckDue(prefix, limit); err != nil {
		return nil, "", err
	}
	last, err := parseMoment(after)
	if err != nil {
		return nil, "", err
	}

	limit = min(limit, maxPage)
	found, more, err := s.dueBehind(ctx, firstSegment(prefix), before, last, limit)
	if err != nil {
		return nil, "", failed(ctx, "due", err)
	}
	for _, m := range found {
		if m.key == prefix || strings.HasPrefix(m.key, prefix+"/") {
			if len(keys) == limit {
				more = true
				break
			}
			keys = append(keys, m.key)
		}
		last = m
	}
	keys, err = s.living(ctx, keys)
	if err != nil {
		return nil, "", failed(ctx, "due", err)
	}
	if more {
		next = last.String()
	}
	return keys, next, nil
}

// dueBehind reads up to n moments behind last from every shard and merges them, as far as their order is certain. There may
// be more when a shard was not read to its end.
func (s *Store) dueBehind(
	ctx context.Context, segment string, before time.Time, last moment, n int,
) (found []moment, more bool, err error) {
	answers := make([]*redis.Cmd, shards)
	_, err = s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for shard := range shards {
			answers[shard] = pipe.Eval(ctx, pageScript, []string{s.keys.due(shard, segment)},
				before.UnixMilli(), last.score(), last.key, n)
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}

	var certain moment // nothing unread comes before it
	for _, answer := range answers {
		flat, err := answer.StringSlice()
		if err != nil {
			return nil, false, err
		}
		read, err := readMoments(flat)
		if err != nil {
			return nil, false, err
		}
		if len(read) == n && (!more || read[n-1].compare(certain) < 0) {
			certain, more = read[n-1], true
		}
		found = append(found, read...)
	}
	slices.SortFunc(found, moment.compare)
	if more {
		end, _ := slices.BinarySearchFunc(found, certain, moment.compare)
		found = found[:end+1]
	}
	return found, more, nil
}

// living returns those of the keys whose record is there, in the same order, and drops the others from the due sets.
func (s *Store) living(ctx context.Context, keys []string) ([]string, error) {
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
			pipe.Eval(ctx, livingScript, names, args...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool)
	for _, answer := range answers {
		members, err := answer.(*redis.Cmd).StringSlice() //nolint:errcheck // it is what Eval returned
		if err != nil {
			return nil, err
		}
		for _, member := range members {
			there[member] = true
		}
	}
	return slices.DeleteFunc(keys, func(key string) bool { return !there[key] }), nil
}

// moment is a place in the order of a listing: a time in Unix milliseconds, and a key. As text it is the cursor that Due
// hands out. The zero moment is before all others.
type moment struct {
	at  int64
	key string
}

func (m moment) compare(other moment) int {
	return cmp.Or(cmp.Compare(m.at, other.at), strings.Compare(m.key, other.key))
}

func (m moment) String() string { return m.score() + " " + m.key }

// score is the time as pageScript takes it: empty for the beginning.
func (m moment) score() string {
	if m == (moment{}) {
		return ""
	}
	return strconv.FormatInt(m.at, 10)
}

func parseMoment(cursor string) (moment, error) {
	if cursor == "" {
		return moment{}, nil
	}
	millis, key, _ := strings.Cut(cursor, " ")
	at, err := strconv.ParseInt(millis, 10, 64)
	if err != nil || at < 1 || tokenstore.CheckKey(key) != nil {
		return moment{}, fmt.Errorf("%w: after is not a cursor of this store", tokenstore.ErrInvalid)
	}
	return moment{at: at, key: key}, nil
}

// readMoments reads members and scores in turn. Scores are floats, and exact far beyond the year 9999.
func readMoments(flat []string) ([]moment, error) {
	var moments []moment
	for pair := range slices.Chunk(flat, 2) {
		score, err := strconv.ParseFloat(pair[len(pair)-1], 64)
		if err != nil {
			return nil, fmt.Errorf("score of a due member: %w", err)
		}
		moments = append(moments, moment{at: int64(score), key: pair[0]})
	}
	return moments, nil
}
