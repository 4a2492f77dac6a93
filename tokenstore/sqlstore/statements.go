package sqlstore

import "strconv"

// statements are the operations of a store in one dialect. Each is a single statement, so
// it is atomic without a transaction. Parameters are numbered in the order in which the
// text first names them, because SQLite counts them so.
type statements struct {
	get, create, update, deleteVersion, deleteAny, due, prune string
}

func newStatements(d dialectSQL) statements {
	const record = "incidentbridge_records AS r "
	unexpired := "(r.expires_at IS NULL OR r.expires_at > " + d.now + ")"
	return statements{
		get: "SELECT r.value, r.version, r.due_at, r.expires_at FROM " + record +
			"WHERE r.key = $1 AND " + unexpired,

		// Both writes succeed when a driver whose answer was lost sends them again: the
		// record carries the new version then.
		create: "INSERT INTO " + record + "(key, version, value, due_at, expires_at) VALUES ($1, $2, $3, $4, $5) " +
			"ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value, " +
			"due_at = excluded.due_at, expires_at = excluded.expires_at " +
			"WHERE r.version = excluded.version OR r.expires_at <= " + d.now,
		update: "UPDATE " + record + "SET version = $1, value = $2, due_at = $3, expires_at = $4 " +
			"WHERE r.key = $5 AND (r.version = $1 OR r.version = $6 AND " + unexpired + ")",

		deleteVersion: "DELETE FROM " + record + "WHERE r.key = $1 AND r.version = $2 AND " + unexpired,
		deleteAny:     "DELETE FROM " + record + "WHERE r.key = $1",

		due: "SELECT r.key, r.due_at FROM " + record +
			"WHERE r.due_at <= $1 AND (r.due_at, r.key) > ($2, $3)" +
			" AND (r.key = $4 OR r.key >= $5 AND r.key < $6) AND " + unexpired +
			" ORDER BY r.due_at, r.key LIMIT $7",

		prune: "DELETE FROM " + record + "WHERE r.key IN (" +
			"SELECT old.key FROM incidentbridge_records AS old WHERE old.expires_at <= (SELECT " + d.now + ") " +
			"ORDER BY old.expires_at LIMIT " + strconv.Itoa(pruneBatch) + d.skipLocked + ")",
	}
}
