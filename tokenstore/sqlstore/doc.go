// Package sqlstore keeps records in a SQL database through database/sql: in a file of
// SQLite for the processes of one machine, in PostgreSQL for a fleet. It imports no
// driver.
//
// # SQLite
//
// With modernc.org/sqlite, which needs no C compiler:
//
//	import _ "modernc.org/sqlite"
//
//	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN("incidentbridge.db"))
//	store, err := sqlstore.New(db, sqlstore.SQLite)
//	err = store.Migrate(ctx)
//
// [SQLiteDSN] has the settings without which a crash loses writes and deleted secrets
// stay on the disk; Migrate fails on a database that is opened without them. Processes of
// one machine may share the file, machines may not: the write-ahead log does not work
// over a network file system. Put the file into a folder that nobody else may read:
// SQLite creates files with the umask, and two more beside it.
//
// SQLite has one writer at a time; others retry every few milliseconds, in no order. In a
// busy program db.SetMaxOpenConns(1) makes its goroutines queue fairly instead.
//
// # PostgreSQL
//
// With github.com/jackc/pgx/v5:
//
//	import _ "github.com/jackc/pgx/v5/stdlib"
//
//	db, err := sql.Open("pgx", "postgres://bridge@db.example.com/bridge")
//	store, err := sqlstore.New(db, sqlstore.PostgreSQL)
//	err = store.Migrate(ctx)
//
// The tables, incidentbridge_records and incidentbridge_schema, are created in the first
// schema of the search path. Migrate needs the right to create tables where they are
// missing or old. Afterwards a role needs SELECT on both, and INSERT, UPDATE and DELETE
// on the first.
//
// The store must use the primary and wait for its disk: Migrate fails on a connection
// that is read-only, or whose synchronous_commit is neither on nor remote_apply. With a
// pooler that shares connections between transactions add default_query_exec_mode=exec to
// the address. Limit the pool with db.SetMaxOpenConns to what the server allows.
//
// # Guarantees
//
// An acknowledged write is on the disk. Each method is one statement, committed by
// itself, so nothing is ever half done and nothing is locked between two calls. Expiry
// goes by the database's clock. Due is exact. docs/operations.md says what a fail-over
// may lose.
//
// # Maintenance
//
// An expired record is absent at once, but its bytes stay until [Store.Prune] is called:
// say, every hour.
//
// # Errors
//
// The store fails with the errors of package tokenstore, with [ErrNewerSchema] and with
// [ErrSettings]. Any other error is the driver's, with the operation in front of it; a
// write that failed so is in doubt. A context's error stays visible to errors.Is. The
// text of an error may hold keys, but no values.
package sqlstore
