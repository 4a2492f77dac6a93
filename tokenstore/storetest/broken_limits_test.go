package storetest

import (
	"bytes"
	"context"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// changedKey passes every key through change first.
func changedKey(change func(key string) string) func(*store) {
	return func(s *store) {
		s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
			return s.memory.Get(ctx, change(key))
		}
		s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
			return s.memory.Put(ctx, change(key), r)
		}
		s.delete = func(ctx context.Context, key, version string) error {
			return s.memory.Delete(ctx, change(key), version)
		}
	}
}

// changedRecord passes every record put through change first.
func changedRecord(change func(r *tokenstore.Record)) func(*store) {
	return func(s *store) {
		s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
			change(&r)
			return s.memory.Put(ctx, key, r)
		}
	}
}

func brokenLimits() []brokenStore {
	const (
		apart  = "Keys of any printable bytes are kept apart"
		values = "Values of 0 bytes, of every byte and of 256 KiB are kept"
		cut    = "Times are UTC, cut to milliseconds"
	)
	return []brokenStore{
		{"keys have no case", changedKey(strings.ToLower), []string{apart}},
		{"keys are paths", changedKey(path.Clean), []string{apart}},
		{"keys lose spaces behind", changedKey(func(key string) string { return strings.TrimRight(key, " ") }), []string{apart}},
		{"keys are cut to 255 bytes", changedKey(func(key string) string { return key[:min(255, len(key))] }), []string{
			"Keys have up to 512 bytes",
		}},
		{"keys are not checked", changedKey(func(key string) string {
			printable := strings.Map(func(r rune) rune { return min(max(r, ' '), '~') }, key)
			return "x" + printable[:min(500, len(printable))]
		}), []string{"Keys that are empty, too long or not printable are ErrInvalid"}},
		{"values are cut to 64 KiB", changedRecord(func(r *tokenstore.Record) {
			r.Value = r.Value[:min(64<<10, len(r.Value))]
		}), []string{values}},
		{"values are text", changedRecord(func(r *tokenstore.Record) {
			r.Value = bytes.ToValidUTF8(r.Value, []byte("?"))
		}), []string{values}},
		{"values have no room for a seal", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				if len(r.Value) > tokenstore.MaxValueLen {
					return "", tokenstore.ErrInvalid
				}
				return s.memory.Put(ctx, key, r)
			}
		}, []string{"Values of 256 KiB are kept in a sealed store on this one"}},
		{"values above the limit are cut", changedRecord(func(r *tokenstore.Record) {
			r.Value = r.Value[:min(tokenstore.MaxSealedLen, len(r.Value))]
		}), []string{"Values above 260 KiB are ErrInvalid and not written"}},
		{"times are nanoseconds", changedRecord(func(r *tokenstore.Record) {
			for _, at := range []*time.Time{&r.DueAt, &r.ExpiresAt} {
				if !at.IsZero() {
					*at = time.Unix(0, at.UnixNano())
				}
			}
		}), []string{"Times from 1970 to 9999 are kept"}},
		{"times are rounded", changedRecord(func(r *tokenstore.Record) {
			r.DueAt = r.DueAt.Round(time.Millisecond)
		}), []string{cut}},
		{"times are seconds", changedRecord(func(r *tokenstore.Record) {
			r.DueAt = r.DueAt.Truncate(time.Second)
		}), []string{cut}},
		{"times are local", func(s *store) {
			s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
				r, err := s.memory.Get(ctx, key)
				r.DueAt = r.DueAt.In(time.FixedZone("elsewhere", 60*60))
				return r, err
			}
		}, []string{cut}},
		{"times out of range are left out", changedRecord(func(r *tokenstore.Record) {
			for _, at := range []*time.Time{&r.DueAt, &r.ExpiresAt} {
				if at.Unix() <= 0 || at.Year() > 9999 {
					*at = time.Time{}
				}
			}
		}), []string{"Times outside 1970 to 9999 are ErrInvalid and not written"}},
	}
}

func brokenContexts() []brokenStore {
	const over = "A context that is over is answered with its error and writes nothing"
	return []brokenStore{
		{"the context is not looked at", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				return s.memory.Put(context.WithoutCancel(ctx), key, r)
			}
		}, []string{over}},
		{"the context is looked at after the write", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				version, err := s.memory.Put(context.WithoutCancel(ctx), key, r)
				return version, errors.Join(err, ctx.Err())
			}
		}, []string{over}},
		{"the context's error is lost", func(s *store) {
			s.due = func(
				ctx context.Context, prefix string, before time.Time, after string, limit int,
			) ([]string, string, error) {
				if ctx.Err() != nil {
					return nil, "", errors.New("interrupted")
				}
				return s.memory.Due(ctx, prefix, before, after, limit)
			}
		}, []string{over}},
		{"the error of an interruption is the driver's", func(s *store) {
			s.get = func(ctx context.Context, key string) (tokenstore.Record, error) {
				if ctx.Err() != nil {
					return tokenstore.Record{}, ctx.Err()
				}
				if ctx.Err() != nil {
					return tokenstore.Record{}, errors.New("interrupted")
				}
				return s.memory.Get(ctx, key)
			}
		}, []string{"A context that ends on the way is answered with its error, or too late to matter"}},
		{"a Put that is interrupted is acknowledged", func(s *store) {
			s.put = func(ctx context.Context, key string, r tokenstore.Record) (string, error) {
				if ctx.Err() != nil {
					return "", ctx.Err()
				}
				if ctx.Err() != nil {
					return "version", nil
				}
				return s.memory.Put(ctx, key, r)
			}
		}, []string{"A context that ends on the way leaves a write whole or undone, and done where acknowledged"}},
	}
}
