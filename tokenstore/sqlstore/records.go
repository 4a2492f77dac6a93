package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

// maxPage limits what one Due holds in memory, whatever the caller's limit is.
const maxPage = 1000

// records are the four methods of a [Store], behind the checks of their arguments.
type records struct {
	db  *sql.DB
	sql statements
}

func (s *records) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	var r tokenstore.Record
	var dueAt, expiresAt sql.NullInt64
	err := s.db.QueryRowContext(ctx, s.sql.get, key).Scan(&r.Value, &r.Version, &dueAt, &expiresAt)
	if errors.Is(err, sql.ErrNoRows) {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	if err != nil {
		return tokenstore.Record{}, failed(ctx, fmt.Sprintf("read %q", key), err)
	}
	r.DueAt, r.ExpiresAt = fromMillis(dueAt), fromMillis(expiresAt)
	return r, nil
}

func (s *records) Put(ctx context.Context, key string, r tokenstore.Record) (string, error) {
	value := r.Value
	if value == nil {
		value = []byte{} // nil would be NULL
	}
	version, dueAt, expiresAt := rand.Text(), toMillis(r.DueAt), toMillis(r.ExpiresAt)
	var err error
	if r.Version == "" {
		err = s.write(ctx, key, s.sql.create, key, version, value, dueAt, expiresAt)
	} else {
		err = s.write(ctx, key, s.sql.update, version, value, dueAt, expiresAt, key, r.Version)
	}
	if err != nil {
		return "", err
	}
	return version, nil
}

func (s *records) Delete(ctx context.Context, key, version string) error {
	if version != "" {
		return s.write(ctx, key, s.sql.deleteVersion, key, version)
	}
	err := s.write(ctx, key, s.sql.deleteAny, key)
	if errors.Is(err, tokenstore.ErrConflict) {
		return nil // there was nothing to delete
	}
	return err
}

// write runs a statement that writes one record, and fails with ErrConflict if it wrote
// none.
func (s *records) write(ctx context.Context, key, statement string, args ...any) error {
	result, err := s.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return failed(ctx, fmt.Sprintf("write %q: it may have landed or may still land, read it again", key), err)
	}
	written, err := result.RowsAffected()
	if err != nil {
		return failed(ctx, fmt.Sprintf("write %q: it may have landed, read it again", key), err)
	}
	if written == 0 {
		return tokenstore.ErrConflict
	}
	return nil
}

func (s *records) Due(
	ctx context.Context, prefix string, before time.Time, after string, limit int,
) (keys []string, next string, err error) {
	last, err := tokenstore.ParseCursor(after)
	if err != nil {
		return nil, "", err
	}
	limit = min(limit, maxPage)

	// Below the prefix are the keys from "prefix/" up to "prefix0": the zero is the byte
	// behind the slash.
	rows, err := s.db.QueryContext(ctx, s.sql.due,
		before.UnixMilli(), last.DueAt, last.Key, prefix, prefix+"/", prefix+"0", limit+1)
	if err != nil {
		return nil, "", failed(ctx, "list due records under "+prefix, err)
	}
	defer rows.Close()
	for rows.Next() {
		if len(keys) == limit {
			return keys, last.String(), nil
		}
		if err := rows.Scan(&last.Key, &last.DueAt); err != nil {
			return nil, "", failed(ctx, "list due records under "+prefix, err)
		}
		keys = append(keys, last.Key)
	}
	if err := rows.Err(); err != nil {
		return nil, "", failed(ctx, "list due records under "+prefix, err)
	}
	return keys, "", nil
}

// failed names what was being done. Drivers report the end of a context in their own
// words, so its error is added.
func failed(ctx context.Context, doing string, err error) error {
	if over := ctx.Err(); over != nil && !errors.Is(err, over) {
		err = fmt.Errorf("%w: %w", over, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", doing, err)
}

// toMillis returns t as the database keeps it: Unix milliseconds, or NULL for zero.
func toMillis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func fromMillis(millis sql.NullInt64) time.Time {
	if !millis.Valid {
		return time.Time{}
	}
	return time.UnixMilli(millis.Int64).UTC()
}
