package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/incidentbridge/incidentbridge/tokenstore"
)

const (
	// pruneBatch is how many records one statement of Prune deletes, so that its locks do
	// not hold up others for long.
	pruneBatch = 100

	// compactTimeout is how long readers may delay the end of a Prune, and how long it
	// may delay writers.
	compactTimeout = time.Second
)

var (
	// ErrNewerSchema means that a newer program has migrated the database: start that
	// program.
	ErrNewerSchema = errors.New("sqlstore: the schema is newer than this program")

	// ErrSettings means that a connection has settings with which the store would lose
	// acknowledged writes, or leave deleted secrets on the disk: see [SQLiteDSN], or the
	// section on PostgreSQL.
	ErrSettings = errors.New("sqlstore: unsafe settings of the database connection")
)

// Store is a [tokenstore.Store] in a SQL database. Any number of goroutines, and of
// processes on the same database, may use it at once. There is nothing to close; the
// *sql.DB is closed by its owner.
//
// Due is exact: it never misses a record, and names none that is not due. A page has at
// most 1000 keys.
type Store struct {
	tokenstore.Store // Get, Put, Delete and Due

	db      *sql.DB
	dialect dialectSQL
	prune   string
	schema  [][]string
}

// New returns the store in db, which must speak the given dialect. It sends nothing to
// the database: call Migrate before the first use. It fails with [tokenstore.ErrInvalid]
// without a db or with an unknown dialect.
func New(db *sql.DB, dialect Dialect) (*Store, error) {
	if db == nil {
		return nil, fmt.Errorf("%w: sqlstore needs a database", tokenstore.ErrInvalid)
	}
	if dialect != SQLite && dialect != PostgreSQL {
		return nil, fmt.Errorf("%w: sqlstore does not know %v", tokenstore.ErrInvalid, dialect)
	}
	d := dialect.sql()
	statements := newStatements(d)
	return &Store{
		Store:   tokenstore.Checked(&records{db: db, sql: statements}),
		db:      db,
		dialect: d,
		prune:   statements.prune,
		schema:  newSchema(d),
	}, nil
}

// Migrate creates the tables, or upgrades those of an older program, and checks the
// settings of the connection. Call it when the program starts, before anything else; when
// nothing is missing it needs no right to create tables. Any number of processes may call
// it at once. If it fails, the schema is the old one or the new one.
//
// It fails with [ErrNewerSchema] or [ErrSettings] where the program must not continue.
func (s *Store) Migrate(ctx context.Context) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return failed(ctx, "migrate: connect", err)
	}
	defer conn.Close()
	if err := s.checkSettings(ctx, conn); err != nil {
		return err
	}
	version, err := s.schemaVersion(ctx, conn)
	if err != nil || version == len(s.schema) {
		return err
	}
	return s.upgrade(ctx, conn)
}

// checkSettings checks two connections at once if there can be two: a setting made by a
// statement holds for one connection only.
func (s *Store) checkSettings(ctx context.Context, conn *sql.Conn) error {
	if err := s.checkConn(ctx, conn); err != nil || s.db.Stats().MaxOpenConnections == 1 {
		return err
	}
	second, err := s.db.Conn(ctx)
	if err != nil {
		return failed(ctx, "migrate: connect a second time", err)
	}
	defer second.Close()
	return s.checkConn(ctx, second)
}

func (s *Store) checkConn(ctx context.Context, conn *sql.Conn) error {
	for _, setting := range s.dialect.settings {
		var got string
		if err := conn.QueryRowContext(ctx, setting.query).Scan(&got); err != nil {
			return failed(ctx, "migrate: "+setting.query, err)
		}
		if !slices.Contains(setting.want, got) {
			return fmt.Errorf("%w: %s is %s, want %s", ErrSettings, setting.query, got, strings.Join(setting.want, " or "))
		}
	}
	return nil
}

// schemaVersion returns how many steps of the schema have been made.
func (s *Store) schemaVersion(ctx context.Context, conn *sql.Conn) (version int, err error) {
	var exists bool
	err = conn.QueryRowContext(ctx, s.dialect.hasTable, "incidentbridge_schema").Scan(&exists)
	if err == nil && exists {
		err = conn.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM incidentbridge_schema").Scan(&version)
	}
	if err != nil {
		return 0, failed(ctx, "migrate: read the schema's version", err)
	}
	if known := len(s.schema); version > known {
		return 0, fmt.Errorf("%w: it is version %d, and this program knows %d", ErrNewerSchema, version, known)
	}
	return version, nil
}

// upgrade makes the missing steps in one transaction. It does not use sql.Tx because
// SQLite must be told at BEGIN that the transaction will write.
func (s *Store) upgrade(ctx context.Context, conn *sql.Conn) error {
	err := execAll(ctx, conn, s.dialect.beginTx...)
	if err == nil {
		err = s.makeMissingSteps(ctx, conn)
	}
	if err == nil {
		err = execAll(ctx, conn, "COMMIT")
	}
	if err != nil {
		rollback(ctx, conn)
	}
	return err
}

func (s *Store) makeMissingSteps(ctx context.Context, conn *sql.Conn) error {
	version, err := s.schemaVersion(ctx, conn) // another process may have been faster
	if err != nil {
		return err
	}
	return execAll(ctx, conn, slices.Concat(s.schema[version:]...)...)
}

// Prune deletes expired records and returns how many there were. The other methods do not
// see them any more, but they take room, and their bytes stay on the disk: call it
// regularly, say every hour, from any number of processes.
//
// With SQLite it also truncates the write-ahead log, in which older values of all records
// remain, unless a reader prevents that. When Prune fails, what it has deleted stays
// deleted; the next call deletes the rest.
func (s *Store) Prune(ctx context.Context) (deleted int64, err error) {
	for more := true; more; {
		result, err := s.db.ExecContext(ctx, s.prune)
		if err != nil {
			return deleted, failed(ctx, "prune", err)
		}
		batch, err := result.RowsAffected()
		if err != nil {
			return deleted, failed(ctx, "prune", err)
		}
		deleted += batch
		more = batch == pruneBatch
	}
	return deleted, s.compact(ctx)
}

func (s *Store) compact(ctx context.Context) error {
	if s.dialect.compact == "" {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, compactTimeout)
	defer cancel()
	_, err := s.db.ExecContext(limited, s.dialect.compact)
	if err == nil || limited.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return failed(ctx, "prune: "+s.dialect.compact, err)
}

func execAll(ctx context.Context, conn *sql.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return failed(ctx, "migrate: "+statement, err)
		}
	}
	return nil
}

// rollback ends the transaction, also when ctx is over. A connection on which that fails
// is discarded.
func rollback(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}
