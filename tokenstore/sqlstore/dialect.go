package sqlstore

import "fmt"

// Dialect is the SQL that a database speaks.
type Dialect int

// The dialects that a [Store] knows.
const (
	SQLite     Dialect = iota + 1 // 3.42 or newer
	PostgreSQL                    // 12 or newer
)

func (d Dialect) String() string {
	switch d {
	case SQLite:
		return "SQLite"
	case PostgreSQL:
		return "PostgreSQL"
	default:
		return fmt.Sprintf("Dialect(%d)", int(d))
	}
}

// dialectSQL is the SQL in which the dialects differ, and the settings that a database
// needs for the store to keep its promises.
type dialectSQL struct {
	now     string // Unix milliseconds by the database's clock, read again after waiting for a lock
	text    string // the type of keys and versions, compared as bytes
	bytes   string
	integer string
	table   string // the end of CREATE TABLE

	skipLocked string // locks the rows of a subquery and skips those that another transaction has locked

	hasTable string   // reports whether the table $1 exists
	beginTx  []string // begins a transaction that excludes other migrations
	settings []setting
	compact  string // removes what deleted rows left elsewhere
}

// setting is a query for a setting of the connection, and the values with which an
// acknowledged write survives.
type setting struct {
	query string
	want  []string
}

func (d Dialect) sql() dialectSQL {
	if d == SQLite {
		return dialectSQL{
			now:     "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)",
			text:    "TEXT COLLATE BINARY",
			bytes:   "BLOB",
			integer: "INTEGER",
			table:   "STRICT",

			hasTable: "SELECT count(*) > 0 FROM sqlite_schema WHERE name = $1",
			beginTx:  []string{"BEGIN IMMEDIATE"},
			settings: []setting{
				{"PRAGMA journal_mode", []string{"wal"}},
				{"PRAGMA synchronous", []string{"2", "3"}},
				{"PRAGMA secure_delete", []string{"1"}},
				{"SELECT timeout >= 1000 FROM pragma_busy_timeout", []string{"1"}},
				{"SELECT unixepoch('subsec') IS NOT NULL", []string{"1"}},
			},
			compact: "PRAGMA wal_checkpoint(TRUNCATE)",
		}
	}
	return dialectSQL{
		now:     "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
		text:    `text COLLATE "C"`,
		bytes:   "bytea",
		integer: "bigint",

		skipLocked: " FOR UPDATE SKIP LOCKED",

		// Neither to_regclass, which caches that there was no table, nor a higher
		// isolation level would see a table that another process created while this one
		// waited for the lock.
		hasTable: "SELECT count(*) > 0 FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = $1",
		beginTx:  []string{"BEGIN ISOLATION LEVEL READ COMMITTED", "SELECT pg_advisory_xact_lock(7308604896834201441)"},
		settings: []setting{
			{"SHOW synchronous_commit", []string{"on", "remote_apply"}},
			{"SHOW transaction_read_only", []string{"off"}}, // it is on for a standby, whose reads lag
		},
	}
}
