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
)

// ErrNewerSchema says that a newer program has migrated the database, which this one therefore leaves alone: start the
// newer one.
var ErrNewerSchema = errors.New("sqlstore: the schema is newer than this program")

// ErrSettings says that a connection is set so that the store would lose writes it has acknowledged, or leave deleted
// secrets on the disk: see [SQLiteDSN], or the section on PostgreSQL.
var ErrSettings = errors.New("sqlstore: the database connection is not set as the store needs it")

// Migrate makes the tables, or brings those of an older program up to date, and checks the settings of the connection.
// Call it when the program starts, before anything else; it does nothing when everything is there, and then needs no right
// to make tables. Any number of processes may call it at once. Whatever fails, the schema is the old one or the new one.
//
// It fails with [ErrNewerSchema] or [ErrSettings] where the program must not go on.
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
	if err == nil && version < len(s.schema) {
		err = s.upgrade(ctx, conn)
	}
	return err
}

// checkSettings looks at two connections at once if there can be two: what was set by hand holds for one only.
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
	for _, setting := range s.words.settings {
		var got string
		if err := conn.QueryRowContext(ctx, setting.query).Scan(&got); err != nil {
			return failed(ctx, "migrate: "+setting.query, err)
		}
		if !slices.Contains(setting.want, got) {
			return fmt.Errorf("%w: %s says %s, want %s", ErrSettings, setting.query, got, strings.Join(setting.want, " or "))
		}
	}
	return nil
}

// schemaVersion returns how many steps of the schema have been made.
func (s *Store) schemaVersion(ctx context.Context, conn *sql.Conn) (version int, err error) {
	var there bool
	err = conn.QueryRowContext(ctx, s.words.hasTable, "incidentbridge_schema").Scan(&there)
	if err == nil && there {
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

// upgrade makes the steps that are missing, in one transaction. It is begun and ended by hand because SQLite must hear at
// once that it will write.
func (s *Store) upgrade(ctx context.Context, conn *sql.Conn) error {
	if err := run(ctx, conn, s.words.begin...); err != nil {
		abandon(ctx, conn)
		return err
	}
	version, err := s.schemaVersion(ctx, conn) // another process may have been faster
	if err == nil {
		err = run(ctx, conn, slices.Concat(s.schema[version:]...)...)
	}
	if err == nil {
		err = run(ctx, conn, "COMMIT")
	}
	if err != nil {
		abandon(ctx, conn)
	}
	return err
}

func run(ctx context.Context, conn *sql.Conn, statements ...string) error {
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return failed(ctx, "migrate: "+statement, err)
		}
	}
	return nil
}

// abandon rolls back, also when ctx is over. A connection that cannot is thrown away.
func abandon(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}
