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

// Store is a [tokenstore.Store] in a SQL database. Any number of goroutines, and of processes on the same database, may
// use it at once. There is nothing to close; the *sql.DB is closed by whoever opened it.
type Store struct {
	db     *sql.DB
	words  words
	sql    statements
	schema [][]string
}

var _ tokenstore.Store = (*Store)(nil)

// New returns the store in db, which must speak the given dialect. It asks the database nothing: call Migrate before the
// first use. It fails with [tokenstore.ErrInvalid] without a db or with an unknown dialect.
func New(db *sql.DB, dialect Dialect) (*Store, error) {
	if db == nil {
		return nil, fmt.Errorf("%w: sqlstore needs a database", tokenstore.ErrInvalid)
	}
	if dialect != SQLite && dialect != PostgreSQL {
		return nil, fmt.Errorf("%w: sqlstore does not know %v", tokenstore.ErrInvalid, dialect)
	}
	w := dialect.words()
	return &Store{db: db, words: w, sql: newStatements(w), schema: newSchema(w)}, nil
}

// Get implements [tokenstore.Store].
func (s *Store) Get(ctx context.Context, key string) (tokenstore.Record, error) {
	if err := ctx.Err(); err != nil {
		return tokenstore.Record{}, err
	}
	if err := tokenstore.CheckKey(key); err != nil {
		return tokenstore.Record{}, err
	}
	var r tokenstore.Record
	var dueAt, expiresAt sql.NullInt64
	err := s.db.QueryRowContext(ctx, s.sql.get, key).Scan(&r.Value, &r.Version, &dueAt, &expiresAt)
	if errors.Is(err, sql.ErrNoRows) {
		return tokenstore.Record{}, tokenstore.ErrNotFound
	}
	if err != nil {
		return tokenstore.Record{}, failed(ctx, fmt.Sprintf("read %q", key), err)
	}
	r.DueAt, r.ExpiresAt = instant(dueAt), instant(expiresAt)
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
	value := r.Value
	if value == nil {
		value = []byte{} // nil would be NULL
	}
	version := rand.Text()
	if r.Version == "" {
		err = s.write(ctx, key, s.sql.create, key, version, value, millis(r.DueAt), millis(r.ExpiresAt))
	} else {
		err = s.write(ctx, key, s.sql.change, version, value, millis(r.DueAt), millis(r.ExpiresAt), key, r.Version)
	}
	if err != nil {
		return "", err
	}
	return version, nil
}

// Delete implements [tokenstore.Store].
func (s *Store) Delete(ctx context.Context, key, version string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := tokenstore.CheckKey(key); err != nil {
		return err
	}
	if version != "" {
		return s.write(ctx, key, s.sql.remove, key, version)
	}
	err := s.write(ctx, key, s.sql.drop, key)
	if errors.Is(err, tokenstore.ErrConflict) {
		return nil // there was nothing to remove
	}
	return err
}

// write runs a statement that writes one record, and fails with ErrConflict if it wrote none.
func (s *Store) write(ctx context.Context, key, statement string, args ...any) error {
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

// failed wraps what the database said. Drivers have words of their own for a context that ended; its error is added.
func failed(ctx context.Context, doing string, err error) error {
	if over := ctx.Err(); over != nil && !errors.Is(err, over) {
		err = fmt.Errorf("%w: %w", over, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", doing, err)
}

// millis is a time as the database keeps it: milliseconds since 1970, absent for zero.
func millis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func instant(millis sql.NullInt64) time.Time {
	if !millis.Valid {
		return time.Time{}
	}
	return time.UnixMilli(millis.Int64).UTC()
}
