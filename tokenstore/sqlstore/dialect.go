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

// words are what the dialects say differently, and how a database must be set for the store to keep its promises.
type words struct {
	now     string // milliseconds since 1970 by the database's clock, read again after waiting for a lock
	text    string // the type of keys and versions, compared as bytes
	bytes   string
	integer string
	table   string // what ends CREATE TABLE
	locked  string // keeps what a subquery has found as it is, and passes over what somebody else is writing

	hasTable string   // whether the table $1 is there
	begin    []string // begins a transaction that no other migration runs beside
	settings []setting
	tidy     string // removes what deleted rows left elsewhere
}

// setting is a question to a connection, and the answers with which a write that was acknowledged survives.
type setting struct {
	query string
	want  []string
}

func (d Dialect) words() words {
	if d == SQLite {
		return words{
			now:     "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)",
			text:    "TEXT COLLATE BINARY",
			bytes:   "BLOB",
			integer: "INTEGER",
			table:   "STRICT",

			hasTable: "SELECT count(*) > 0 FROM sqlite_schema WHERE name = $1",
			begin:    []string{"BEGIN IMMEDIATE"},
			settings: []setting{
				{"PRAGMA journal_mode", []string{"wal"}},
				{"PRAGMA synchronous", []string{"2", "3"}},
				{"PRAGMA secure_delete", []string{"1"}},
				{"SELECT timeout >= 1000 FROM pragma_busy_timeout", []string{"1"}},
				{"SELECT unixepoch('subsec') IS NOT NULL", []string{"1"}},
			},
			tidy: "PRAGMA wal_checkpoint(TRUNCATE)",
		}
	}
	return words{
		now:     "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
		text:    `text COLLATE "C"`,
		bytes:   "bytea",
		integer: "bigint",
		locked:  " FOR UPDATE SKIP LOCKED",

		// Neither to_regclass, which remembers that there was no table, nor a higher isolation level would see what another
		// process has made while this one waited for the lock.
		hasTable: "SELECT count(*) > 0 FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = $1",
		begin:    []string{"BEGIN ISOLATION LEVEL READ COMMITTED", "SELECT pg_advisory_xact_lock(7308604896834201441)"},
		settings: []setting{
			{"SHOW synchronous_commit", []string{"on", "remote_apply"}},
			{"SHOW transaction_read_only", []string{"off"}}, // a standby, whose reads are old
		},
	}
}
