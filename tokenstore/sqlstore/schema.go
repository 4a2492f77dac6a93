package sqlstore

// newSchema returns the steps that lead to the schema of today, from nothing. A step that was released is never changed:
// what is needed later is another step.
func newSchema(w words) [][]string {
	return [][]string{
		{
			"CREATE TABLE incidentbridge_schema (version " + w.integer + " NOT NULL PRIMARY KEY) " + w.table,
			"CREATE TABLE incidentbridge_records (" +
				"key " + w.text + " NOT NULL PRIMARY KEY, " +
				"version " + w.text + " NOT NULL, " +
				"value " + w.bytes + " NOT NULL, " +
				"due_at " + w.integer + ", " + // milliseconds since 1970, as is the next
				"expires_at " + w.integer + ") " + w.table,
			"CREATE INDEX incidentbridge_records_due ON incidentbridge_records (due_at, key) WHERE due_at IS NOT NULL",
			"CREATE INDEX incidentbridge_records_expires ON incidentbridge_records (expires_at) WHERE expires_at IS NOT NULL",
			"INSERT INTO incidentbridge_schema (version) VALUES (1)",
		},
	}
}
